"""Environment variables for the length of a `with` block: of this process, and of those that it starts meanwhile."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping


@contextlib.contextmanager
def holding(values: Mapping[str, str]) -> Iterator[None]:
    """These variables with these values; what they were before, or not at all, after it."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
