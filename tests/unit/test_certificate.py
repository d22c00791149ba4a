"""A certificate is given only with the evidence: on traces of known p99 at most 1 % of them are false."""

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.special import ndtr

from playbook.analyzing import certificate

TRACES = 120  # a kind; the bound below is on all kinds together and on each


def independent(rng, count):
    return rng.random(count)


def autoregressive(rng, count, memory=0.9):
    noise = rng.standard_normal(count + 1000) * np.sqrt(1 - memory**2)
    return ndtr(lfilter([1], [1, -memory], noise)[1000:])


def queue(rng, count, load=0.8):
    """Time in an M/M/1 queue, as its share in the known exponential distribution."""
    arrive, serve = rng.exponential(1 / load, count + 4000), rng.exponential(1, count + 4000)
    waited = np.concatenate([[0], np.cumsum(serve[:-1] - arrive[1:])])
    total = waited - np.minimum.accumulate(waited) + serve
    return 1 - np.exp(-(1 - load) * total[4000:])


def bursts(rng, count, length=20):
    """One request in a hundred is slow, and slow ones come twenty in a row."""
    slow = np.zeros(count, bool)
    starts = np.flatnonzero(rng.random(count) < 0.01 / length / (1 - 0.01))
    for start, size in zip(starts, rng.geometric(1 / length, len(starts)), strict=True):
        slow[start : start + size] = True
    return np.where(slow, 0.995, rng.random(count) * 0.99)


KINDS = {
    "independent": (independent, 2000),
    "independent, long": (independent, 20000),
    "autoregressive": (autoregressive, 10000),
    "queue": (queue, 10000),
    "bursts": (bursts, 50000),
}


def test_false_certificates_are_at_most_one_in_a_hundred():
    false = {}
    for name, (trace, count) in KINDS.items():
        rng = np.random.default_rng(11)
        # each value is its own share in the true distribution, so 0.99 is exactly the true p99: "below it" is false
        false[name] = sum(certificate.certify(trace(rng, count), 0.99 - 1e-9, 1000.0).proven for _ in range(TRACES))
    assert sum(false.values()) <= 0.01 * TRACES * len(KINDS), false
    assert max(false.values()) <= 0.016 * TRACES, false


def light_queue(rng, count):
    return queue(rng, count, load=0.6)


@pytest.mark.parametrize(("trace", "count"), [(independent, 20000), (light_queue, 60000), (bursts, 50000)])
def test_a_limit_well_kept_is_certified(trace, count):
    rng = np.random.default_rng(5)
    kept = sum(certificate.certify(trace(rng, count), 0.9975, 1000.0).proven for _ in range(40))
    assert kept >= 32, kept


def test_459_clean_requests_are_just_enough_for_p99_at_99_percent():
    quick = np.linspace(1.0, 2.0, 459)
    assert certificate.upper_bound(0, 459, 1.0, 0.99) <= 0.01
    assert certificate.upper_bound(0, 458, 1.0, 0.99) > 0.01
    rng = np.random.default_rng(1)
    proof = certificate.certify(rng.permutation(quick), 50.0, 100.0)
    assert proof.text.startswith("p99 <= 50 ms at 100/s")
    assert proof.requests == 459


def test_what_is_missing_is_told_in_seconds_and_enough_when_held():
    rng = np.random.default_rng(3)
    proof = certificate.certify(rng.random(600) * 49 + 1.5 * (np.arange(600) == 7), 50.0, 100.0)
    short = certificate.certify(rng.permutation(np.r_[np.full(200, 1.0), np.full(1, 60.0)]), 50.0, 100.0)
    assert not short.proven
    assert "hold" in short.text
    assert short.hold_s > 1
    needed = int(short.hold_s * 100 + 201)
    assert certificate.upper_bound(round(needed / 201), needed, short.inflation, 0.99) <= 0.0101
    assert proof.requests == 600


def test_a_limit_that_is_not_kept_is_not_waited_for():
    slow = np.r_[np.full(900, 1.0), np.full(100, 80.0)]
    proof = certificate.certify(np.random.default_rng(0).permutation(slow), 50.0, 100.0)
    assert not proof.proven
    assert proof.hold_s is None
    assert "not met" in proof.text


def test_failed_requests_are_beyond_every_limit():
    quick = np.random.default_rng(0).random(5000)
    assert certificate.certify(quick, 50.0, 100.0).proven
    assert not certificate.certify(quick, 50.0, 100.0, failed=200).proven
    empty = certificate.certify(np.empty(0), 50.0, 100.0)
    assert not empty.proven
    assert "no request at all" in empty.text
