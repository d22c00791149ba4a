"""The highest rate inside a limit, against servers whose answer is known."""

import pytest

from playbook.errors import ParameterError
from playbook.promise import Promise
from playbook.tune.objective import Objective
from playbook.tune.rates import highest_rate, one_rate


class Server:
    """Keeps its limit up to `capacity` requests/s; some windows are INVALID."""

    def __init__(self, capacity: float, invalid=()):
        self.capacity, self.invalid, self.held = capacity, set(invalid), []

    def __call__(self, rate: float) -> dict:
        self.held.append(rate)
        p99 = 5.0 if rate <= self.capacity else 400.0
        return {
            "rate_rps": rate,
            "latency_p99_ms": p99,
            "latency_p50_ms": p99 / 2,
            "success_rate": 1.0,
            "throughput_rps": min(rate, self.capacity),
            "valid": len(self.held) not in self.invalid,
            "warnings": [],
        }


@pytest.mark.parametrize("guess", [300.0, 900.0, 1000.0, 1100.0, 3000.0])
def test_the_highest_rate_is_found_from_a_poor_guess(guess):
    found = highest_rate(Server(1000.0), guess, Promise(50.0), windows=20)
    assert 970 <= found.rate_rps <= 1000


def test_few_windows_do_from_a_good_guess():
    server = Server(1000.0)
    found = highest_rate(server, 980.0, Promise(50.0), windows=4, tolerance=0.05)
    assert found.rate_rps >= 950
    assert len(server.held) <= 4


def test_an_invalid_window_is_held_once_more_and_then_marked():
    once, twice = Server(1000.0, invalid=[1]), Server(1000.0, invalid=[1, 2])
    assert one_rate(once, 900.0, Promise(50.0)).row["valid"]
    assert not one_rate(twice, 900.0, Promise(50.0)).row["valid"]
    assert once.held == twice.held == [900.0, 900.0]


def test_a_rate_that_was_not_surpassed_is_not_taken_for_the_highest():
    found = highest_rate(Server(3000.0), 500.0, Promise(50.0), windows=3, tolerance=0.05)
    assert found.rate_rps > 2500
    assert found.failed_rps is not None


def test_a_limit_nobody_keeps_names_the_nearest():
    found = highest_rate(Server(1000.0), 500.0, Promise(1.0), windows=4)
    assert found.rate_rps == 0.0
    assert found.nearest["latency_p99_ms"] == 5.0


def test_each_objective_scores_better_as_larger():
    fast, slow = Server(2000.0), Server(1000.0)
    assert (
        Objective(Promise(50.0)).measured(fast, 1500)["score"] > Objective(Promise(50.0)).measured(slow, 900)["score"]
    )
    at_rate = Objective(Promise(50.0), "min_p99_at_rate", rate_rps=1500.0)
    assert at_rate.measured(fast, 0)["score"] == pytest.approx(200.0)
    assert at_rate.measured(slow, 0)["score"] == 0.0


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"kind": "speed"}, "speed"),
        ({"kind": "min_p99_at_rate"}, "objective_rate_rps"),
    ],
)
def test_an_objective_that_makes_no_sense_is_refused(settings, named):
    with pytest.raises(ParameterError, match=named):
        Objective(**{"promise": Promise(50.0), **settings})


class Busy:
    """Every request takes `service_ms` and more as load comes near `capacity`; each window holds few requests."""

    def __init__(self, capacity: float, service_ms: float, requests: int = 150):
        self.capacity, self.service_ms, self.requests, self.held = capacity, service_ms, requests, []

    def __call__(self, rate: float) -> dict:
        self.held.append(rate)
        middle = self.service_ms / max(0.02, 1 - rate / self.capacity)
        late = sum(middle * (0.5 + i / self.requests) > 50.0 for i in range(self.requests))
        return {
            "rate_rps": rate,
            "latency_p99_ms": None,
            "latency_p50_ms": middle,
            "success_rate": 1.0,
            "throughput_rps": min(rate, self.capacity),
            "valid": True,
            "warnings": [],
            "claim": {"requests": self.requests, "misses": late},
        }


def test_a_window_too_short_for_a_p99_is_judged_by_its_requests_beyond_the_limit():
    server = Busy(100.0, 5.0)
    result = highest_rate(server, 95.0, Promise(50.0), windows=8, tolerance=0.02)
    assert result.rate_rps == pytest.approx(85.0, rel=0.03)  # there 1.5 × the median is 50 ms
    assert highest_rate(Busy(100.0, 5.0, requests=60), 95.0, Promise(50.0), windows=4).rate_rps == 0.0


def test_where_half_of_the_requests_are_beyond_the_limit_at_little_load_the_search_ends_at_once():
    server = Busy(10.0, 90.0)
    result = highest_rate(server, 9.5, Promise(50.0), windows=5)
    assert result.rate_rps == 0.0
    assert len(server.held) <= 3
    assert "already at" in result.certain


def test_time_that_is_over_ends_a_search_with_what_it_has():
    server = Server(1000.0)
    result = highest_rate(server, 500.0, Promise(50.0), windows=20, go_on=lambda: len(server.held) < 3)
    assert len(server.held) == 3
    assert result.rate_rps >= 500.0
