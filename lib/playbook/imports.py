"""Imports that are held back for a while: packages that others try to load at once and do without."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

GRAMMARS = "rfc3987_syntax"  # jsonschema loads it for a check that notebooks do not use; it compiles for 1.6 s


@contextlib.contextmanager
def without(package: str) -> Iterator[None]:
    """Let `import package` fail inside the block, unless it is loaded already."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]  # Python's own mark of a blocked import
    try:
        yield
    finally:
        del sys.modules[package]
