"""Capacity from the curve: where p99 meets the limit, the law behind it, what it costs; and what it refuses to say."""

import numpy as np
import pytest

from playbook.analyze import capacity
from playbook.promise import Promise


def level(rate, p99, arrival="poisson", **more):
    row = {"arrival": arrival, "concurrency": 4, "rate_rps": rate, "valid": True, "success_rate": 1.0, "requests": 1000}
    row |= {"throughput_rps": rate, "latency_p99_ms": p99, "latency_p99_low_ms": 0.9 * p99, "mean_in_flight": 1.0}
    return row | {"latency_p99_high_ms": 1.1 * p99, "latency_mean_ms": p99 / 4} | more


def test_the_rate_is_read_where_p99_meets_the_limit():
    found = capacity.estimate([level(1000, 10.0), level(2000, 40.0), level(1500, 20.0)], Promise(28.284))
    assert found.rate_rps == pytest.approx(1750, abs=1)
    assert found.low_rps < 1750 < found.high_rps
    assert found.reached
    assert "p99 meets 28.284 ms at 1,750/s (95 %:" in found.text


def test_a_limit_never_met_or_always_passed_is_said():
    levels = [level(1000, 10.0), level(2000, 40.0)]
    above = capacity.estimate(levels, Promise(100.0))
    assert (above.rate_rps, above.high_rps, above.reached) == (2000, None, False)
    assert "at least 2,000/s" in above.text
    below = capacity.estimate(levels, Promise(5.0))
    assert below.rate_rps is None
    assert "beyond 5 ms at every level (open loop)" in below.text
    assert capacity.estimate([], Promise(5.0)).text.startswith("No valid level")


def test_a_limit_that_no_open_loop_kept_is_not_said_of_the_closed_ones():
    """A closed loop inside the limit stands beside them in the record."""
    held = [level(1500, 10.0, "closed"), level(1000, 60.0), level(2000, 60.0)]
    assert "beyond 50 ms at every level (open loop)" in capacity.estimate(held, Promise(50.0)).text


def test_a_level_that_fails_requests_is_beyond_the_limit():
    levels = [level(1000, 10.0), level(2000, 11.0, success_rate=0.9)]
    assert capacity.estimate(levels, Promise(50.0)).rate_rps < 2000


def test_levels_inside_the_limit_that_fail_requests_are_not_called_slow():
    """They were said to have a p99 beyond 50 ms at every level, which was 10 ms."""
    none = capacity.estimate([level(1000, 10.0, success_rate=0.9)], Promise(50.0))
    assert none.rate_rps is None
    assert none.text.endswith("no level keeps 50 ms with as few failures as promised (closed loop).") or (
        "open loop" in none.text
    )
    some = capacity.estimate([level(1000, 10.0), level(2000, 11.0, success_rate=0.9)], Promise(50.0))
    assert some.text.startswith("Levels inside the limit failed too many requests: the most that keeps 50 ms and the")


def test_invalid_levels_count_for_nothing():
    levels = [level(1000, 10.0), level(2000, 40.0), level(1600, 900.0, valid=False)]
    assert capacity.estimate(levels, Promise(50.0)).rate_rps == 2000


def test_open_loops_are_believed_before_closed_ones():
    levels = [level(5000, 20.0, "closed"), level(1000, 10.0), level(2000, 40.0)]
    assert capacity.estimate(levels, Promise(39.0)).rate_rps < 2000


def test_the_universal_scalability_law_is_found_again_with_its_peak():
    n = np.array([1, 2, 4, 8, 16, 32, 64])
    true = capacity.Scalability(1000.0, 0.05, 0.0005, None, None, 1.0)
    law = capacity.fit_scalability(n, true.rate_rps(n))
    assert law.rate1_rps == pytest.approx(1000, rel=1e-6)
    assert law.contention == pytest.approx(0.05, rel=1e-6)
    assert law.coherency == pytest.approx(0.0005, rel=1e-6)
    assert law.peak_in_flight == pytest.approx(np.sqrt(0.95 / 0.0005), rel=1e-6)
    assert law.r2 == pytest.approx(1.0)
    noisy = capacity.fit_scalability(n, true.rate_rps(n) * np.random.default_rng(1).normal(1, 0.02, 7))
    assert noisy.peak_in_flight == pytest.approx(law.peak_in_flight, rel=0.2)


def test_a_law_needs_three_different_loads_and_may_have_no_peak():
    assert capacity.fit_scalability([1, 2], [10, 20]) is None
    assert capacity.fit_scalability([1, 1, 2, 2], [10, 10, 20, 20]) is None
    assert capacity.fit_scalability([1, 2, 4], [10, 20, 40]).peak_in_flight is None


def test_cost_of_a_million_computed_by_hand():
    found = capacity.cost(500.0, cores=4, cpu_s_per_request=0.002, core_hour=0.05, gpus=1, gpu_hour=1.0)
    assert found["cpu_s_per_million"] == pytest.approx(2000)
    assert found["core_s_per_million"] == pytest.approx(8000)
    assert found["money_per_million"] == pytest.approx(2000 / 3600 * (4 * 0.05 + 1.0))
    assert capacity.cost(500.0, 4, None, 0.0)["cpu_s_per_million"] is None


def test_goodput_counts_answers_inside_the_limit():
    assert capacity.goodput_rps(np.array([1.0, 49.0, 50.0, 51.0]), 50.0, 2.0) == 1.5
    assert capacity.goodput_rps(np.empty(0), 50.0, 0.0) is None


def test_a_level_past_the_peak_does_not_hide_that_the_limit_was_kept():
    """With more load throughput fell: 900/s inside the limit, 850/s far beyond it."""
    shape = {"arrival": "closed", "valid": True, "success_rate": 1.0, "requests": 3000, "latency_mean_ms": 5.0}
    kept = shape | {"throughput_rps": 900.0, "latency_p99_ms": 20.0, "concurrency": 8}
    past = shape | {"throughput_rps": 850.0, "latency_p99_ms": 400.0, "concurrency": 64}
    found = capacity.estimate([kept, past], Promise(50.0))
    assert found.rate_rps == 900.0
    assert found.text == "The most inside 50 ms was 900/s; with more load throughput fell (closed loop)."


def test_a_capacity_without_intervals_at_its_levels_gives_none():
    shape = {"arrival": "poisson", "valid": True, "success_rate": 1.0, "requests": 3000, "latency_mean_ms": 5.0}
    curve = ((500.0, 10.0), (900.0, 30.0), (1000.0, 90.0))
    levels = [shape | {"rate_rps": rate, "throughput_rps": rate, "latency_p99_ms": p99} for rate, p99 in curve]
    found = capacity.estimate(levels, Promise(50.0))
    assert (found.low_rps, found.high_rps) == (None, None)
    assert "for an interval" in found.text
