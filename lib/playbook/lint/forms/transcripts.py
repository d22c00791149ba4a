"""Transcripts of consoles: the commands behind their prompts, and the files that they print by `cat`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

_PROMPT = re.compile(r"[\w.-]+@[\w.-]+:[^\s$#]*[$#][ \t]+(?P<command>\S.*)|[\w.-]+@[\w.-]+:[^\s$#]*[$#][ \t]*")
_PRINTS = re.compile(r"(?:sudo )?cat[ \t]+(?P<name>[^\s|<>&;-][^\s|<>&;]*)[ \t]*")


def printed_files(content: str) -> list[tuple[str, str, int]]:
    """The files whose text a transcript shows: the name, the text, and the line it begins on; none in another text."""
    found = []
    for command, first, output in _parts(content):
        prints = _PRINTS.fullmatch(command)
        if prints and output.strip():
            found.append((prints["name"].rpartition("/")[2], output, first + 1))
    return found


def commands_of(content: str) -> str:
    """The commands of a transcript on their lines, without what they print."""
    shown = [""] * (content.count("\n") + 1)
    for command, first, output in _parts(content):
        shown[first - 1] = command
        lines = output.split("\n")
        for place, line in enumerate(lines):
            if not shown[first - 1 + place].endswith("\\"):
                break
            shown[first + place] = line
    return "\n".join(shown)


def _parts(content: str) -> Iterator[tuple[str, int, str]]:
    """Each command with its line, and the lines behind it up to the next prompt."""
    lines = content.split("\n")
    starts = [place for place, line in enumerate(lines) if _PROMPT.fullmatch(line)]
    for start, end in pairwise([*starts, len(lines)]):
        prompt = _PROMPT.fullmatch(lines[start])
        yield (prompt["command"] or "") if prompt else "", start + 1, "\n".join(lines[start + 1 : end])
