"""Every table of a run as a pandas DataFrame in one line, for notebooks and one's own analysis."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from playbook.errors import ParameterError
from playbook.records import places, store, tables
from playbook.records.run_folder import RunFolder

if TYPE_CHECKING:
    import pandas as pd


def frame(run: RunFolder | Path | str, table: str) -> pd.DataFrame:
    """A table of one run, its columns as outputs/README.md tells them; without a row where nothing was kept.

    `requests` has `latency_ms` too, from when each was due to its answer; missing where it failed.

    Args:
        run: A run folder, read or by its path.
        table: requests, metrics, resources, events, changes, trials, runs, levels or drills.

    Raises:
        ParameterError: no such table; names those there are.
        QueryFailed: no such folder.
    """
    known = tables.documented()
    if table not in known:
        raise ParameterError(f"A table named {table!r} was asked for; a run has {', '.join(known)}.")
    run_dir = Path(run.run_dir if isinstance(run, RunFolder) else run).resolve()
    places.Local(run_dir)  # says so where there is none
    latency = ", CASE WHEN error IS NULL OR error = '' THEN (done_ns - scheduled_ns) / 1e6 END AS latency_ms"
    more = latency if table == "requests" else ""
    return store.query(f'SELECT *{more} FROM "{table}"', run_dir.parent, run_dir.name)
