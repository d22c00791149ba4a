"""The order of a script: a config file that a server is to read, and that the script writes only after its start."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from playbook.lint.checks.command import Command
from playbook.lint.checks.flags import check_command
from playbook.lint.checks.lookup import Sources, look_up
from playbook.lint.checks.schema import KINDS
from playbook.lint.forms.simple import Simple
from playbook.lint.rules.findings import Finding, finding

_HERE = re.compile(r"^(?:\$PWD|\$\{PWD\}|\$\(pwd\)|`pwd`|\.)/")
_FUNCTION = re.compile(r"(?m)^\s*(?:function\s+\w+|\w+\s*\(\s*\))")  # whose lines run when it is called
_COPIES = ("cp", "mv", "install", "ln")


@dataclass
class Order:
    """What a script's lines do, one after the other: the files they write, and the servers they start."""

    written: dict[str, int] = field(default_factory=dict)  # path -> how many lines in front of its first writing
    started: list[tuple[int, Command]] = field(default_factory=list)
    _lines: int = 0

    def add(self, line: Simple, commands: list[Command]) -> None:
        """Take in the next line, and the server command lines that were read in it."""
        self._lines += 1
        self.started += [(self._lines, command) for command in commands]
        for path in _writes(line) if not commands else ():
            self.written.setdefault(_plain(path), self._lines)

    def late(self, content: str, sources: Sources) -> Iterator[Finding]:
        """Files that a flag names and that stand in the script below the server's start alone; `content` is its text.

        Nothing is said where functions may turn the order round, where the file is here already, or where the server
        is told to read its list of models again, which it does to a file that changes.
        """
        if _FUNCTION.search(content):
            return
        for begun, command in ((begun, check_command(command)[0]) for begun, command in self.started):
            for flag, (_, effect) in KINDS.items():
                path = _on_host(command, command.text(flag))
                again = flag == "model_config_file" and command.number("model_config_file_poll_wait_seconds") > 0
                if not path or again or self.written.get(_plain(path), 0) <= begun:
                    continue
                if look_up(command, sources, command.text(flag)).text is None:
                    words = {"flag": f"--{flag}", "path": command.text(flag), "effect": effect}
                    yield finding("config-file-late", command.path, command.at(flag), **words)


def _writes(line: Simple) -> Iterator[str]:
    words = [word for word in line.words if word != "sudo"]
    if line.target:
        yield str(line.target)
    name, rest = (str(words[0]) if words else ""), [str(word) for word in words[1:] if not word.startswith("-")]
    if name == "tee":
        yield from rest
    elif name in _COPIES and len(rest) == 2:
        yield rest[1] + rest[0].rpartition("/")[2] if rest[1].endswith("/") else rest[1]


def _plain(path: str) -> str:
    return _HERE.sub("", path)


def _on_host(command: Command, path: str) -> str:
    """A command line's path as the script names it: the mount's source in the place of its target; "" where unknown."""
    if not path or "://" in path:
        return ""
    if not command.place.container:
        return path
    for mount, rest in command.place.over(command.place.absolute(path)):
        source = mount.named.rstrip("/")
        return f"{source}/{rest}" if rest and source else source
    return ""
