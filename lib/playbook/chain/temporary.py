"""Temporary files of a chain in one folder, which a later chain removes where a killed one could not."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

from playbook.records.process import begun_s, living

_NAME = re.compile(r"playbook-(\d+)-(\d+)-\w+")


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder for everything temporary, of this process and those it starts, for the length of a `with` block.

    Folders of chains that have ended without removing theirs are removed first.
    """
    before, here = os.environ.get("TMPDIR"), Path(tempfile.gettempdir())
    sweep(here)
    me = psutil.Process()
    with tempfile.TemporaryDirectory(
        prefix=f"playbook-{me.pid}-{begun_s(me):.0f}-", dir=here, ignore_cleanup_errors=True
    ) as name:
        os.environ["TMPDIR"], tempfile.tempdir = name, name
        try:
            yield Path(name)
        finally:
            tempfile.tempdir = None
            os.environ.pop("TMPDIR") if before is None else os.environ.update(TMPDIR=before)


def sweep(where: Path) -> list[Path]:
    """Remove the folders of chains that have ended; returns those removed."""
    removed = []
    for path in where.glob("playbook-*"):
        named = _NAME.fullmatch(path.name)
        if named and living(int(named[1]), float(named[2])) is None:
            shutil.rmtree(path, ignore_errors=True)
            removed.append(path)
    return removed
