"""Writes `requests.parquet`: one row a request, by DuckDB, atomically, in slices that bound the memory."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import numpy as np

from loadgen.rows import KINDS, Rows

SLICE_ROWS = 1_000_000

SELECT = """
    SELECT {level}::INTEGER AS level, worker::INTEGER AS worker, scheduled_ns, nullif(sent_ns, 0) AS sent_ns, done_ns,
           nullif(status, 0)::INTEGER AS status, nullif(kinds[kind + 1], '') AS error, size AS bytes
    FROM part
"""


def write_requests(path: Path, rows: Rows, level: int) -> None:
    """Write `rows` as columns level, worker, scheduled_ns, sent_ns, done_ns, status, error, bytes.

    Times are CLOCK_MONOTONIC ns; `sent_ns` is null for what was never sent, `status` for what got none (a gRPC OK is
    null as well: its status is 0), `error` for good answers.
    """
    import duckdb  # 20 MB and 0.3 s: only where rows are written, never in a worker

    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".unfinished")
    names = ", ".join(f"'{kind}'" for kind in KINDS)
    with duckdb.connect() as db:
        db.execute("SET threads = 1")
        with contextlib.suppress(duckdb.Error):  # a Jupyter kernel without ipywidgets refuses even to turn it off
            db.execute("SET enable_progress_bar = false")  # it would be drawn on stdout, where the summary goes
        select = SELECT.format(level=int(level)).replace("kinds[", f"[{names}][")
        for start in range(0, max(len(rows), 1), SLICE_ROWS):
            part = _columns(rows.take(slice(start, start + SLICE_ROWS)))  # noqa: F841 (DuckDB reads it by name)
            db.execute(("CREATE TABLE kept AS " if start == 0 else "INSERT INTO kept ") + select)
        db.execute(f"COPY kept TO '{str(unfinished).replace(chr(39), chr(39) * 2)}' (FORMAT parquet)")
    os.replace(unfinished, path)


def _columns(piece: Rows) -> dict[str, np.ndarray]:
    times = {name: np.ascontiguousarray(getattr(piece, name)) for name in ("scheduled_ns", "sent_ns", "done_ns")}
    return times | {"worker": piece.worker, "status": piece.status, "kind": piece.kind, "size": piece.size}
