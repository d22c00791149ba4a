"""What starts a server apart from a shell's script: systemd's units, quadlets, supervisord, Windows' batch files."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace

from playbook.lint.checks.command import BINARY, Command
from playbook.lint.checks.environment import instead_of, is_unread
from playbook.lint.checks.flags import check_command
from playbook.lint.checks.reading import Document, Reading
from playbook.lint.checks.schema import KINDS
from playbook.lint.forms.text import Text, is_unknown
from playbook.lint.forms.units import unit_as_shell, windows_as_shell
from playbook.lint.forms.variables import variables
from playbook.lint.readers.scripts import read_script
from playbook.lint.rules.findings import Finding, finding

_ENVIRONMENT = re.compile(r"\s*Environment\s*=\s*(.+)")
_STARTED = re.compile(r"(?m)^[ \t]*ExecStart[ \t]*=(?:.*\\\n)*.*")
_SHELLS = re.compile(r"(?<=\s)(\d?>{1,2}|&>|\d>&\d|\|{1,2}|&&?)(?=\s|/|$)")
_SERVICE = re.compile(r"(?m)^\s*\[Service\]")
# another folder than the root: told, a user's home, or a shell's `cd`
_ELSEWHERE = re.compile(r"(?m)^\s*(WorkingDirectory|RootDirectory)\s*=|WantedBy\s*=\s*default\.target|\bcd\s|--user\b")
_ENVIRONMENT_FILE = re.compile(r"(?m)^\s*EnvironmentFile\s*=\s*-?(\S+)\s*$")


def read_unit(document: Document) -> Reading:
    """What a systemd unit, a quadlet of podman's or supervisord starts, with the variables of files here."""

    def filled(match: re.Match) -> str:
        name = match[1].rpartition("/")[2]
        text = document.around.sources.file(document.folder / name) if document.folder is not None else None
        pairs = variables(text).items() if text is not None else ()
        return "Environment=" + " ".join(shlex.quote(f"{key}={value}") for key, value in pairs)

    content = unit_as_shell(_ENVIRONMENT_FILE.sub(filled, document.text.content))
    reading = read_script(Document(replace(document.text, content=content), document.around))
    if _SERVICE.search(document.text.content) and not _ELSEWHERE.search(document.text.content):
        reading.findings += _in_root(reading.commands)
    if reading.commands and _SERVICE.search(document.text.content):
        reading.findings += [*_unread(document.text), *_without_shell(document.text)]
    return reading


def _unread(text: Text) -> Iterator[Finding]:
    """Variables of a service that starts the server itself, which reads none of them."""
    for line, content in enumerate(text.content.split("\n"), text.first_line):
        told = _ENVIRONMENT.match(content)
        for name, _, value in (word.partition("=") for word in shlex.split(told[1])) if told else ():
            if is_unread(name, text.content, by_script=False):
                why = "the service starts the server itself, which reads no settings from variables"
                yield finding("env-nobody-reads", text.path, line, name=name, why=why, hint=instead_of(name, value))


def _without_shell(text: Text) -> Iterator[Finding]:
    """Words of a shell's in ExecStart, which starts a program without one."""
    for started in _STARTED.finditer(text.content):
        bare = re.sub(r"\"[^\"]*\"|'[^']*'", lambda quoted: " " * len(quoted[0]), started[0])
        if BINARY in bare and (word := _SHELLS.search(bare)):
            line = text.line(text.content.count("\n", 0, started.start() + word.start(1)) + 1)
            yield finding("unit-without-shell", text.path, line, word=word[1])


def _in_root(commands: list[Command]) -> Iterator[Finding]:
    """Files that the flags of a service name by relative paths: systemd starts it in the root of the file system."""
    for command in (check_command(each)[0] for each in commands):
        for flag in KINDS if not command.place.container else ():
            path = command.text(flag)
            if path and not path.startswith("/") and "://" not in path and not is_unknown(path):
                where = f"/{path.removeprefix('./')}"
                yield finding("unit-relative-file", command.path, command.at(flag), flag=flag, path=path, where=where)


def read_windows(document: Document) -> Reading:
    """What a batch file or PowerShell starts."""
    text = replace(document.text, content=windows_as_shell(document.text.content))
    return read_script(Document(text, document.around))
