"""Temporary files of a chain in one folder, which a later chain removes where a killed one could not."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from loadgen import temporary
from playbook.chain import environment

PREFIX = "playbook-"
AT_HOME = ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "MPLCONFIGDIR")


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder for everything temporary, of this process and those it starts, for the length of a `with` block.

    Folders of chains that have ended without removing theirs are removed first.
    """
    with temporary.folder(PREFIX) as made, environment.holding({"TMPDIR": str(made)} | _in_place_of_home(made)):
        tempfile.tempdir = str(made)
        try:
            yield made
        finally:
            tempfile.tempdir = None


def _in_place_of_home(folder: Path) -> dict[str, str]:
    """Where kernels write what they otherwise keep at home, if nobody may write there: a container of any user."""
    try:
        tempfile.TemporaryFile(dir=Path.home()).close()
    except OSError:
        return {name: str(folder / name.lower()) for name in AT_HOME if name not in os.environ}
    return {}
