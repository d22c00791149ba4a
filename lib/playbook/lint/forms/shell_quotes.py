"""Quotes of shell text that are none, or that nothing closes."""

from __future__ import annotations

import re

_CONTRACTED = re.compile(r"(?:t|s|re|ll|ve|d|m)\b")  # behind an apostrophe
_DOUBLE = re.compile(r'(?:[^"\\]|\\.)*"', re.DOTALL)


def is_apostrophe(text: str, place: int) -> bool:
    """True inside a word such as `isn't`, where no quote closes on the line: what a message or a sentence says."""
    rest = text[place + 1 :].partition("\n")[0]
    return place > 0 and text[place - 1].isalpha() and "'" not in rest and bool(_CONTRACTED.match(rest))


def is_closed(text: str, place: int) -> bool:
    """True where a double quote closes what begins at a place."""
    return bool(_DOUBLE.match(text, place))
