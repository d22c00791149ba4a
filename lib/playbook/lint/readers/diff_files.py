"""Files of changes (.diff, .patch): each file they lead to, as far as it is shown, and the lines that they add."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playbook.lint.forms.diffs import after
from playbook.lint.forms.text import Text

_TO = re.compile(r"^\+\+\+ (?:b/|\w/)?([^\t\n]+)")
_HEAD = re.compile(r"^(diff |--- \S|Index: )")
_SUFFIXES = (".diff", ".patch")


@dataclass(frozen=True)
class Piece:
    """A file that a diff leads to: its name, what is shown of it at the diff's lines, and whether that is all of it."""

    name: Path
    text: Text
    whole: bool


def is_diff(name: str, content: str) -> bool:
    """True for a file of changes, by its name or its first line."""
    return name.endswith(_SUFFIXES) or content.startswith("diff --git ")


def pieces(text: Text) -> Iterator[Piece]:
    """The files of a diff that are there after it; those that it deletes are left out."""
    lines, place = text.content.split("\n"), 0
    while place < len(lines):
        named = _TO.match(lines[place])
        place += 1
        if named is None or named[1].strip() == "/dev/null":
            continue
        begin, new = place, place > 1 and lines[place - 2].startswith("--- /dev/null")
        while place < len(lines) and not _HEAD.match(lines[place]):
            place += 1
        content = textwrap.dedent(after("\n".join(lines[begin:place])))
        yield Piece(Path(named[1].strip()), Text(content, text.path, begin + 1), new)


def added(text: Text) -> set[int]:
    """The lines of a diff that it adds to a file."""
    lines = enumerate(text.content.split("\n"), 1)
    return {number for number, line in lines if line.startswith("+") and not line.startswith("+++ ")}
