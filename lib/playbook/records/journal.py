"""The change journal: which configuration was applied when, in place of what, by which verb, why, to what effect."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import cast

from playbook.records import parquet, record, secrets, tables
from playbook.records.parquet import quoted
from playbook.records.rows import ChangeRow

COLUMNS = tables.TABLES["changes"]


def note(
    run_dir: Path,
    verb: str,
    name: str,
    before: object,
    after: object,
    why: str,
    effect: str | None = None,
    at_ns: int | None = None,
) -> int:
    """Add a row to `data/changes.parquet`; returns its `at_ns`, by which `effect` can be added later.

    Args:
        run_dir: The run folder.
        verb: The stage that applied the change.
        name: What was changed: a flag, a batching parameter, a version, a file.
        before: Its value before, None when there was none.
        after: Its value after, None when it was taken away.
        why: The reason, in a sentence.
        effect: What was measured afterwards, None while nothing was.
        at_ns: When, on CLOCK_MONOTONIC; now when left out.
    """
    with _rows(run_dir) as rows:
        now_ns = time.monotonic_ns()
        at_ns = now_ns if at_ns is None else at_ns
        while any(row[0] == at_ns for row in rows):
            at_ns += 1  # two changes of one call still have names of their own
        when = datetime.fromtimestamp(time.time() - (now_ns - at_ns) / 1e9, timezone.utc).replace(tzinfo=None)
        rows.append((at_ns, when, verb, name, _text(before), _text(after), why, effect))
    return at_ns


def effect(run_dir: Path, at_ns: int, measured: str) -> None:
    """Add what was measured after the change noted at `at_ns`.

    Raises:
        KeyError: no change was noted at that time.
    """
    with _rows(run_dir) as rows:
        place = next((place for place, row in enumerate(rows) if row[0] == at_ns), None)
        if place is None:
            raise KeyError(f"no change was noted at {at_ns} in {run_dir}")
        rows[place] = (*rows[place][:-1], measured)


def take(run_dir: Path, verb: str, since_ns: int = 0) -> list[ChangeRow]:
    """Take the changes that a verb made from this time on out of the journal; returns them."""
    taken = [row for row in read(run_dir) if row["verb"] == verb and row["at_ns"] >= since_ns]
    if taken:
        gone = {row["at_ns"] for row in taken}
        with _rows(run_dir) as rows:
            rows[:] = [row for row in rows if row[0] not in gone]
    return taken


def read(run_dir: Path) -> list[ChangeRow]:
    """All changes of a run in order of time, each by the column names of `changes`."""
    names = [column.name for column in COLUMNS]
    return [cast(ChangeRow, dict(zip(names, row, strict=True))) for row in _load(_path(run_dir))]


@contextmanager
def _rows(run_dir: Path) -> Iterator[list[tuple]]:
    """The rows to add to; written back whole. A lock lets several processes note changes of one run."""
    path = _path(run_dir)
    with (record.data_dir(run_dir) / ".changes.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        rows = _load(path)
        yield rows
        _write(path, rows)


def _path(run_dir: Path) -> Path:
    return Path(run_dir) / "data" / "changes.parquet"


def _load(path: Path) -> list[tuple]:
    import duckdb

    if not parquet.is_whole(path):
        return []
    with duckdb.connect() as db:
        columns = ", ".join(f'"{column.name}"' for column in COLUMNS)
        return db.execute(f"SELECT {columns} FROM read_parquet('{quoted(path)}') ORDER BY at_ns").fetchall()


def _write(path: Path, rows: list[tuple]) -> None:
    import duckdb

    with duckdb.connect() as db:
        db.execute(f"CREATE TABLE changes ({tables.ddl(COLUMNS)})")
        tables.insert(db, "changes", COLUMNS, sorted(rows, key=lambda row: row[0]))
        parquet.copy(db, "changes", path)


def _text(value: object) -> str | None:
    return None if value is None else secrets.masked(str(value))
