"""What is planned of a server's start, a version's load and the comparison of answers follows what was timed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from playbook.deploy import expense as deploying
from playbook.serve import expense
from playbook.stage_plan import stretch

EXAMPLE = Path(__file__).parents[3] / "outputs" / "example"


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    for name in ("export", "serve"):
        (tmp_path / f"{name}.json").write_text((EXAMPLE / f"{name}.json").read_text())
    return tmp_path


def change(run_dir: Path, verb: str, **results: float) -> None:
    path = run_dir / f"{verb}.json"
    kept = json.loads(path.read_text())
    path.write_text(json.dumps(kept | {"results": kept["results"] | results}))


def test_a_load_takes_what_the_start_took_beyond_its_process(run_dir: Path) -> None:
    change(run_dir, "serve", start_s=9.0)
    assert expense.load_s(run_dir) == pytest.approx(9.0 - expense.START_S * stretch())
    change(run_dir, "serve", start_s=0.1)
    assert expense.load_s(run_dir) == 0


def test_comparing_takes_the_time_of_its_rows_over_each_protocol_and_has_an_end() -> None:
    exported = json.loads((EXAMPLE / "export.json").read_text())["results"]
    one_s = expense.compare_s(exported)
    assert one_s > 0
    assert expense.compare_s(exported, protocols=2) == 2 * one_s
    assert expense.compare_s(exported, rows=32) == pytest.approx(one_s / 2)
    assert expense.compare_s(exported, rows=10**9) <= expense.BUDGET_S


def test_a_rehearsal_plans_the_comparison_of_its_answers(run_dir: Path) -> None:
    answers_s = expense.compare_s(json.loads((run_dir / "export.json").read_text())["results"])
    told = dict(deploying.stage(run_dir, 2.0).parts)
    change(run_dir, "export", reference_rows=1)
    assert told["a rehearsal of what ships"] - dict(deploying.stage(run_dir, 2.0).parts)[
        "a rehearsal of what ships"
    ] == (pytest.approx(answers_s, rel=0.1))
