"""The highest rate inside an SLO: found where it is, with an interval, and said so where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from loadgen import Level, find_max_rate
from loadgen.verdict.evidence import claim

LIMIT_MS = 50.0


class Curve:
    """Stands where `hold` stands: p99 as a function of the rate, with the noise of a measurement."""

    def __init__(self, p99_of, seed=0, noise=0.05, broken_above=np.inf, client_limit=np.inf):
        self.p99_of, self.noise, self.rng = p99_of, noise, np.random.default_rng(seed)
        self.broken_above, self.client_limit = broken_above, client_limit

    def __call__(self, level, out_dir, *, p99_limit_ms):
        rate = level.rate_rps
        p99 = self.p99_of(rate) * np.exp(self.rng.normal(0, self.noise))
        broken = rate > self.broken_above
        failed = ["offered_rate"] * broken + ["client_cpu"] * (rate > self.client_limit)
        return {
            "requests": 5000,
            "errors": 0,
            "offered_rps": rate,
            "throughput_rps": rate,
            "latency_ms": {"p99": p99, "p99_low": p99 * 0.9, "p99_high": p99 * 1.1},
            "failed_checks": failed,
            "claim": claim(np.full(5000, p99 / 2), p99_limit_ms, rate),
        }


def search(curve, tmp_path, low=100.0, high=20_000.0, budget_s=1e6):
    level = Level("http://127.0.0.1:1/", bodies=tmp_path, concurrency=1, duration_s=2.0)
    return find_max_rate(level, LIMIT_MS, 0.001, low, high, tmp_path, budget_s, holder=curve)


def queue(capacity):
    """p99 of an M/M/1 queue in ms; beyond its capacity, seconds."""
    return lambda rate: 1e3 * 4.6052 / (capacity - rate) if rate < capacity * 0.999 else 5000.0


@pytest.mark.parametrize("seed", range(5))
def test_the_rate_where_a_curve_crosses_the_limit_is_found_with_an_interval_around_it(seed, tmp_path):
    found = search(Curve(queue(2000), seed), tmp_path)
    truth = 2000 - 4605.2 / LIMIT_MS
    assert found["status"] == "found"
    assert found["rate_rps"] == pytest.approx(truth, rel=0.04)
    assert found["low_rps"] * 0.98 <= truth <= found["high_rps"] * 1.02
    assert found["claim"]["proven"]
    rates = [t["rate_rps"] for t in found["trials"]]
    assert rates[:3] == [100, 200, 400]
    assert max(np.unique(rates, return_counts=True)[1]) == 3, "no replicates at the boundary"


def test_a_server_that_breaks_is_a_cliff_and_not_a_crossing(tmp_path):
    found = search(Curve(lambda rate: 8.0, broken_above=1500), tmp_path)
    assert found["status"] == "cliff"
    assert 1400 <= found["rate_rps"] <= 1500
    assert found["high_rps"] >= 1500
    assert "breaks" in found["text"]


def test_a_limit_below_the_first_rate_is_not_reached(tmp_path):
    found = search(Curve(lambda rate: 80.0), tmp_path)
    assert found["status"] == "not reached"
    assert found["rate_rps"] is None
    assert len(found["trials"]) == 2


def test_one_bad_moment_at_the_first_rate_does_not_end_the_search(tmp_path):
    curve, moments = Curve(queue(2000)), iter([900.0])
    calm = curve.p99_of
    curve.p99_of = lambda rate: next(moments, None) or calm(rate)
    found = search(curve, tmp_path)
    assert found["status"] == "found"
    assert found["rate_rps"] == pytest.approx(1908, rel=0.05)


def test_a_server_faster_than_the_range_is_said_to_be(tmp_path):
    found = search(Curve(lambda rate: 1.0), tmp_path, high=1000.0)
    assert found["status"] == "above range"
    assert found["rate_rps"] == 1000.0


def test_the_end_of_the_range_is_the_end_of_the_range_also_when_no_time_is_left(tmp_path):
    found = search(Curve(lambda rate: 1.0), tmp_path, low=1000.0, high=1000.0, budget_s=0.5)
    assert [trial["passed"] for trial in found["trials"]] == [True]
    assert (found["status"], found["rate_rps"]) == ("above range", 1000.0)


def test_a_client_that_gives_out_first_is_not_blamed_on_the_server(tmp_path):
    found = search(Curve(lambda rate: 1.0 if rate < 3000 else 90.0, client_limit=3000), tmp_path)
    assert found["status"] == "client limited"
    assert "generator" in found["text"]


def test_the_budget_is_kept(tmp_path):
    found = search(Curve(queue(2000)), tmp_path, budget_s=0.5)
    assert len(found["trials"]) == 1
    assert found["status"] == "budget spent"
