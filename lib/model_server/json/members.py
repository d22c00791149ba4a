"""JSON objects in which a name stands more than once: rapidjson keeps each, and TensorFlow Serving reads them all."""

from __future__ import annotations

from collections.abc import Iterable


class Members(dict):
    """An object with a name that comes again: the first value by name, and all pairs in their order."""

    def __init__(self, first: dict, pairs: list[tuple[str, object]]):
        super().__init__(first)
        self.pairs = pairs


def pairs(value: dict) -> Iterable[tuple[str, object]]:
    """All members of an object, those that come again among them."""
    return value.pairs if type(value) is Members else value.items()


def count(value: dict) -> int:
    """How many members an object has, those that come again among them."""
    return len(value.pairs) if type(value) is Members else len(value)


def c_string(name: str) -> str:
    """A member's name as C reads it, which ends at a NUL."""
    return name.partition("\0")[0]
