"""Letters that only look like those of a command: printed quotes and dashes, blanks that are none."""

from __future__ import annotations

import re

DASHES = ("–", "—", "−", "‐", "‑", "‒", "―")  # what word processors and web pages make of hyphens
BOM, UTF16 = "a byte order mark", "UTF-16"
_BLANKS = "\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_NOTHING = "\u200b\u2060\ufeff"  # that nobody sees
_ODD = re.compile(f"[{_BLANKS}]+|[{_NOTHING}]+")
_DASHED = re.compile(f"-*[{''.join(DASHES)}][-{''.join(DASHES)}]*(?=[A-Za-z])")
WRITTEN_END = re.compile(r"(?<=[{}\s\"'\w])\\n(?=\s*(?:[}]|\w+\s*[:{]|$))")  # a line's end as two letters
_OPENING, _CLOSING = "“”„‟«‘‚", "“”‟»’"
_QUOTED = re.compile(rf"(?:^|(?<=[=:,\[]))[{_OPENING}]|[{_CLOSING}](?=$|[,\]:])")
_OUTSIDE = re.compile(rf"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|#[^\n]*|([{_BLANKS}{_NOTHING}])")


def printed_dash(word: str) -> str:
    """The dash of printed text that a word begins with, hyphens beside it included; "" for none."""
    match = _DASHED.match(word)
    return match.group() if match else ""


def printed_quote(word: str) -> str:
    """The quote of printed text that stands where a word would be quoted; "" for none (it may stand inside)."""
    match = _QUOTED.search(word)
    return match.group() if match else ""


def without_quotes(word: str) -> str:
    """The word without its printed quotes."""
    return _QUOTED.sub("", word)


def odd_blank(text: str) -> str:
    """What a blank is called that is none of a shell's, YAML's or a config's; "" where there is none."""
    match = _ODD.search(text)
    if match is None:
        return ""
    letter = match.group()[0]
    names = {"\u00a0": "a blank that keeps words together, U+00A0", "\u3000": "a wide blank, U+3000",
             "\u200b": "a blank without width, U+200B", "\ufeff": "a byte order mark, U+FEFF"}  # fmt: skip
    return names.get(letter, f"a printer's blank, U+{ord(letter):04X}")


def parted(text: str) -> list[str]:
    """A text at its odd blanks, as it was meant; what has no width is dropped."""
    bare = re.sub(f"[{_NOTHING}]+", "", text)
    return [part for part in re.split(f"[{_BLANKS}]+", bare) if part]


def plain(text: str) -> str:
    """The text with blanks in the place of odd ones."""
    return _ODD.sub(lambda match: "" if match.group()[0] in _NOTHING else " " * len(match.group()), text)


def first_outside(text: str) -> int | None:
    """Where the first odd blank of a config stands that is in no quotes and no comment; None for none."""
    found = (match.start(1) for match in _OUTSIDE.finditer(text) if match[1])
    return next(found, None)
