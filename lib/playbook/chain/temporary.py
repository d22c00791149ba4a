"""Temporary files of a chain in one folder, which a later chain removes where a killed one could not."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from loadgen import temporary

PREFIX = "playbook-"


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder for everything temporary, of this process and those it starts, for the length of a `with` block.

    Folders of chains that have ended without removing theirs are removed first.
    """
    before = os.environ.get("TMPDIR")
    with temporary.folder(PREFIX) as made:
        os.environ["TMPDIR"] = tempfile.tempdir = str(made)
        try:
            yield made
        finally:
            tempfile.tempdir = None
            os.environ.pop("TMPDIR") if before is None else os.environ.update(TMPDIR=before)
