"""A shell's variables: what an assignment gives a name, and the words that a name falls into, each at its line."""

from __future__ import annotations

import re

from playbook.lint.forms.simple import Simple
from playbook.lint.forms.text import UNKNOWN, Word, expand

_ASSIGN = re.compile(r"^([A-Za-z_]\w*)(\+?)=(.*)$", re.DOTALL)
_UNFILLED = re.compile(r"(?<!\\)\$(?:\{\w+[^}]*\}|[A-Za-z_]\w*)")
PART = "\x1f"  # where a variable without quotes around it falls into several words


def assign(command: Simple, values: dict[str, str]) -> None:
    """Remember what a command that is nothing but assignments gives its names."""
    words = [word for word in command.words if word not in ("export", "readonly", "local", "declare")]
    pairs = [_ASSIGN.match(word) for word in words]
    for word, pair in zip(words, pairs, strict=True) if words and all(pairs) else ():
        if pair is not None:
            values[pair[1]] = _kept(values.get(pair[1], ""), bool(pair[2]), pair[3], word)


def _kept(before: str, appended: bool, value: str, word: Word) -> Word:
    """What a name stands for from here on; `written` keeps the lines of its parts, those of what was there before."""
    written = word.written.partition("=")[2]
    if appended and before.isdigit() and value.isdigit():  # `((PORT+=2))`: nobody puts digits behind digits
        return Word(int(before) + int(value), word.line)
    grown = appended or bool(before and value.startswith(before))
    if not (grown and isinstance(before, Word) and before.line):
        return Word(before + value if appended else value, word.line, written=written)
    behind = written if appended else value.removeprefix(before)
    gap = (word.line or before.line) - before.line - before.written.count("\n")
    return Word(before + value if appended else value, before.line, written=before.written + "\\\n" * gap + behind)


def laid_out(value: Word) -> list[Word]:
    """The words that a variable without quotes falls into, each on the line it is written on."""
    parts, line = [], value.line or 1
    for piece in re.split(r"(\s+)", value.written.replace("\\\n", "\n")):
        if piece and not piece.isspace():
            parts.append(Word(piece, line))
        line += piece.count("\n")
    return _counted(parts if parts == value.split() else [Word(part, value.line) for part in value.split()])


def unquoted(filled: str) -> str:
    """What a variable without quotes stands for: a shell splits it at its blanks."""
    return filled if filled.startswith("$(") else re.sub(r"\s+", PART, filled)


def fed_text(text: str, values: dict[str, str]) -> str:
    """A here-document whose mark has no quotes: the shell fills in each `$NAME`, known or not, and keeps `\\$`."""
    return _UNFILLED.sub(UNKNOWN, expand(text, values)).replace("\\$", "$").replace("\\\\", "\\")


def parted(word: Word) -> list[Word]:
    """The words that a word falls into where a variable without quotes stands in it."""
    if PART not in word or _ASSIGN.match(word):
        return [word.with_text(word.replace(PART, " "))] if PART in word else [word]
    return _counted([word.with_text(part) for part in word.split(PART) if part])


def _counted(parts: list[Word]) -> list[Word]:
    """The words that one falls into, each with its number; a word that stays whole has none."""
    for number, part in enumerate(parts if len(parts) > 1 else ()):
        part.part = number
    return parts
