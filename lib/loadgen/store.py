"""Parquet of request rows by DuckDB: `requests.parquet` of a level, and the shares of workers elsewhere, merged by SQL.

Whole files only, in slices that bound the memory. DuckDB costs 20 MB and 0.3 s: it is imported where rows are written
or merged, never in a load worker.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from loadgen.rows import KINDS, WORDS, RequestRows

SLICE_ROWS = 1_000_000

SELECT = """
    SELECT {level}::INTEGER AS level, worker::INTEGER AS worker, scheduled_ns, nullif(sent_ns, 0) AS sent_ns, done_ns,
           nullif(status, 0)::INTEGER AS status, nullif(kinds[kind + 1], '') AS error, size AS bytes
    FROM part
"""


# by_ns: what a machine's CLOCK_MONOTONIC differs by from this one's
MERGE = """
    SELECT worker, scheduled_ns + by_ns AS scheduled_ns, if(sent_ns = 0, 0, sent_ns + by_ns) AS sent_ns,
           done_ns + by_ns AS done_ns, code
    FROM read_parquet($files) JOIN (SELECT unnest($workers)::SMALLINT AS worker, unnest($by_ns)::BIGINT AS by_ns)
    USING (worker) ORDER BY worker, done_ns, scheduled_ns
"""


@contextlib.contextmanager
def _database() -> Iterator[Any]:
    import duckdb

    with duckdb.connect() as db:
        db.execute("SET threads = 1")
        with contextlib.suppress(duckdb.Error):  # a Jupyter kernel without ipywidgets refuses even to turn it off
            db.execute("SET enable_progress_bar = false")  # it would be drawn on stdout, where the summary goes
        yield db


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def write_requests(path: Path, rows: RequestRows, level: int) -> None:
    """Write `rows` as columns level, worker, scheduled_ns, sent_ns, done_ns, status, error, bytes.

    Times are CLOCK_MONOTONIC ns; `sent_ns` is null for what was never sent, `status` for what got none (a gRPC OK is
    null as well: its status is 0), `error` for good answers.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".unfinished")
    names = ", ".join(f"'{kind}'" for kind in KINDS)
    with _database() as db:
        select = SELECT.format(level=int(level)).replace("kinds[", f"[{names}][")
        for start in range(0, max(len(rows), 1), SLICE_ROWS):
            part = _columns(rows.take(slice(start, start + SLICE_ROWS)))  # noqa: F841 (DuckDB reads it by name)
            db.execute(("CREATE TABLE kept AS " if start == 0 else "INSERT INTO kept ") + select)
        db.execute(f"COPY kept TO {_quoted(unfinished)} (FORMAT parquet)")
    os.replace(unfinished, path)


def _columns(piece: RequestRows) -> dict[str, np.ndarray]:
    times = {name: np.ascontiguousarray(getattr(piece, name)) for name in ("scheduled_ns", "sent_ns", "done_ns")}
    return times | {"worker": piece.worker, "status": piece.status, "kind": piece.kind, "size": piece.size}


def write_share(path: Path, words: np.ndarray, worker: int) -> None:
    """Write one worker's rows as they were recorded: worker, scheduled_ns, sent_ns (0: never), done_ns, code."""
    words = words.reshape(-1, WORDS)
    names = ("scheduled_ns", "sent_ns", "done_ns", "code")
    share = {name: np.ascontiguousarray(words[:, place]) for place, name in enumerate(names)}  # noqa: F841 (in the SQL)
    with _database() as db:
        db.execute(f"COPY (SELECT {worker}::SMALLINT AS worker, * FROM share) TO {_quoted(path)} (FORMAT parquet)")


def merge_shares(files: Sequence[Path], by_ns: Sequence[int]) -> RequestRows:
    """The rows of worker 0, 1, ... from their files, by worker and end; `by_ns` is added to each one's times."""
    given = {"files": [str(f) for f in files], "workers": list(range(len(files))), "by_ns": list(by_ns)}
    with _database() as db:
        columns = db.execute(MERGE, given).fetchnumpy()
    words = np.column_stack([columns[name].astype("<i8") for name in ("scheduled_ns", "sent_ns", "done_ns", "code")])
    return RequestRows(words, columns["worker"])
