"""Systemd units, podman's quadlets, supervisord's programs, and batch files, as the shell text they run."""

from __future__ import annotations

import re
import shlex

_SPECIFIER = re.compile(r"(?<!%)%([a-zA-Z])\b")  # what systemd fills in: %i is the instance
_QUADLET = {"Volume": "-v", "PublishPort": "-p", "Environment": "-e", "Mount": "--mount"}


def windows_as_shell(content: str) -> str:
    """A batch file or PowerShell as shell text: their marks at line ends become backslashes, those of paths stay."""
    kept = re.sub(r"\\(?!\r?\n)", r"\\\\", content)
    kept = kept.replace('`"', '\\"')  # how PowerShell writes a quote inside quotes
    return re.sub(r"(?im)^(\s*)(rem\b|::)", r"\1#", re.sub(r"[\^`][ \t]*(?=\r?\n)", r"\\", kept))


def _quadlet_as_shell(content: str) -> str:
    """A unit of podman's that names an image, as the line that podman runs; it stands where the image's name does."""
    pairs = re.findall(r"(?m)^(\w+)\s*=\s*(.*?)\s*$", re.sub(r"\\\n\s*", " ", content))
    options = " ".join(f"{_QUADLET[name]} {value}" for name, value in pairs if name in _QUADLET)
    values = dict(pairs)
    before = content[: content.find("Image=")].count("\n")
    entry = f"--entrypoint {values['Entrypoint']} " if "Entrypoint" in values else ""
    gap = content[: max(content.find("\nExec=") + 1, 0)].count("\n") - before
    line = f"podman run {options} {entry}{values.get('Image', '')} " + "\\\n" * max(gap, 0)
    return "\n" * before + line + values.get("Exec", "")


def _exported(assigned: str) -> str:
    """What a unit's Environment sets, as a shell's export; "" where its quotes do not close."""
    try:
        pairs = [pair.partition("=") for pair in shlex.split(assigned)]
    except ValueError:
        return ""
    return "export " + " ".join(f"{name}={shlex.quote(value)}" for name, _, value in pairs)


def unit_as_shell(content: str) -> str:
    """What a systemd unit or supervisord starts, as shell text in its place, with the unit's Environment in front."""
    if re.search(r"(?m)^\[Container\]", content):
        return _quadlet_as_shell(content)
    result: list[str] = []
    continued = False
    for line in content.split("\n"):
        started = re.match(r"^(\s*(?:Exec(?:Start|StartPre)|command)\s*=\s*)[-@:+!]*(.*)$", line)
        variables = re.match(r"^\s*Environment\s*=\s*(.*)$", line)
        indented = "[program:" in content and bool(result) and bool(result[-1]) and re.match(r"[ \t]+\S", line)
        if indented and not started:  # an ini file's value goes on in indented lines
            result[-1] += "" if result[-1].endswith("\\") else " \\"
        torn = bool(result and result[-1]) and not continued and bool(re.match(r"[ \t]*--\w", line))  # a shell tells it
        if started or continued or indented or torn:
            kept = "\\" if not started and line.lstrip().startswith(("#", ";")) else started[2] if started else line
            result.append(_SPECIFIER.sub(r"${\1}", kept))  # a comment between lines that go on is left out
            continued = kept.rstrip().endswith("\\")
        else:
            result.append(_exported(variables[1]) if variables else "")
    return "\n".join(result)
