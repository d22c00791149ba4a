"""What is planned of a server's start, a version's load and the comparison of answers follows what was timed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from playbook.deploy import expense as deploying
from playbook.records.batch_curve import bodies_s, wire_ms
from playbook.serve import expense
from playbook.stage_plan import stretch

EXAMPLE = Path(__file__).parents[3] / "outputs" / "example"


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    for name in ("export", "serve"):
        (tmp_path / f"{name}.json").write_text((EXAMPLE / f"{name}.json").read_text())
    return tmp_path


def change(run_dir: Path, verb: str, **results: object) -> None:
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
    other_s = expense.compare_s(exported, protocols=["grpc"])
    assert 0 < other_s <= one_s
    assert expense.compare_s(exported, protocols=expense.PROTOCOLS) == pytest.approx(one_s + other_s)
    assert expense.compare_s(exported, rows=32) == pytest.approx(one_s / 2)
    assert expense.compare_s(exported, rows=10**9) <= expense.BUDGET_S


def test_comparing_rows_that_are_long_as_json_takes_what_writing_and_reading_them_takes() -> None:
    exported = {"reference_rows": 50, "row_bytes": 1.8e6, "batch_curve": {"batch_sizes": [1], "latency_ms": [80.0]}}
    plain_s = expense.compare_s(exported | {"row_bytes": 0})
    assert plain_s == pytest.approx(50 * 0.08)
    assert plain_s < expense.compare_s(exported, protocols=["grpc"]) < expense.compare_s(exported)
    assert expense.compare_s(exported, asked_ms=160.0) == pytest.approx(50 * 0.16)  # as a server was seen to take
    assert expense.compare_s(exported, asked_ms=1.0) == expense.compare_s(exported)


def test_a_start_that_nobody_saw_is_reckoned_by_the_load_and_the_first_runs_that_export_timed(run_dir: Path) -> None:
    (run_dir / "serve.json").unlink()
    curve = {"batch_sizes": [1, 2], "latency_ms": [100.0, 200.0]}
    change(run_dir, "export", warmup_sizes=[1, 2], warmup_records=4, batch_curve=curve, size_bytes=10**9, plan={})
    by_size = expense.start_s(run_dir) - expense.START_S * stretch()
    assert by_size == pytest.approx(expense.LOAD_S_PER_GB + 2 * 0.3)  # two signatures, each with both batches
    change(run_dir, "export", plan={"load_s": 2.0, "first_run_s": 1.0})
    assert expense.start_s(run_dir) - expense.START_S * stretch() == pytest.approx(2.0 + 2 * 1.3)
    told = dict(expense.stage(json.loads((run_dir / "export.json").read_text())["results"]).parts)
    assert told["the load with its warm-up requests"] == pytest.approx(2.0 + 2 * 1.3)


def test_a_rehearsal_plans_the_comparison_of_its_answers(run_dir: Path) -> None:
    change(run_dir, "export", row_bytes=0)  # the same rows are written as bodies too, which takes its own time
    answers_s = expense.compare_s(json.loads((run_dir / "export.json").read_text())["results"])
    told = dict(deploying.stage(run_dir, 2.0).parts)
    change(run_dir, "export", reference_rows=1)
    assert told["a rehearsal of what ships"] - dict(deploying.stage(run_dir, 2.0).parts)[
        "a rehearsal of what ships"
    ] == (pytest.approx(answers_s, rel=0.1))


def test_a_rehearsal_of_long_rows_plans_the_writing_of_its_requests_and_of_the_bundles(run_dir: Path) -> None:
    what, rows = "a rehearsal of what ships", 40
    change(run_dir, "export", reference_rows=rows, row_bytes=0)
    plain_s = dict(deploying.stage(run_dir, 2.0).parts)[what]
    change(run_dir, "export", row_bytes=2_000_000)
    exported = json.loads((run_dir / "export.json").read_text())["results"]
    written_s = (deploying.WRITTEN + 1) * bodies_s(exported)  # the bundle's twice, and the rehearsal's
    read_s = rows * wire_ms(exported) / 1000
    assert dict(deploying.stage(run_dir, 2.0).parts)[what] - plain_s == pytest.approx(written_s + read_s)
