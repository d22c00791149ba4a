"""A certificate is the load generator's claim on a level's requests, in the record's words."""

import json

import numpy as np
import pytest

from loadgen import claim
from playbook.analyze import certificate


def test_459_clean_requests_are_just_enough_for_p99_at_99_percent():
    quick = np.random.default_rng(1).permutation(np.linspace(1.0, 2.0, 459))
    proof = certificate.certify(quick[:458], 50.0, 100.0)
    assert not proof.proven
    assert proof.hold_s >= 1
    assert proof.text.startswith("p99 <= 50 ms at 100/s: not proven (0 of 458 beyond); hold ")
    assert proof.bound > 0.01


@pytest.mark.parametrize("slow", [0, 3, 400])
def test_a_certificate_says_what_the_claim_says(slow):
    latency_ms = np.random.default_rng(3).random(20_000) * 49
    latency_ms[:: 20_000 // slow if slow else 30_000][:slow] += 60
    proof, found = certificate.certify(latency_ms, 50.0, 100.0), claim(latency_ms, 50.0, 100.0)
    assert proof.proven is found["proven"] is (slow < 400)
    told = json.loads(json.dumps(proof.to_json()))
    assert told == {
        "proven": found["proven"],
        "text": found["text"],
        "requests": 20_000,
        "beyond": found["misses"],
        "inflation": found["tau"],
        "bound": found["bound"],
        "hold_s": found["hold_s"],
    }


def test_failed_requests_are_beyond_every_limit():
    quick = np.random.default_rng(0).random(5000)
    assert certificate.certify(quick, 50.0, 100.0).proven
    failed = certificate.certify(quick, 50.0, 100.0, failed=200)
    assert not failed.proven
    assert (failed.requests, failed.beyond) == (5200, 200)
    empty = certificate.certify(np.empty(0), 50.0, 100.0)
    assert not empty.proven
    assert "no good answer at all" in empty.text
