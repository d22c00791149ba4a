"""The drills on a record's page, and by SQL: what users lost, what was not held, what TensorFlow Serving does."""

from __future__ import annotations

import json
from pathlib import Path

import fake_run
import pytest
from drill_rows import row

from playbook.records import record, store
from playbook.report import report


@pytest.fixture(scope="module")
def drilled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was drilled: a kill, again with its remedy, and one that could not be held."""
    run = fake_run.make(tmp_path_factory.mktemp("outputs") / "run", seconds=0.5, plan=(("closed", 1, None),))
    rows = [row(level=0), row(remedied=True, lost=9, lost_by_code={"reset": 9}, seconds_outside=0, level=1)]
    left_out = [{"drill": "half_cpu", "why": "no cgroup with a CPU quota may be made here"}]
    results = {"drills": rows, "left_out": left_out, "failures": []}
    record.save(run, "drill", params={}, results=results, verdict="1 drill cost users 300 requests.")
    report.write(run)
    return run


def test_the_page_tells_what_was_lost_what_helped_and_what_was_not_held(drilled: Path) -> None:
    page = (drilled / "record.md").read_text()
    section = page.partition("## Drills: what users lose")[2].partition("\n## ")[0]
    assert "| SIGKILL, and started again | 3,000 | 280 refused, 20 reset | 2 | 1.4 |" in section
    assert "… with a second replica" in section
    assert "no port opens until a version is AVAILABLE" in section
    assert "no cgroup with a CPU quota may be made here" in section
    assert "![Drills second by second. kill: 300 lost" in section
    assert "kill: 300 lost" in (drilled / "figures" / "drills.svg").read_text()
    assert "could not be made" not in page


def test_the_drills_are_a_table_of_sql(drilled: Path) -> None:
    with store.connect(drilled.parent) as db:
        rows = db.execute("SELECT run_id, drill, remedied, lost, lost_by_code FROM drills ORDER BY level").fetchall()
    assert [one[:4] for one in rows] == [("run", "kill", False, 300), ("run", "kill", True, 9)]
    assert json.loads(rows[0][4]) == {"refused": 280, "reset": 20}


def test_a_run_without_drills_has_no_such_section(tmp_path: Path) -> None:
    run = fake_run.make(tmp_path / "run", seconds=0.5, plan=(("closed", 1, None),))
    assert "Drills" not in report.show(run)
