"""Runs held again in turns: real servers on one model, one of them slower by what a test does to it."""

from __future__ import annotations

import shutil

import pytest
from tests.helpers import published_run

from playbook.analyze import again, compare
from playbook.errors import ParameterError
from playbook.records import record, runs
from playbook.serve import serve
from playbook.serve.spec import from_parameters
from playbook.stress import levels, stress
from playbook.stress.load import Load
from playbook.stress.schedule import planned


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """Two finished runs of one model: the first with default flags, the second makes every request wait for a batch."""
    folder = tmp_path_factory.mktemp("outputs")
    base = folder / "20260101T000000Z-plain"
    published_run.published(base)
    waiting = folder / "20260102T000000Z-waiting"
    shutil.copytree(base, waiting)
    knobs = {"enable_batching": True, "max_batch_size": 64, "batch_timeout_micros": 5_000, "num_batch_threads": 1}
    for run, given in ((base, {}), (waiting, knobs)):
        measure(run, given)
    return folder


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """The fewest turns that are compared neighbour by neighbour, of windows that hold enough answers here."""
    monkeypatch.setattr(again, "TURNS", 12)
    monkeypatch.setattr(again, "WINDOW_S", 0.25)


def measure(run, given):
    params = {"server": "embedded", "model_name": "digits", **given}
    record.save(run, "export", params={}, results={"base_path": "models/digits", "model_name": "digits"}, verdict="")
    spec = from_parameters(params, run / "models" / "digits")
    load = Load(duration_s=0.4, ramp_up_s=0.1, p99_limit_ms=50.0)
    with serve.running(spec, run) as handle, stress.bench(handle, run, load) as under:
        stress.sweep(under, planned(load, 1.0, [8]))
    served = {"server": "embedded", "model_name": "digits", "cpus": []}
    record.save(run, "serve", params=params, results=served, verdict="")
    record.save(run, "stress", params={}, results=levels.results(handle, under.rows, load), verdict="")


def test_two_configurations_are_held_in_turns_and_the_slower_one_is_found(outputs, tmp_path):
    said = []
    sides = again.again(
        outputs / "20260101T000000Z-plain", outputs / "20260102T000000Z-waiting", tmp_path, say=said.append
    )
    assert said[0].startswith("In turns, 12 windows of ")
    assert "8 clients in a closed loop" in said[0]
    assert [runs.note(side)["builds_on"] for side in sides] == ["20260101T000000Z-plain", "20260102T000000Z-waiting"]
    compared = compare.compare(*sides, gate=5)
    rows = {row["name"]: row for row in compared.rows}
    assert rows["p50"]["high"] < 1  # 5 ms of waiting where a request takes 0.3 ms
    assert rows["throughput"]["high"] < 1
    assert compared.regression
    assert "batch_timeout_micros None → 5000" in compared.inputs


def test_turns_that_are_too_coarse_for_a_gate_go_on_as_long_as_is_allowed(outputs, tmp_path, monkeypatch):
    """Windows of 0.25 s never show 4 % of a p99 within twelve turns; 3 s are four turns more."""
    monkeypatch.setattr(again, "MORE_S", 3.0)
    twin = tmp_path / "20260107T000000Z-twin"
    shutil.copytree(outputs / "20260101T000000Z-plain", twin)
    said = []
    sides = again.again(outputs / "20260101T000000Z-plain", twin, tmp_path / "again", say=said.append, gate=4.0)
    held = [len(record.load(side, "stress")["results"]["levels"]) for side in sides]
    if len(said) == 1:  # a busy machine: what looked like a regression ended them, or no number of turns would show it
        assert held == [12, 12]
        compared = compare.compare(*sides, gate=4.0)
        assert compared.regression or "wider gate" in compared.undecided
    else:
        assert "would have shown a change of" in said[1]
        assert "4 turns more, of " in said[1]
        assert held == [16, 16]


def test_two_servers_that_run_elsewhere_are_held_in_turns_and_left_running(outputs, tmp_path, monkeypatch):
    """As a canary and its baseline are: both up, each asked at its own address."""
    monkeypatch.setattr(again, "TURNS", 1)
    model = outputs / "20260101T000000Z-plain" / "models" / "digits"
    with serve.running(from_parameters({"server": "embedded", "model_name": "digits"}, model), tmp_path) as handle:
        sides = []
        for name in ("20260105T000000Z-baseline", "20260106T000000Z-canary"):
            sides.append(tmp_path / name)
            shutil.copytree(outputs / "20260101T000000Z-plain", sides[-1])
            record.set_aside(sides[-1], "serve")
            asked = {"server": "attach", "model_name": "digits", "rest_url": handle.rest_url,
                     "grpc_url": handle.grpc_target, "metrics_url": handle.metrics_url}  # fmt: skip
            record.save(sides[-1], "serve", params=asked, results={**asked, "cpus": []}, verdict="")
        held = again.again(*sides, tmp_path / "again", say=lambda text: None)
        assert handle.process() is not None
    for side in held:
        assert record.load(side, "stress")["results"]["levels"][0]["requests"] > 100
        assert record.load(side, "serve")["results"]["server"] == "attach"


def test_a_run_without_its_model_cannot_be_held_again(outputs, tmp_path):
    bare = tmp_path / "20260103T000000Z-bare"
    shutil.copytree(outputs / "20260102T000000Z-waiting", bare)
    shutil.rmtree(bare / "models")
    with pytest.raises(ParameterError, match="20260103T000000Z-bare cannot be held again: its exported model"):
        again.again(outputs / "20260101T000000Z-plain", bare, tmp_path / "made")
    assert not (tmp_path / "made").exists()


def test_a_load_too_slow_to_be_held_in_turns_is_refused_before_it_begins(outputs, tmp_path):
    slow = tmp_path / "20260104T000000Z-slow"
    shutil.copytree(outputs / "20260102T000000Z-waiting", slow)
    kept = record.load(slow, "stress")["results"]
    kept["levels"][0]["throughput_rps"] = 2.0
    record.set_aside(slow, "stress")
    record.save(slow, "stress", params={}, results=kept, verdict="")
    with pytest.raises(ParameterError, match=r"would take \d+ minutes; half an hour was the most expected"):
        again.again(outputs / "20260101T000000Z-plain", slow, tmp_path / "made")
