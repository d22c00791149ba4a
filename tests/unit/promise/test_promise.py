"""The promise: one question, answered alike for a level, a window and a simulated rate."""

from __future__ import annotations

import math

import pytest

from playbook.errors import ParameterError
from playbook.promise import Promise

PROMISE = Promise(50.0, 0.001, 2000.0)


@pytest.mark.parametrize(
    ("figures", "inside"),
    [
        ((49.0, 0.0), True),
        ((50.0, 1 - 0.999), True),  # exactly one in a thousand, as a float has it
        ((50.1, 0.0), False),
        ((10.0, 0.002), False),
        ((None, 0.0), False),  # too few requests for a p99
        ((10.0, None), False),
        ((math.nan, 0.0), False),
        ((49.0, 0.0, 1999.0), False),
        ((49.0, 0.0, 2000.0), True),
    ],
)
def test_figures_are_inside_where_p99_failures_and_the_rate_that_was_asked_for_all_are(
    figures: tuple, inside: bool
) -> None:
    assert PROMISE.inside(*figures) is inside


def test_a_level_with_a_failure_in_a_thousand_keeps_a_promise_that_allows_it() -> None:
    assert PROMISE.kept_by({"latency_p99_ms": 10.0, "success_rate": 0.999})
    assert not PROMISE.kept_by({"latency_p99_ms": 10.0, "success_rate": 0.998})
    assert not PROMISE.kept_by({"latency_p99_ms": None, "success_rate": 1.0})


def test_flat_parameters_make_a_promise_and_a_rate_of_zero_is_none() -> None:
    assert Promise.of({"p99_limit_ms": 20.0, "max_error_share": 0.0, "target_rate_rps": 0.0}) == Promise(20.0, 0.0)
    assert Promise.of({"p99_limit_ms": 20.0}) == Promise(20.0, 0.001)
    assert Promise.of({"p99_limit_ms": 20.0, "target_rate_rps": 100.0}).target_rate_rps == 100.0


@pytest.mark.parametrize("given", [(0.0,), (-5.0,), (math.inf,), (50.0, -0.1), (50.0, 1.5), (50.0, 0.0, -1.0)])
def test_a_promise_that_none_can_keep_or_break_is_refused(given: tuple) -> None:
    with pytest.raises(ParameterError, match="is expected"):
        Promise(*given)
