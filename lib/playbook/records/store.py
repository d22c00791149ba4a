"""SQL over every record and every raw sample of an outputs folder; DuckDB reads them where they lie."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import numpy as np

from playbook import markdown
from playbook.errors import ParameterError, QueryFailed
from playbook.records import places, tables, views
from playbook.records.queries import QUERIES

if TYPE_CHECKING:
    import pandas as pd


def query(sql: str, outputs: Path | str = "outputs", run_id: str | None = None) -> pd.DataFrame:
    """The answer of one SQL statement over the views `runs, levels, requests, metrics, resources, ...`.

    Args:
        sql: A statement of DuckDB's SQL.
        outputs: The folder (or bucket) of the run folders.
        run_id: Read this run alone.

    Raises:
        QueryFailed: the statement is wrong (with DuckDB's own words and the columns there are), or the place
            cannot be read.
    """
    with connect(outputs, run_id) as db:
        try:
            relation = db.sql(sql)
        except duckdb.Error as error:
            raise QueryFailed(f"{error}\n{_columns_near(sql)}") from error
        if relation is None:
            raise QueryFailed("A statement that gives rows was expected, such as SELECT ...")
        return relation.df()


def passed_over(sql: str, outputs: Path | str = "outputs", run_id: str | None = None) -> str:
    """A sentence on half-written files of the tables that a statement names: their rows are missing; empty for none."""
    named = [table for table in views.RAW if table in sql.lower()]
    with duckdb.connect() as db:
        place = places.place(db, outputs, run_id)
        broken = [path for table in named for path in place.broken(table)]
    if not broken:
        return ""
    more = f" and {len(broken) - 3} more" if len(broken) > 3 else ""
    return (
        f"{len(broken)} half-written file{'s are' if len(broken) > 1 else ' is'} left out of this answer: "
        f"{', '.join(broken[:3])}{more}. Copy them anew from where they were whole, or remove them."
    )


@contextmanager
def connect(outputs: Path | str = "outputs", run_id: str | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB connection with all views over the records in `outputs`, a folder or a location such as s3://…."""
    db = duckdb.connect()
    try:
        views.create(db, outputs, run_id)
        yield db
    finally:
        db.close()


def answer(name: str, run_dir: Path) -> str:
    """The answer to a ready-made question about one run, as a Markdown table."""
    run_dir = Path(run_dir).resolve()
    frame = query(QUERIES[name].sql, run_dir.parent, run_dir.name).drop(columns="run_id")
    return render(frame, "md") if len(frame) else "No row."


def menu() -> str:
    """What can be asked: the tables with their columns, and the ready-made questions by name."""
    views = [f"  {name}: {', '.join(c.name for c in columns)}" for name, columns in tables.documented().items()]
    asked = [f"  {name:<12} {query.question}" for name, query in QUERIES.items()]
    lines = ["Tables (outputs/README.md explains their columns):", *views, ""]
    lines += ["Ready-made questions, asked by name (playbook sql percentiles):", *asked, ""]
    return "\n".join([*lines, 'Any other: playbook sql "SELECT run_id, answer FROM runs"'])


def render(frame: pd.DataFrame, format_: str = "table") -> str:
    """A frame as text: `table` for a terminal, `csv`, `md` (Markdown) or `json`.

    Raises:
        ParameterError: another format.
    """
    if format_ == "csv":
        return frame.to_csv(index=False).rstrip("\n")
    if format_ == "json":
        return frame.to_json(orient="records", date_format="iso", indent=2)
    if format_ not in ("md", "table"):
        raise ParameterError(f"Format {format_!r} was asked for; there is table, csv, md and json.")
    rows = [[_shown(value) for value in row] for row in frame.itertuples(index=False)]
    if format_ == "md":
        return markdown.table([str(name) for name in frame.columns], rows)
    cells = [[str(name) for name in frame.columns], *([markdown.cell(value) for value in row] for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(cells[0]))]
    lines = ["  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def request_columns(run_dir: Path, level: int, stage: str = "stress") -> dict[str, np.ndarray]:
    """Times and success of one level's requests as arrays, in order of completion; of no length without any."""
    with table(run_dir, "requests", stage) as db:
        columns = db.execute(
            "SELECT scheduled_ns, sent_ns, done_ns, (error IS NULL OR error = '') AS ok "
            "FROM requests WHERE level = ? ORDER BY done_ns",
            [level],
        ).fetchnumpy()
    return {name: np.asarray(values) for name, values in columns.items()}


@contextmanager
def table(run_dir: Path, name: str, stage: str | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB connection with one table of one run as a view of that name; without files it has no row.

    Args:
        run_dir: The run folder.
        name: A raw table: requests, metrics, resources, events, changes or trials.
        stage: Of requests: those that this verb measured.
    """
    run_dir = Path(run_dir).resolve()
    files = [path for path in places.whole_files(run_dir, name) if stage in (None, places.stage_of(path))]
    with duckdb.connect() as db:
        views.create_raw(db, name, str(run_dir.parent), map(str, files))
        yield db


def _shown(value: object) -> object:
    """A cell: missing as None, lists as their numbers side by side, whole floats as whole numbers."""
    if isinstance(value, (list, tuple, np.ndarray)):
        return " / ".join(markdown.cell(_shown(item)) for item in value)
    if value is None or (isinstance(value, float) and np.isnan(value)) or str(value) in ("NaT", "<NA>"):
        return None
    if isinstance(value, (np.floating, float)):
        return float(value)
    return str(value) if isinstance(value, (np.integer, np.bool_)) else value


def _columns_near(sql: str) -> str:
    """The columns of the views a statement names, for its error message."""
    named = [view for view in tables.documented() if view in sql.lower()] or list(tables.documented())
    lines = [f"  {view}: {', '.join(c.name for c in tables.documented()[view])}" for view in named]
    return "\n".join(["Views and their columns (outputs/README.md explains them):", *lines])
