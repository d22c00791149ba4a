"""A percentile is claimed only with the evidence for it, whatever the requests owe one another."""

from __future__ import annotations

import numpy as np
import pytest

from loadgen.evidence import claim, inflation, misses_allowed, percentile_interval, pooled, requests_needed


def queue_like(rng, count, memory):
    """Latencies with a known p99 (4.6052 = ln 100) and a memory: neighbours resemble one another."""
    noise = rng.normal(size=count)
    normal = np.empty(count)
    normal[0] = noise[0]
    for i in range(1, count):
        normal[i] = memory * normal[i - 1] + np.sqrt(1 - memory**2) * noise[i]
    from scipy.special import log_ndtr

    return -log_ndtr(-normal)  # exponential with mean 1, through its distribution function


TRUE_P99 = np.log(100)


@pytest.mark.parametrize(("share", "clean", "with_ten"), [(0.99, 459, 2010), (0.999, 4603, 20140)])
def test_the_evidence_rule_gives_the_published_numbers(share, clean, with_ten):
    assert requests_needed(0.0, share, 0.99) == clean
    assert misses_allowed(clean, share, 0.99) == 0
    assert misses_allowed(clean - 1, share, 0.99) == -1
    assert misses_allowed(with_ten, share, 0.99) == 10
    assert misses_allowed(with_ten * 0.99, share, 0.99) == 9


def test_short_of_evidence_it_says_how_much_longer_to_hold():
    found = claim(np.full(300, 10.0), 50.0, rate_rps=100.0)
    assert not found["proven"]
    assert found["hold_s"] == 2  # 159 requests more
    assert "not proven, hold 2 s longer" in found["text"]
    assert claim(np.full(300 + 2 * 100, 10.0), 50.0, 100.0)["proven"]


def test_a_limit_that_is_missed_too_often_will_not_be_met_by_waiting():
    latency = np.where(np.arange(5000) % 50 == 0, 80.0, 10.0)
    found = claim(latency, 50.0, 100.0)
    assert not found["proven"]
    assert found["hold_s"] is None
    assert "not met" in found["text"]


def test_failed_requests_count_as_too_slow():
    latency = np.full(5000, 10.0)
    latency[::50] = np.inf
    assert not claim(latency, 50.0, 100.0)["proven"]


@pytest.mark.parametrize("memory", [0.0, 0.9, 0.98])
def test_false_claims_are_rare_also_when_requests_depend_on_one_another(memory):
    rng = np.random.default_rng(5)
    runs = 300
    false = sum(claim(queue_like(rng, 4000, memory), TRUE_P99 * 0.98, 1000.0)["proven"] for _ in range(runs))
    assert false / runs <= 0.02  # 1 % asked for; 300 runs cannot tell 1 from 2


def test_true_claims_are_made():
    rng = np.random.default_rng(6)
    made = sum(claim(queue_like(rng, 4000, 0.5), TRUE_P99 * 1.5, 1000.0)["proven"] for _ in range(50))
    assert made >= 45


def test_dependence_costs_evidence():
    rng = np.random.default_rng(7)
    free, tied = (claim(queue_like(rng, 20_000, memory), TRUE_P99 * 1.3, 1000.0) for memory in (0.0, 0.98))
    assert free["effective_requests"] > 5 * tied["effective_requests"]


def test_independent_hits_are_not_inflated_and_runs_of_them_are():
    rng = np.random.default_rng(8)
    hits = (rng.uniform(size=40_000) < 0.05).astype(float)
    assert inflation(hits) < 1.6
    assert 8 < inflation(np.repeat(hits[:4000], 10)) < 25  # 10; erring towards more evidence


@pytest.mark.parametrize("memory", [0.0, 0.9])
def test_the_interval_of_p99_covers_the_truth_as_often_as_it_says(memory):
    rng = np.random.default_rng(9)
    runs, covered = 150, 0
    for _ in range(runs):
        low, high = percentile_interval(queue_like(rng, 6000, memory), 0.99)
        covered += (low or 0) <= TRUE_P99 <= (high or np.inf)
    assert covered / runs >= 0.90


def test_claims_of_several_windows_add_up():
    parts = [claim(np.full(250, 10.0), 50.0, 100.0) for _ in range(2)]
    assert not any(part["proven"] for part in parts)
    assert pooled(parts, 50.0, 100.0)["proven"]
