"""The views over an outputs folder. Each starts from its documented columns, whatever columns the files have."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb

from playbook.records import places, record, tables
from playbook.records.parquet import quoted

RAW = ("requests", "metrics", "resources", "events", "changes", "trials")


def create(db: duckdb.DuckDBPyConnection, outputs: Path | str, run_id: str | None = None) -> None:
    """Make every documented view in `db` over the run folders in `outputs`, or over one of them.

    Raises:
        QueryFailed: no such folder, or a location that needs an extension DuckDB does not have here.
    """
    place = places.place(db, outputs, run_id)
    for table in RAW:
        create_raw(db, table, place.prefix, place.parquet(table))
    records = place.records()
    for table, rows in (("runs", run_rows(records)), ("levels", level_rows(records)), ("drills", drill_rows(records))):
        columns = tables.RECORDS[table]
        db.execute(f'CREATE TABLE "{table}" ({tables.ddl(columns)})')
        tables.insert(db, table, columns, rows)


def run_rows(records: Mapping[str, Mapping[str, Any]]) -> list[tuple]:
    """One row a run, in the order of the columns of `runs`."""
    return [_run_row(run_id, contents) for run_id, contents in records.items() if contents]


def _run_row(run_id: str, contents: Mapping[str, Any]) -> tuple:
    read = {verb: content for verb, content in contents.items() if isinstance(content, dict)}
    faults = [str(content) for content in contents.values() if not isinstance(content, dict)]
    results = {verb: content.get("results") or {} for verb, content in read.items()}
    stress, tune = results.get("stress", {}), results.get("tune", {})
    environment: Mapping[str, Any] = next((c["environment"] for c in read.values() if c.get("environment")), {})
    best = stress.get("best") or {}
    named = {**results.get("export", {}), **results.get("serve", {})}
    said = [read[verb].get("verdict") for verb in ("prove", "tune", "stress", *reversed(record.VERBS)) if verb in read]
    prove, tuned = results.get("prove", {}), tune.get("best") or {}
    promise, held = prove.get("promise") or {}, prove.get("held") or {}
    shown = held.get("valid_windows", 1 if held else 0)  # what an INVALID window showed is no rate that was held
    return (
        run_id,
        min((c["created_utc"] for c in read.values() if c.get("created_utc")), default=None),
        named.get("model_name"),
        results.get("serve", {}).get("server"),
        " ".join(read),
        next((verdict for verdict in said if verdict), None),
        promise.get("p99_limit_ms") or stress.get("limit_ms"),
        promise.get("target_rate_rps"),
        prove.get("answer"),
        prove.get("rate_rps") if shown else None,
        held.get("latency_p99_ms") if shown else None,
        best.get("throughput_rps"),
        best.get("latency_p99_ms"),
        ((results.get("analyze") or {}).get("capacity") or {}).get("rate_rps"),
        tuned.get("rate_rps") if tuned.get("valid", True) else None,
        tune.get("gain") if tune.get("gain_shown", True) else None,
        environment.get("cpu_model"),
        environment.get("cores"),
        environment.get("git_commit"),
        "; ".join(faults) or None,
    )


def level_rows(records: Mapping[str, Mapping[str, Any]]) -> list[tuple]:
    """One row a load level of stress, in the order of the columns of `levels`."""
    names = [column.name for column in tables.RECORDS["levels"][1:]]
    rows = []
    for run_id, contents in records.items():
        stress = contents.get("stress")
        levels = (stress.get("results") or {}).get("levels") or [] if isinstance(stress, dict) else []
        for level in levels:
            shown = {**level, "warnings": " | ".join(level.get("warnings") or []) or None}
            rows.append((run_id, *(shown.get(name) for name in names)))
    return rows


def drill_rows(records: Mapping[str, Mapping[str, Any]]) -> list[tuple]:
    """One row a drill and way, in the order of the columns of `drills`."""
    names = [column.name for column in tables.RECORDS["drills"][1:]]
    rows = []
    for run_id, contents in records.items():
        drill = contents.get("drill")
        held = (drill.get("results") or {}).get("drills") or [] if isinstance(drill, dict) else []
        for row in held:
            shown = {**row, "lost_by_code": json.dumps(row.get("lost_by_code") or {})}
            rows.append((run_id, *(shown.get(name) for name in names)))
    return rows


def create_raw(db: duckdb.DuckDBPyConnection, table: str, prefix: str, files: Iterable[str]) -> None:
    """Make the view of one raw table over these files; `prefix` is the outputs folder they lie in."""
    columns = tables.documented()[table]
    empty = ", ".join(f'NULL::{column.type} AS "{column.name}"' for column in columns)
    sql = f"SELECT {empty} WHERE false"
    listed = ", ".join(f"'{quoted(file)}'" for file in files)
    if listed:
        inner = f"substr(filename, {len(prefix) + 2})"
        # No branch in it: DuckDB then works it out once for many rows of a file.
        stage = f"regexp_extract(concat({inner}, '#/requests/stress_'), '/requests/([a-z]+)_', 1)"
        added = {"run_id": f"split_part({inner}, '/', 1)", "stage": stage}
        extra = ", ".join(f"{added[c.name]} AS {c.name}" for c in columns if c.name in added)
        sql += (
            f" UNION ALL BY NAME SELECT {extra}, * EXCLUDE (filename) "
            f"FROM read_parquet([{listed}], union_by_name=true, filename=true)"
        )
    # Older files may have another type: the documented one is what a query sees. Where it is the same already, no cast
    # is written, for a cast costs a query over ten million rows a second.
    types = dict(row[:2] for row in db.execute(f"DESCRIBE {sql}").fetchall())
    typed = [
        f'"{c.name}"' if types[c.name] == c.type else f'TRY_CAST("{c.name}" AS {c.type}) AS "{c.name}"' for c in columns
    ]
    rest = ", ".join(f'"{name}"' for name in types if name not in {column.name for column in columns})
    db.execute(f'CREATE VIEW "{table}" AS SELECT {", ".join([*typed, rest] if rest else typed)} FROM ({sql})')
