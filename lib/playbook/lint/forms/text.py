"""Text with places: words that know their line, and pieces of files that know where they stand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ENGINES = r"(?:(?:nvidia-)?docker|podman|nerdctl)"  # the programs that run containers from a command line
UNKNOWN = "$…"  # stands for a value that only a later step knows: a template's, a shell's
_QUOTED = re.compile(r"""^(['"])(.*)\1$""", re.DOTALL)
_VARIABLE = re.compile(r"\$(?:\{(\w+)|(\w+))")


class Word(str):
    """One word of a command line or a YAML scalar, with the line it stands on (from 1; None where unknown)."""

    line: int | None
    raw: bool  # True where no shell reads it, so that a `${NAME}` stays as it is
    written: str  # as it stands in its file: with the line ends that a backslash takes away inside quotes
    path: str  # the file it stands in, where that is another than the one that uses it; "" otherwise
    flat: bool = False  # True where all its lines stand on one line of the file, as in JSON
    part: int | None = None  # which of the words it is that a variable without quotes falls into

    def __new__(
        cls, text: object, line: int | None = None, raw: bool = False, written: str = "", path: str = ""
    ) -> Word:
        """A word of this text at this line."""
        word = super().__new__(cls, text)
        word.line, word.raw, word.written, word.path = line, raw, written or str(text), path
        return word

    def with_text(self, text: str) -> Word:
        """Another text at the same place."""
        word = Word(text, self.line, self.raw, path=self.path)
        word.part = self.part
        return word


def line_of(value: object) -> int | None:
    """The line of a word, or of a mapping or list read from YAML; None for anything else."""
    return getattr(value, "line", None)


def place_of(value: object, shown: str, line: int | None) -> tuple[str, int | None]:
    """Where a word stands: in a file of its own (a `.env`), or in the text shown, at its line or else at this one."""
    return getattr(value, "path", "") or shown, line_of(value) or line


def is_unknown(value: str) -> bool:
    """True where a part of the value is filled in later, so that it cannot be judged."""
    return "$" in value or "{{" in value or "<" in value


def expand(text: str, values: Mapping[str, str]) -> str:
    """The text with `${NAME}`, `$NAME` and `${NAME:-default}` filled from `values`; unknown ones stay."""
    result, place = "", 0
    while (match := _VARIABLE.search(text, place)) is not None:
        end = match.end() if match[2] else _closing(text, match.end())
        name, behind = match[1] or match[2], "" if match[2] else text[match.end() : end - 1]
        default = re.match(r":?[-=](.*)", behind, re.DOTALL)
        value = values.get(name) if not behind or default else None
        if value is None and default:
            value = expand(_QUOTED.sub(r"\2", default[1]), values)
        result += text[place : match.start()] + (text[match.start() : end] if value is None else value)
        place = end
    return result + text[place:]


def _closing(text: str, place: int) -> int:
    """The place behind the brace that closes one opened before this place; the text's end where none does."""
    depth = 1
    while place < len(text) and depth:
        depth += (text[place] == "{") - (text[place] == "}")
        place += 1
    return place


@dataclass(frozen=True)
class Text:
    """A file's text, or a piece of one: where it is shown, its first line there, and its file when it is a whole one.

    `templated`: parts of it were unknown values, so it cannot be read strictly.
    """

    content: str
    path: str
    first_line: int = 1
    file: Path | None = field(default=None, compare=False)
    templated: bool = False
    coded: bool = False  # in base64, say: all of it stands on one line
    seen: bool = False  # a shell writes it as it is shown: nothing is put in but the values of variables
    written_as: str = ""  # the suffix that files in its language have, where its path tells of another

    @property
    def suffix(self) -> str:
        """How files in its language end, in lower case."""
        return self.written_as or Path(self.path).suffix.lower()

    def line(self, number: int | None) -> int | None:
        """The line in the file of the text's own line `number`."""
        if self.coded:
            return self.first_line
        return None if number is None else self.first_line + number - 1
