"""What a chain was at when it ended: a record may stand where its executed notebook and its page do not.

A stage is done when all three are there, and a chain when the run's page is written and copied. What it is at stands in
the run folder for as long as that takes, and stays there where the chain was killed, interrupted or failed.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playbook.records import record, runs, whole_file

FILE = ".stage"
PAGE = "record"  # of the whole run, after the last stage


@contextlib.contextmanager
def marked(run_dir: Path, stage: str) -> Iterator[None]:
    """Name the verb, or PAGE, in the run folder for the length of a `with` block; where that raises, it stays."""
    mark = whole_file.write_text(Path(run_dir) / FILE, stage)
    yield
    mark.unlink(missing_ok=True)


def is_any(run_dir: Path) -> bool:
    """Whether a chain ended in the middle of something here."""
    return (Path(run_dir) / FILE).exists()


def without_notebook(run_dir: Path) -> list[str]:
    """The verb, if any, whose record stands without the notebook that made it: what it showed can only be made anew."""
    verb = _recorded(run_dir)
    return [verb] if verb and not _made(run_dir, verb) else []


def without_page(run_dir: Path) -> list[str]:
    """The verb, if any, whose record and notebook stand and whose page may be missing or half there."""
    verb = _recorded(run_dir)
    return [verb] if verb and _made(run_dir, verb) else []


def _recorded(run_dir: Path) -> str:
    """The verb of the stage that did not end well, if it left a record."""
    try:
        verb = (Path(run_dir) / FILE).read_text()
    except OSError:
        return ""
    return verb if verb in runs.NOTEBOOKS and record.has(run_dir, verb) else ""


def _made(run_dir: Path, verb: str) -> bool:
    """Whether the notebook in its place is of that stage, and was executed to its end: an attempt before may have left
    one too."""
    notebook = Path(run_dir) / f"{runs.NOTEBOOKS[verb]}.ipynb"
    try:
        told: dict[str, Any] = json.loads(notebook.read_text())["metadata"]["papermill"]
        newer = notebook.stat().st_mtime_ns >= (Path(run_dir) / FILE).stat().st_mtime_ns
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return newer and bool(told.get("end_time")) and not told.get("exception")
