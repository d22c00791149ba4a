"""Temporary folders that go with the process that made them: what a killed one left, the next to make one removes.

A file in the folder is locked for as long as its maker lives: that holds whatever pid it has, in whatever container.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # no such locks on Windows: nothing is removed there
    fcntl = None  # type: ignore[assignment]

HELD = ".held"  # the file; a folder without it is nobody's to remove


@contextlib.contextmanager
def folder(prefix: str, where: Path | None = None) -> Iterator[Path]:
    """A folder for the length of a `with` block; those of this prefix whose makers have ended are removed first.

    Args:
        prefix: How its name begins, such as `loadgen-`.
        where: The folder it is made in; the system's for temporary files when left out.

    Raises:
        OSError: it cannot be made.
    """
    where = Path(where or tempfile.gettempdir())
    sweep(prefix, where)
    made = tempfile.TemporaryDirectory(prefix=prefix, dir=where, ignore_cleanup_errors=True)
    with made as name, _held(Path(name)):
        yield Path(name)


def sweep(prefix: str, where: Path) -> list[Path]:
    """Remove the folders of this prefix whose makers have ended; returns those removed."""
    folders = stale(prefix, where)
    for one in folders:
        shutil.rmtree(one, ignore_errors=True)
    return folders


def stale(prefix: str, where: Path) -> list[Path]:
    """The folders of this prefix whose makers have ended."""
    found = []
    for file in where.glob(f"{prefix}*/{HELD}"):
        with contextlib.suppress(OSError), file.open("r+") as opened:  # an error: it is held, or another user's
            if fcntl:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
                found.append(file.parent)
    return found


@contextlib.contextmanager
def _held(made: Path) -> Iterator[None]:
    """Hold the folder's lock; the file has its name only when it is locked."""
    with (made / ".new").open("x") as opened:
        with contextlib.suppress(OSError):  # a file system without locks: then nobody else may remove it
            if fcntl:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.rename(made / ".new", made / HELD)
        yield
