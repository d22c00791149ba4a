"""`playbook plan` says what a run would do and how long it would take, from one run of the model, and runs nothing."""

from __future__ import annotations

import re
from pathlib import Path

import export_models
import pytest

from playbook import plan
from playbook.errors import ParameterError
from playbook.records import record, runs
from playbook.serve import expense
from playbook.stage_plan import MOST_STRETCH

QUICK = runs.ROOT / "params" / "quick.yml"
VERBS = list(runs.NOTEBOOKS)


def seconds(text: str) -> float:
    """`14 s` or `1.9 min` in seconds."""
    number, unit = text.split()
    return float(number) * (60 if unit == "min" else 1)


def known(outputs: Path, one_ms: float) -> Path:
    """A run that exported the model `m`, one row of which takes so long."""
    run = outputs / "20260101T000000Z-quick"
    exported = {
        "model_name": "m",
        "base_path": "models/m",
        "size_bytes": 4_000_000,
        "signature": "serving_default",
        "signatures": [],
        "reference_rows": 64,
        "max_rows_per_request": None,
        "warmup_sizes": [1, 2],
        "batch_curve": {"batch_sizes": [1], "latency_ms": [one_ms], "fit": {"a_ms": 0.0, "b_ms": one_ms}},
        "plan": {"expected_s": 9.0, "took_s": 9.0, "left_out": []},
    }
    settings = plan._settings({"model": "/models/m", "model_name": "m"})["export"]
    record.save(run, "export", params=settings, results=exported, verdict="")
    return run


def planned(outputs: Path, **values: object) -> str:
    return plan.plan(QUICK, {"model": "/models/m", "model_name": "m"} | values, outputs, [], None)


def test_a_fast_model_gets_every_stage_its_seconds_and_their_sum(tmp_path: Path) -> None:
    known(tmp_path, 0.3)
    text = planned(tmp_path)
    told = re.findall(r"^(\w+) +about +([\d.]+ (?:s|min))  \S", text, re.M)
    assert [verb for verb, _ in told] == VERBS
    (total,) = re.findall(r"^In all about (.*)\.$", text, re.M)
    assert seconds(total) == pytest.approx(sum(seconds(one) for _, one in told), abs=8)
    assert "takes 0.3 ms on one core (as 20260101T000000Z-quick timed it)" in text
    assert "Left out of stress" not in text


def test_a_slow_model_is_planned_with_what_it_leaves_out(tmp_path: Path) -> None:
    known(tmp_path, 137.0)
    text = planned(tmp_path, p99_limit_ms=1500)
    assert "Left out of stress: 32 clients: 3 answers to each take about 13 s." in text
    assert "Left out of tune: m-1500ms: even the default and one configuration take about" in text
    assert re.search(r"^warmup .* 24 requests of 137 ms on each$", text, re.M)


def test_a_promise_that_one_request_breaks_leaves_four_stages_nothing_to_hold(tmp_path: Path) -> None:
    known(tmp_path, 137.0)
    text = planned(tmp_path, p99_limit_ms=50)
    held = dict(re.findall(r"^(\w+) +about +.*?  (\S.*)$", text, re.M))
    assert {verb for verb, what in held.items() if what == "nothing is held"} == {"tune", "prove", "adapt", "drill"}
    assert "Left out of prove: one row takes 137 ms alone on one core (export's batch curve); the limit is 50" in text


def test_a_part_of_the_chain_is_planned_and_a_slip_refused(tmp_path: Path) -> None:
    known(tmp_path, 0.3)
    text = plan.plan(QUICK, {"model": "/models/m", "model_name": "m"}, tmp_path, ["stress"], None)
    assert re.findall(r"^(\w+) +about", text, re.M) == ["serve", "stress"]
    with pytest.raises(ParameterError, match="sweep_s"):
        planned(tmp_path, sweeps=3)


def test_a_model_that_no_run_knows_is_timed_and_leaves_nothing_behind(tmp_path: Path) -> None:
    model = export_models.doubling(tmp_path / "doubling")
    outputs = tmp_path / "outputs"
    values = {"model": str(model), "model_name": "doubling", "variants": []}
    text = plan.plan(QUICK, values, outputs, ["export", "warmup"], None)
    assert "'doubling' takes" in text
    assert "(timed just now)" in text
    assert "the model is made and asked" in text
    assert not outputs.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["doubling"]


def test_drills_are_planned_one_by_one_and_what_drill_minutes_does_not_carry_is_named(tmp_path: Path) -> None:
    known(tmp_path, 0.3)
    assert "drill    about" in (text := planned(tmp_path, drills=["swap", "kill"], drill_s=5.0))
    assert "2 drills of 5 s" in text
    short = planned(tmp_path, drills=["swap", "kill"], drill_s=5.0, drill_minutes=0.1)
    assert "Left out of drill: drills beyond drill_minutes (0.1)." in short


def test_a_servers_start_is_planned_as_this_run_saw_it(tmp_path: Path) -> None:
    assert expense.START_S <= expense.start_s(tmp_path) <= expense.START_S * MOST_STRETCH
    record.save(tmp_path, "serve", params={}, results={"start_s": 7.5}, verdict="")
    assert expense.start_s(tmp_path) == 7.5
