"""A level that should not be believed is INVALID, and says why and what to change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from loadgen import Level
from loadgen.rows import HTTP, QUEUED, RequestRows, pack
from loadgen.verdict.enough import sufficiency
from loadgen.verdict.steady import little
from loadgen.verdict.summary import describe, due_inside, percentile
from loadgen.verdict.validity import RULES, Facts, audit

START_NS = 10**12
OPEN = Level("http://127.0.0.1:1/", bodies=Path("b"), arrival="poisson", rate_rps=1000.0, duration_s=10.0)
CLOSED = Level("http://127.0.0.1:1/", bodies=Path("b"), concurrency=8, duration_s=10.0)


def made_rows(rate=1000, duration_s=10.0, latency_ms=5.0, late_us=20.0, failed=0.0, queued=0.0, seed=1):
    """Rows of a steady level, as a correct client would have written them."""
    rng = np.random.default_rng(seed)
    due = START_NS + np.sort(rng.uniform(0, duration_s * 1e9, int(rate * duration_s))).astype(np.int64)
    count = len(due)
    sent = due + int(late_us * 1000)
    done = due + (np.broadcast_to(latency_ms, count) * 1e6 * rng.uniform(0.9, 1.1, count)).astype(np.int64)
    code = np.full(count, pack(0, 200, 30))
    code[rng.uniform(size=count) < failed] = pack(HTTP, 503, 30)
    code[rng.uniform(size=count) < queued] |= QUEUED
    return RequestRows(np.stack([due, sent, done, code], axis=1), np.zeros(count, np.int16))


def workers(rows, in_flight=None, duration_s=10.0):
    busy_s = float((rows.done_ns - rows.scheduled_ns).sum()) / 1e9
    counted = busy_s if in_flight is None else in_flight * duration_s
    last = START_NS + int(duration_s * 1e9)
    return [{"worker": 0, "edges_ns": [START_NS, last], "edge_s": duration_s, "in_flight_s": counted}]


def judged(level=OPEN, rows=None, in_flight=None, **changes):
    rows = made_rows() if rows is None else rows
    law = little(rows, workers(rows, in_flight))
    summary = {
        **describe(rows, START_NS, 10.0),
        "client_cpu_share": 0.3,
        "in_flight_cap": 100,
        "connections_opened": 32,
        "dead": False,
        "hung": False,
        "stood_still": [],
        "client_stood_still": [],
        "answers": {"checked": 10, "wrong": 0, "unkept": 0, "first_wrong": None},
        "little": law,
        "mean_in_flight": law["mean_in_flight"],
        "balance": None,
        **changes,
    }
    summary |= sufficiency(summary, rows)
    return audit(Facts(level, rows, due_inside(rows, START_NS, START_NS + 10**10), summary, START_NS))


def test_a_steady_level_is_valid_and_says_nothing():
    assert judged() == {"valid": True, "failed_checks": [], "warnings": []}


CASES = {
    "server_dead": {"dead": True},
    "stood_still": {"stood_still": [{"from_s": 1.0, "to_s": 4.2}]},
    "client_stood_still": {"client_stood_still": [{"from_s": 1.0, "to_s": 4.2}]},
    "bad_passport": {"passport": {"ok": False, "problems": ["it is slow"]}},
    "wrong_answers": {
        "answers": {
            "checked": 10,
            "wrong": 1,
            "unkept": 0,
            "first_wrong": {"body": "00003.body", "expected": "[0.1]", "got": "[0.2]"},
        }
    },
    "broken_protocol": {
        "errors_by_kind": {"protocol": 1},
        "answers": {
            "checked": 10,
            "wrong": 0,
            "unkept": 0,
            "first_wrong": None,
            "first_broken": {"body": "00003.body", "expected": "[0.1]", "got": "<b>.HTTP/1.1 200"},
        },
    },
    "too_many_errors": {"rows": made_rows(failed=0.02)},
    "client_cpu": {"client_cpu_share": 0.93},
    "client_late": {"rows": made_rows(late_us=1500.0)},
    "not_steady": {"rows": made_rows(latency_ms=np.linspace(5, 9, 10_000))},
    "little_law": {"in_flight": 5.2},
    "count_balance": {"balance": {"served": 20, "answered": 10, "uncertain": 0, "balanced": False}},
}


@pytest.mark.parametrize("name", CASES)
def test_each_rule_fails_alone_with_a_reason_and_a_remedy(name):
    found = judged(**CASES[name])
    assert found["failed_checks"] == [name]
    assert not found["valid"]
    reason, _, remedy = found["warnings"][0].rpartition("; ")
    assert reason
    assert remedy


def test_every_rule_has_a_case_here():
    assert {rule.__name__ for rule in RULES} == {*CASES, "offered_rate"}


def test_a_rate_the_connections_could_not_carry_is_invalid():
    rows = made_rows(queued=0.5)
    rows.words[5000:, 1] += 10**10  # the second half was sent after the window
    rows.words[5000:, 2] += 10**10
    assert "offered_rate" in judged(rows=rows)["failed_checks"]


def test_throughput_that_halves_is_not_steady():
    rows = made_rows()
    keep = (rows.scheduled_ns < START_NS + 5 * 10**9) | (np.arange(len(rows)) % 2 == 0)
    assert "not_steady" in judged(rows=rows.take(keep))["failed_checks"]


def test_thirty_two_threads_labelled_eight_are_rejected():
    """The fault of Perf Analyzer's binary search: the level is not the one it says it is."""
    rows = made_rows(latency_ms=32.0)  # 1000/s x 32 ms: 32 requests in flight
    found = judged(CLOSED, rows)
    assert "little_law" in found["failed_checks"]
    assert "the level says 8" in " ".join(found["warnings"])
    assert judged(CLOSED.with_(concurrency=32), rows)["valid"]


