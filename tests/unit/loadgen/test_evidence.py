"""A percentile is claimed only with the evidence for it, whatever the requests owe one another.

Traces are drawn as shares of a known distribution: 0.99 is exactly their true p99, so a claim just below it is false.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.special import ndtr

from loadgen.verdict.evidence import claim, inflation, percentile_interval, pooled, requests_needed, upper_bound

TRACES = 120  # a kind; the bound below is on all kinds together and on each


def independent(rng, count):
    return rng.random(count)


def autoregressive(rng, count, memory=0.9):
    noise = rng.standard_normal(count + 1000) * np.sqrt(1 - memory**2)
    return ndtr(lfilter([1], [1, -memory], noise)[1000:])


def long_memory(rng, count):
    return autoregressive(rng, count, 0.98)


def queue(rng, count, load=0.8):
    """Time in an M/M/1 queue, as its share in the known exponential distribution."""
    arrive, serve = rng.exponential(1 / load, count + 4000), rng.exponential(1, count + 4000)
    waited = np.concatenate([[0], np.cumsum(serve[:-1] - arrive[1:])])
    total = waited - np.minimum.accumulate(waited) + serve
    return 1 - np.exp(-(1 - load) * total[4000:])


def light_queue(rng, count):
    return queue(rng, count, load=0.6)


def bursts(rng, count, length=20):
    """One request in a hundred is slow, and slow ones come twenty in a row."""
    slow = np.zeros(count, bool)
    starts = np.flatnonzero(rng.random(count) < 0.01 / length / (1 - 0.01))
    for start, size in zip(starts, rng.geometric(1 / length, len(starts)), strict=True):
        slow[start : start + size] = True
    return np.where(slow, 0.995, rng.random(count) * 0.99)


KINDS = {
    "independent": (independent, 2000),
    "independent, long": (independent, 20_000),
    "autoregressive": (autoregressive, 10_000),
    "long memory": (long_memory, 4000),
    "queue": (queue, 10_000),
    "bursts": (bursts, 50_000),
}


def test_false_claims_are_at_most_one_in_a_hundred():
    false = {}
    for name, (trace, count) in KINDS.items():
        rng = np.random.default_rng(11)
        false[name] = sum(claim(trace(rng, count), 0.99 - 1e-9, 1000.0)["proven"] for _ in range(TRACES))
    assert sum(false.values()) <= 0.01 * TRACES * len(KINDS), false
    assert max(false.values()) <= 0.016 * TRACES, false


def test_a_limit_just_kept_is_called_not_met_as_rarely():
    false = {}
    for name, (trace, count) in KINDS.items():
        rng = np.random.default_rng(12)
        false[name] = sum(claim(trace(rng, count), 0.99 + 1e-9, 1000.0)["refuted"] for _ in range(TRACES))
    assert sum(false.values()) <= 0.01 * TRACES * len(KINDS), false


@pytest.mark.parametrize("trace", [kind for kind, _ in KINDS.values()])
def test_a_window_too_short_to_show_dependence_refutes_a_kept_limit_once_in_thirty_at_most(trace):
    rng = np.random.default_rng(13)
    assert sum(claim(trace(rng, 60), 0.99 + 1e-9, 1000.0)["refuted"] for _ in range(300)) <= 10


@pytest.mark.parametrize(
    ("slow", "count", "refuted"), [(23, 23, True), (22, 23, True), (2, 2, True), (1, 23, False), (1, 1, False)]
)
def test_few_requests_are_a_proof_where_nearly_all_of_them_miss(slow, count, refuted):
    latency_ms = np.where(np.arange(count) < slow, 80.0, 10.0)
    told = claim(latency_ms, 50.0, rate_rps=9.9)
    assert told["refuted"] is refuted
    assert not told["proven"]
    assert (told["hold_s"] is None) is refuted
    assert told["text"].startswith(f"p99 <= 50 ms at 9.9/s: not {'met' if refuted else 'proven'}")


def test_one_slow_spell_in_a_short_window_is_no_proof_and_scattered_slow_requests_are():
    spell, scattered = np.full(50, 10.0), np.full(50, 10.0)
    spell[20:24] = scattered[[3, 15, 27, 39]] = 80.0
    assert not claim(spell, 50.0, 10.0)["refuted"]
    assert claim(scattered, 50.0, 10.0)["refuted"]


def test_a_limit_missed_by_most_requests_is_refuted_however_many_there_are():
    rng = np.random.default_rng(14)
    for share in (0.2, 0.5, 0.9):
        assert claim(autoregressive(rng, 5000), share, 100.0)["refuted"], share


@pytest.mark.parametrize(("confidence", "clean"), [(0.99, 459), (0.95, 299)])
def test_the_confidence_decides_how_much_evidence_a_claim_takes(confidence, clean):
    quick = np.full(clean, 10.0)
    assert claim(quick, 50.0, 100.0, confidence=confidence)["proven"]
    assert not claim(quick[1:], 50.0, 100.0, confidence=confidence)["proven"]
    assert claim(quick, 50.0, 100.0, confidence=confidence)["text"].endswith(
        f"proven, {confidence:.0%} confidence (0 of {clean} beyond)"
    )


@pytest.mark.parametrize(
    ("trace", "count"), [(independent, 20_000), (light_queue, 60_000), (bursts, 50_000), (autoregressive, 20_000)]
)
def test_a_limit_well_kept_is_claimed(trace, count):
    rng = np.random.default_rng(5)
    kept = sum(claim(trace(rng, count), 0.9975, 1000.0)["proven"] for _ in range(40))
    assert kept >= 32, kept


@pytest.mark.parametrize(("share", "clean", "with_ten"), [(0.99, 459, 2010), (0.999, 4603, 20_140)])
def test_the_evidence_rule_gives_the_published_numbers(share, clean, with_ten):
    assert requests_needed(0.0, 1.0, share, 0.99) == pytest.approx(clean, rel=0.001)
    for misses, count in ((0, clean), (10, with_ten)):
        assert upper_bound(misses, count, 1.0, 0.99) <= 1 - share
        assert upper_bound(misses, count * 0.997, 1.0, 0.99) > 1 - share


def test_short_of_evidence_it_says_how_much_longer_to_hold():
    found = claim(np.full(300, 10.0), 50.0, rate_rps=100.0)
    assert not found["proven"]
    assert found["hold_s"] == 2  # 159 requests more
    assert "not proven (0 of 300 beyond); hold 2 s longer" in found["text"]
    assert claim(np.full(300 + 2 * 100, 10.0), 50.0, 100.0)["proven"]


def test_what_is_missing_is_enough_when_it_has_been_held():
    rng = np.random.default_rng(3)
    short = claim(rng.permutation(np.r_[np.full(200, 1.0), np.full(1, 60.0)]), 50.0, 100.0)
    assert not short["proven"]
    held = 201 + 100 * short["hold_s"]
    assert upper_bound(math.floor(held / 201), held, short["tau"], 0.99) <= 0.0101


def test_a_limit_that_is_missed_too_often_will_not_be_met_by_waiting():
    latency = np.where(np.arange(5000) % 50 == 0, 80.0, 10.0)
    found = claim(latency, 50.0, 100.0)
    assert not found["proven"]
    assert found["hold_s"] is None
    assert "not met, 100 of 5,000 requests (2.00%)" in found["text"]


def test_failed_requests_count_as_too_slow_wherever_they_stand():
    latency = np.random.default_rng(0).random(5000)
    assert claim(latency, 50.0, 100.0)["proven"]
    assert not claim(latency, 50.0, 100.0, failed=200)["proven"]
    latency[::50] = np.inf
    assert not claim(latency, 50.0, 100.0)["proven"]
    assert not claim(np.empty(0), 50.0, 100.0)["proven"]


def test_dependence_costs_evidence():
    rng = np.random.default_rng(7)
    free, tied = (claim(trace(rng, 20_000), 0.997, 1000.0) for trace in (independent, long_memory))
    assert free["effective_requests"] > 5 * tied["effective_requests"]


def test_independent_hits_are_hardly_inflated_and_runs_of_them_are():
    rng = np.random.default_rng(8)
    hits = rng.uniform(size=40_000) < 0.01
    assert inflation(hits) < 1.6
    assert 8 < inflation(np.repeat(hits[:4000], 10)) < 25  # 10; erring towards more evidence


@pytest.mark.parametrize("trace", [independent, autoregressive])
def test_the_interval_of_p99_covers_the_truth_as_often_as_it_says(trace):
    rng = np.random.default_rng(9)
    runs, covered = 300, 0
    for _ in range(runs):
        low, high = percentile_interval(trace(rng, 6000), 0.99)
        covered += (low or 0) <= 0.99 <= (high or np.inf)
    assert 0.92 <= covered / runs <= 0.995


def test_claims_of_several_windows_add_up():
    parts = [claim(np.full(250, 10.0), 50.0, 100.0) for _ in range(2)]
    assert not any(part["proven"] for part in parts)
    assert pooled(parts, 50.0, 100.0)["proven"]
