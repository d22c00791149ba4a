"""The passport measures the generator itself, and a bad one makes every level INVALID."""

from __future__ import annotations

from pathlib import Path

import drag_worker
import numpy as np
import pytest

from loadgen import Level, fitness, hold, passport
from loadgen.fitness import judge
from loadgen.scripted.script import Script
from loadgen.scripted.server import running
from loadgen.workers.runner import run_here

GOOD = {
    "floor_ms": 0.05,
    "max_rate_rps": 50_000.0,
    "lateness_p50_us": 20.0,
    "lateness_p99_us": 90.0,
    "stall_error": 0.01,
}


@pytest.mark.parametrize(("protocol", "timer"), [("rest", "auto"), ("grpc", "portable")])
def test_a_passport_says_what_the_generator_can_do_with_either_timer(protocol, timer):
    found = passport(protocol=protocol, timer=timer, attempts=1)
    assert 0 < found["floor_ms"] < 5
    assert found["max_rate_rps"] > 1000
    assert 0 < found["lateness_p50_us"] < found["lateness_p99_us"]
    assert found["stall_error"] is not None
    assert found["ok"] is (not found["problems"])


def test_two_hundred_microseconds_lost_at_each_send_fail_it_and_only_what_failed_is_measured_again(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(drag_worker.__file__).parent))  # worker processes inherit the path
    held = []

    def slow_runner(level):
        held.append((level.arrival, level.concurrency))
        return run_here(level, module="drag_worker")

    for name in ("floor_ms", "lateness_p99_us", "stall_error"):
        monkeypatch.setitem(fitness.LIMITS, name, (np.inf, ""))
    monkeypatch.setattr(fitness, "MIN_RATE_RPS", 0.0)
    found = passport(runner=slow_runner, attempts=2)
    assert not found["ok"]
    assert ["late, allowed 150" in problem for problem in found["problems"]] == [True]
    assert found["attempts"] == 2
    assert held == [("closed", 1), ("closed", 32), ("poisson", None), ("poisson", None)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("floor_ms", 0.4),
        ("max_rate_rps", 3000.0),
        ("lateness_p50_us", 220.0),
        ("lateness_p99_us", 9000.0),
        ("stall_error", 0.2),
        ("stall_error", None),
    ],
)
def test_each_figure_can_fail_it(name, value):
    assert judge(GOOD)["ok"]
    found = judge(GOOD | {name: value})
    assert not found["ok"]
    assert len(found["problems"]) == 1


def test_a_bad_passport_makes_a_good_level_invalid(tmp_path):
    (tmp_path / "00000.body").write_text("{}")
    bad = judge(GOOD | {"lateness_p50_us": 22_000.0})  # much beside answers of a busy machine too
    with running("rest", Script()) as server:
        level = Level(server.url, bodies=tmp_path, arrival="poisson", rate_rps=4000.0, duration_s=0.3, ramp_up_s=0.1)
        level = level.with_(connections=50)
        summary = hold(level, tmp_path, passport=bad)
    assert "bad_passport" in summary["failed_checks"]
    assert summary["passport"] == bad
