"""One simple command of a shell, and what it means that several stand in a group."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from playbook.lint.forms.text import Word


@dataclass
class Simple:
    """One simple command: its words, the file its output goes to, and the text it is fed by a here-document."""

    words: list[Word] = field(default_factory=list)
    target: Word | None = None
    appends: bool = False
    fed: str = ""
    fed_line: int = 0
    unclosed: int | None = None  # the line of a quote in it that nothing closes
    end: str = ""  # what ends it: `&`, `|`, `&&`, a line's end

    @property
    def line(self) -> int | None:
        """The line of its first word."""
        return self.words[0].line if self.words else None


def ungrouped(commands: list[Simple]) -> Iterator[Simple]:
    """The commands; what stands in `{ ... } > FILE` writes into that file."""
    begins: list[int] = []
    for place, command in enumerate(commands):
        if command.words[:1] == ["{"]:
            begins.append(place)
            command.words = command.words[1:]
        if command.words[:1] == ["}"] and begins:
            begin = begins.pop()
            for inner in commands[begin:place] if command.target else ():
                if inner.target is None:
                    inner.target, inner.appends = command.target, True
    yield from (command for command in commands if command.words or command.target)
