"""A generator that was not fit spoils a level only where its error is not small beside what the level takes."""

import pytest

from loadgen.fitness import judge
from loadgen.verdict.unfitness import of_weight

GOOD = {
    "floor_ms": 0.05,
    "max_rate_rps": 30_000.0,
    "lateness_p50_us": 20.0,
    "lateness_p99_us": 60.0,
    "stall_error": 0.01,
}


def level(mean_ms: float | None, rate: float = 50.0) -> dict:
    return {"latency_ms": {"mean": mean_ms}, "offered_rps": rate, "throughput_rps": rate}


@pytest.mark.parametrize(
    ("figure", "value", "spoilt_ms", "untouched_ms"),
    [("lateness_p99_us", 12_000.0, 100.0, 130.0), ("floor_ms", 0.4, 3.0, 5.0), ("stall_error", 0.2, 150.0, 250.0)],
)
def test_an_error_counts_where_it_is_more_than_a_tenth_of_an_answer(figure, value, spoilt_ms, untouched_ms) -> None:
    bad = judge(GOOD | {figure: value})
    assert bad["problem_figures"] == [figure]
    assert of_weight(bad, level(spoilt_ms)) == bad["problems"]
    assert of_weight(bad, level(untouched_ms)) == []
    assert of_weight(bad, level(None)) == bad["problems"]


def test_a_slow_sender_is_fast_enough_for_a_tenth_of_its_rate() -> None:
    bad = judge(GOOD | {"max_rate_rps": 3000.0})
    assert of_weight(bad, level(5.0, rate=400.0))
    assert not of_weight(bad, level(5.0, rate=200.0))


def test_what_could_not_be_measured_always_counts() -> None:
    assert of_weight(judge(GOOD | {"stall_error": None}), level(9000.0))
