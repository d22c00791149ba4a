"""The windows of stress are planned from the time of one request, long enough for their load, in the seconds given."""

from __future__ import annotations

import pytest

from playbook.stress.load import Load
from playbook.stress.schedule import planned
from playbook.stress.stress import usual_ms

LOAD = Load(duration_s=2.5, ramp_up_s=0.5)
SHARES = (0.5, 0.8)


def test_a_fast_model_is_held_as_asked() -> None:
    schedule = planned(LOAD, 0.3, [1, 8, 32], (), SHARES)
    assert [level.duration_s for level in schedule] == [2.5] * 5
    assert [level.ramp_up_s for level in schedule] == [0.5] * 5
    assert schedule.left_out == ()
    assert schedule.words == "5 levels of 2.5 s"


def test_every_client_of_a_closed_loop_is_answered_before_the_window_and_three_times_in_it() -> None:
    eight = planned(LOAD, 100.0, [1, 8], budget_s=30.0).levels[1]
    assert eight.ramp_up_s == pytest.approx(0.8)
    assert eight.duration_s >= 3 * 0.8
    assert eight.drain_s == pytest.approx(0.8)


def test_what_the_seconds_do_not_carry_is_left_out_the_most_clients_first_and_named() -> None:
    schedule = planned(LOAD, 137.0, [1, 8, 32], (), SHARES, budget_s=30.0)
    assert [level.concurrency for level in schedule] == [1, 8, None, None]
    assert schedule.expected_s <= 30.0
    assert schedule.left_out[0] == "32 clients: 3 answers to each take about 13 s"


def test_a_first_request_that_waits_for_helpers_is_not_what_a_request_takes() -> None:
    assert usual_ms((280.0 + 119.0 + 119.0) / 3, 280.0, 3) == pytest.approx(119.0)
    assert usual_ms(900.0, 900.0, 1) == 900.0


@pytest.mark.parametrize(
    ("request_ms", "budget_s", "percentile", "named"),
    [(5.0, 60.0, 1050, None), (5.0, 20.0, 210, "p99 of every level"), (20.0, 22.0, 105, "p95 of every level")],
)
def test_windows_grow_to_the_highest_percentile_that_fits(request_ms, budget_s, percentile, named) -> None:
    schedule = planned(LOAD, request_ms, [1, 8], (), SHARES, budget_s=budget_s)
    assert schedule.expected_s <= budget_s
    requests = [level.duration_s * level.expected_rps for level in schedule]
    assert min(requests) >= percentile - 1e-6
    assert [text.partition(":")[0] for text in schedule.left_out] == ([named] if named else [])


def test_a_model_of_a_second_keeps_one_level_and_says_what_it_cannot_tell() -> None:
    schedule = planned(LOAD, 1000.0, [1, 8, 32], (), (), budget_s=20.0)
    assert [level.concurrency for level in schedule] == [1]
    assert schedule.left_out[-1] == "p90 of every level: that takes 1.8 min in all"


def test_a_busy_moment_in_which_one_request_is_timed_leaves_no_short_level_out() -> None:
    short = Load(duration_s=0.3, ramp_up_s=0.1)
    schedule = planned(short, 30.0, [1, 4], (), (0.5,))
    assert (len(schedule.levels), schedule.expected_s < 10.0) == (3, True)
    assert not [text for text in schedule.left_out if "clients" in text]


def test_repeats_share_the_seconds() -> None:
    once, twice = (planned(LOAD, 5.0, [1], repeats=count, budget_s=12.0) for count in (1, 2))
    assert once.levels[0].duration_s > twice.levels[0].duration_s
    assert twice.expected_s <= 12.0


def test_clients_that_would_wait_beyond_the_time_out_are_left_out() -> None:
    schedule = planned(LOAD, 400.0, [1, 8, 32], budget_s=900.0)
    assert [level.concurrency for level in schedule] == [1, 8]
    assert schedule.left_out[0] == "32 clients: an answer takes 13 s, and timeout_s is 10"
    assert len(planned(LOAD, 20_000.0, [4], budget_s=900.0).levels) == 1
