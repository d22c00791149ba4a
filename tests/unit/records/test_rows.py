"""The types of rows are those of the tables, name by name."""

from datetime import datetime
from types import NoneType
from typing import Any, get_args, get_type_hints

import pytest

from playbook.records import raw_rows, rows, tables
from playbook.stress import levels

PLAIN = {"VARCHAR": str, "INTEGER": int, "BIGINT": int, "DOUBLE": float, "BOOLEAN": bool, "TIMESTAMP": datetime}
IN_JSON = (rows.LevelRow, rows.DrillRow)  # rows of a record, which hold more than their table
PLAIN |= {"DOUBLE[]": list[float], "INTEGER[]": list[int]}
TYPES = {
    rows.ChangeRow: tables.TABLES["changes"],
    rows.RunRow: tables.RECORDS["runs"],
    rows.LevelRow: tables.RECORDS["levels"],
    rows.DrillRow: tables.RECORDS["drills"],
    raw_rows.RequestRow: tables.TABLES["requests"],
    raw_rows.MetricRow: tables.TABLES["metrics"],
    raw_rows.ResourceRow: tables.TABLES["resources"],
    raw_rows.EventRow: tables.TABLES["events"],
    raw_rows.TrialRow: tables.TABLES["trials"],
}


def plain(hint: Any) -> Any:
    """A type without None."""
    kinds = [kind for kind in get_args(hint) if kind is not NoneType]
    return kinds[0] if NoneType in get_args(hint) else hint


@pytest.mark.parametrize("row", TYPES, ids=lambda row: row.__name__)
def test_a_row_has_the_columns_of_its_table_with_their_types(row: type) -> None:
    hints = get_type_hints(row)
    for column in TYPES[row]:
        if row in IN_JSON and column.name in ("run_id", "warnings", "lost_by_code"):
            continue  # the folder's name, and what SQL shows as one text
        assert plain(hints[column.name]) == PLAIN[column.type], column.name
    assert row in IN_JSON or list(hints) == [column.name for column in TYPES[row]]


def test_a_level_of_stress_has_the_keys_of_its_type_and_no_others() -> None:
    summary = {"requests": 1, "errors": 0, "duration_s": 1.0, "latency_ms": {}, "lateness_us": {}, "warnings": []}
    settings = {"arrival": "closed", "protocol": "rest", "rows_per_request": 1}
    assert set(levels.flat(summary, 0, settings)) == set(get_type_hints(rows.LevelRow))


def test_every_table_has_a_type() -> None:
    typed = {id(columns) for columns in TYPES.values()}
    assert all(id(columns) in typed for columns in (*tables.TABLES.values(), *tables.RECORDS.values()))
