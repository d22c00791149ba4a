"""Bytes that other readers than lint stumble over: byte order marks, UTF-16, the line ends of Windows."""

from __future__ import annotations

import re
from collections.abc import Iterator

from playbook.lint.forms.letters import BOM, UTF16
from playbook.lint.rules.findings import Finding, finding

_REFUSED = {
    "dockerfile": "Docker reads no instruction in it",
    "shell": "no shell reads it, and the kernel does not know it for a script",
    "makefile": "make does not read it",
    "python": "Python refuses it",
    "hcl": "Terraform refuses it",
    "unit": "systemd does not read it",
}


def check_encoding(shown: str, kind: str, mark: str, content: str, effect: str = "") -> Iterator[Finding]:
    """A text whose encoding its reader refuses; `effect` is what then becomes of the server, for a config file of its.

    YAML may be UTF-16, PowerShell and documents any of them; a byte order mark hurts a config and a script's first
    line alone.
    """
    if effect:
        yield finding("text-encoding", shown, 1, mark=mark, effect=f"protobuf's parser refuses it, {effect}")
    elif mark == UTF16 and kind in _REFUSED:
        yield finding("text-encoding", shown, 1, mark=mark, effect=_REFUSED[kind])
    elif mark == BOM and kind == "shell" and content.startswith("#!"):
        what = "the kernel does not see its #!, so that a container with it as its entrypoint ends with a format error"
        yield finding("text-encoding", shown, 1, mark=mark, effect=what)


def check_first_line(shown: str, kind: str, content: str) -> Iterator[Finding]:
    """A container's entrypoint whose #! stands below its first line, where the kernel does not look."""
    late = re.match(r"\s*\n\s*(?=#!\s*/)", content)
    if kind == "shell" and late is not None and "entrypoint" in shown.rpartition("/")[2].lower():
        yield finding("shebang-not-first", shown, late[0].count("\n") + 1)


def check_line_ends(shown: str, kind: str, content: str) -> Iterator[Finding]:
    """A script with carriage returns, which shells of Linux take for letters."""
    if kind != "shell":
        return
    effect = "a backslash goes on no line and values end in an invisible letter"
    if content.startswith("#!"):
        effect = "the program that #! names is not found: the script does not start"
    yield finding("windows-line-ends", shown, 1, effect=effect)