def test_latency_counted_from_the_wrong_time_breaks_littles_law():
    rows = made_rows(latency_ms=5.0)
    in_flight = little(rows, workers(rows))["mean_in_flight"]
    rows.words[:, 0] += 1_000_000  # as if timed from the send, 1 ms after it was due
    assert "little_law" in judged(rows=rows, in_flight=in_flight)["failed_checks"]


def test_requests_that_no_worker_saw_in_flight_break_littles_law_and_are_told_without_a_share():
    found = judged(in_flight=0.0)
    assert found["failed_checks"] == ["little_law"]
    assert found["warnings"][0].startswith("Little's law does not hold: 0.00 requests in flight")


def test_clients_that_hardly_wait_are_noted_but_not_invalid():
    found = judged(CLOSED, made_rows(latency_ms=5.0))
    assert found["valid"]
    assert "5.0 of 8 clients" in found["warnings"][0]


@pytest.mark.parametrize(("count", "share", "given"), [(1000, 0.99, True), (999, 0.99, False), (9999, 0.999, False)])
def test_a_percentile_needs_ten_samples_beyond_it(count, share, given):
    assert (percentile(np.arange(count, dtype=float), share) is not None) is given


def test_percentiles_are_those_of_the_raw_samples():
    values = np.random.default_rng(2).exponential(size=20_000)
    ordered = np.sort(values)
    for share in (0.5, 0.9, 0.99, 0.999):
        assert percentile(ordered, share) == pytest.approx(np.quantile(values, share), rel=0.02)


def test_too_few_requests_for_a_p99_are_not_enough_but_not_broken():
    """What the samples do allow is told, and how long a window a p99 takes."""
    audited = judged(rows=made_rows(rate=30))
    assert audited["valid"]
    assert audited["failed_checks"] == []
    (said,) = audited["warnings"]
    assert said.startswith(
        "not enough for p99: it needs 1,000 good requests (ten beyond it), the window has 300; p95 is"
    )
    assert said.endswith("hold it 35 s")


def test_what_is_broken_stays_broken_where_there_is_not_enough_as_well():
    audited = judged(rows=made_rows(rate=30, failed=0.2))
    assert audited["failed_checks"] == ["too_many_errors"]
    assert any(text.startswith("not enough") for text in audited["warnings"])
