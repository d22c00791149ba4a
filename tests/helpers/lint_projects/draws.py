"""Choices that a seed and a label decide, each by itself, so that one can be made plain and the others stay.

A mark is a letter that no text has; it stands where a fault is to be named, and is gone from what is written.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")
_FIRST_MARK = 0xE000
_MARKS = re.compile("[\ue000-\ue0ff]")


class Draw:
    """What was drawn for each label; a label in `plain` takes its first option, the plainest."""

    def __init__(self, seed: int, plain: Iterable[str] = ()):
        self.seed, self.plain, self.labels = seed, frozenset(plain), {}

    def _random(self, label: str) -> random.Random:
        self.labels[label] = None
        return random.Random(f"{self.seed}/{label}")

    def choose(self, label: str, *options: T) -> T:
        """One of the options."""
        drawn = self._random(label).choice(options)
        return options[0] if label in self.plain else drawn

    def chance(self, label: str, share: float = 0.5) -> bool:
        """True in that share of the draws; plainly False."""
        drawn = self._random(label).random() < share
        return drawn and label not in self.plain

    def order(self, label: str, items: Iterable[T]) -> list[T]:
        """The items in a drawn order; plainly in their own."""
        items = list(items)
        if label not in self.plain:
            self._random(label).shuffle(items)
        return items

    def some(self, label: str, items: Sequence[T], most: int) -> list[T]:
        """Up to `most` of the items; plainly none."""
        pick = self._random(label)
        drawn = pick.sample(list(items), min(pick.randint(0, most), len(items)))
        return [] if label in self.plain else drawn


def mark(number: int) -> str:
    """The mark of the fault with that number in its project."""
    return chr(_FIRST_MARK + number)


def unmarked(text: str) -> str:
    """The text as it is written."""
    return _MARKS.sub("", text)


def places(texts: dict[str, str]) -> dict[int, set[tuple[str, int]]]:
    """Where each fault is to be named: file and line."""
    result: dict[int, set[tuple[str, int]]] = {}
    for path, text in texts.items():
        for number, line in enumerate(text.split("\n"), 1):
            for each in _MARKS.findall(line):
                result.setdefault(ord(each) - _FIRST_MARK, set()).add((path, number))
    return result
