"""Stopwatch: the seconds a stage spends measuring or training, so that a run can say what everything else costs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

_spent_s = [0.0]


def add(seconds: float) -> None:
    """Count seconds that a measurement window lasted."""
    _spent_s[0] += seconds


@contextmanager
def measuring() -> Iterator[None]:
    """Count the seconds the block lasts."""
    began = time.monotonic()
    try:
        yield
    finally:
        add(time.monotonic() - began)


def take() -> float:
    """The seconds counted since the last time this was asked."""
    spent, _spent_s[0] = _spent_s[0], 0.0
    return round(spent, 1)
