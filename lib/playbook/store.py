"""SQL over every record and every raw sample of an outputs folder; DuckDB reads them where they lie."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import numpy as np

from playbook import places, tables, views
from playbook.errors import QueryFailed

if TYPE_CHECKING:
    import pandas as pd


def query(sql: str, outputs: Path | str = "outputs") -> pd.DataFrame:
    """The answer of one SQL statement over the views `runs, levels, requests, metrics, resources, ...`.

    Raises:
        QueryFailed: the statement is wrong (with DuckDB's own words and the columns there are), or the place
            cannot be read.
    """
    with connect(outputs) as db:
        try:
            relation = db.sql(sql)
        except duckdb.Error as error:
            raise QueryFailed(f"{error}\n{_columns_near(sql)}") from error
        if relation is None:
            raise QueryFailed("A statement that gives rows was awaited, such as SELECT ...")
        return relation.df()


@contextmanager
def connect(outputs: Path | str = "outputs") -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB connection with all views over the records in `outputs`, a folder or a location such as s3://…."""
    db = duckdb.connect()
    try:
        views.create(db, outputs)
        yield db
    finally:
        db.close()


def request_columns(run_dir: Path, level: int, stage: str = "stress") -> dict[str, np.ndarray]:
    """Times and success of one level's requests as arrays, in order of completion; empty when there are none."""
    files = [str(path) for path in places.whole_files(Path(run_dir), "requests") if places.stage_of(path) == stage]
    if not files:
        return {}
    with duckdb.connect() as db:
        return db.execute(
            "SELECT scheduled_ns, sent_ns, done_ns, (error IS NULL OR error = '') AS ok "
            "FROM read_parquet(?, union_by_name=true) WHERE level = ? ORDER BY done_ns",
            [files, level],
        ).fetchnumpy()


def _columns_near(sql: str) -> str:
    """The columns of the views a statement names, for its error message."""
    named = [view for view in tables.documented() if view in sql.lower()] or list(tables.documented())
    lines = [f"  {view}: {', '.join(c.name for c in tables.documented()[view])}" for view in named]
    return "\n".join(["Views and their columns (outputs/README.md explains them):", *lines])
