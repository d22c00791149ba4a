"""One gain: from repeats in turns, told with their own figures, and only as far as they go."""

from __future__ import annotations

import pytest

from playbook.promise import Promise
from playbook.tfserving.config import DEFAULT, Config
from playbook.tune.gain import gain_of, ratio, words
from playbook.tune.objective import Objective
from playbook.tune.plan import Tuned, TuningPlan
from playbook.tune.search import SearchResult, Trial


def one(rate: float, valid: bool = True) -> dict:
    return {"score": rate, "rate_rps": rate, "p99_ms": 12.0, "valid": valid, "kept": rate > 0}


LUCKY = (one(1000.0), one(5000.0))  # default and winner, as their trials had them


def test_figures_told_beside_the_gain_have_it_as_their_quotient() -> None:
    gained = gain_of(*LUCKY, [(one(1000.0), one(3800.0)), (one(1100.0), one(4100.0)), (one(950.0), one(3900.0))])
    default, best = gained.scores()
    assert gained.shown
    assert best / default == pytest.approx(gained.ratio)
    assert gained.low < gained.ratio < gained.high
    assert gained.ratio < 4.0  # and not the 5.0 of the lucky trial


def test_an_interval_that_contains_1_shows_no_gain() -> None:
    gained = gain_of(*LUCKY, [(one(1000.0), one(1500.0)), (one(1000.0), one(900.0)), (one(1000.0), one(1100.0))])
    assert gained.low < 1 < gained.high
    assert not gained.shown
    assert words(gained, "1,000 requests/s").startswith("no gain shown: 1.1")
    assert "the interval contains 1" in words(gained, "1,000 requests/s")


def test_invalid_windows_claim_no_gain() -> None:
    bad = gain_of(*LUCKY, [(one(1000.0), one(4000.0, valid=False)), (one(1000.0, valid=False), one(4000.0))])
    assert (bad.ratio, bad.shown) == (None, False)
    assert words(bad, "") == "no gain shown: 2 of 2 measurements had an INVALID window"
    assert gain_of(one(1000.0), one(4000.0, valid=False), []).ratio is None


def test_one_invalid_repeat_of_three_is_left_out() -> None:
    turns = [(one(1000.0), one(4000.0)), (one(1000.0), one(9000.0, valid=False)), (one(1000.0), one(4010.0))]
    gained = gain_of(*LUCKY, turns)
    assert len(gained.used) == 2
    assert gained.ratio == pytest.approx(4.005, abs=0.001)


@pytest.mark.parametrize(
    ("turns", "told"),
    [
        ([(one(1000.0), one(0.0)), (one(1000.0), one(4000.0))], "the winner kept the limit in 1 of 2"),
        ([(one(1000.0), one(0.0)), (one(1000.0), one(0.0))], "the winner did not keep the limit again"),
        ([(one(0.0), one(4000.0)), (one(0.0), one(4000.0))], "the default flags do not keep the limit"),
        ([(one(1000.0), one(800.0)), (one(1000.0), one(801.0))], "no better when it was measured again"),
    ],
)
def test_a_winner_that_does_not_win_again_has_no_gain_and_the_reason_is_told(turns: list, told: str) -> None:
    gained = gain_of(*LUCKY, turns)
    assert not gained.shown
    assert told in words(gained, "1,000 requests/s")


def test_without_repeats_the_trials_are_compared_and_it_is_said_that_each_was_measured_once() -> None:
    assert words(gain_of(*LUCKY, []), "1,000/s") == "5 × the default flags' 1,000/s (each measured once, no interval)"


def test_the_ratio_has_an_interval_only_where_there_is_one() -> None:
    middle, low, high = ratio([(100, 400), (100, 420), (105, 410)])
    assert low < middle < high
    assert middle == pytest.approx(4.03, abs=0.02)
    assert ratio([(100, 400)]) == (4.0, None, None)
    assert ratio([(0.0, 400)]) == (None, None, None)


BATCHED = Config.of({"enable_batching": True, "max_batch_size": 8})


def tuned(repeats: list) -> Tuned:
    """A search whose trials said that batching is five times as good."""
    trials = [Trial(0, DEFAULT, "default", 1000.0, LUCKY[0]), Trial(1, BATCHED, "frontier", 5000.0, LUCKY[1])]
    plan = TuningPlan({"enable_batching": [True]}, Objective(Promise(50.0)))
    return Tuned(plan, dict(LUCKY[0]), SearchResult(trials, "done", 0), {}, {}, repeats=repeats)


@pytest.mark.parametrize(
    "turns",
    [
        [(one(1000.0), one(0.0)), (one(1000.0), one(0.0))],  # it did not keep the limit again
        [(one(1000.0), one(700.0)), (one(1000.0), one(800.0))],  # it was slower
    ],
)
def test_a_winner_that_loses_when_it_is_measured_again_is_neither_proven_nor_deployed(turns: list) -> None:
    result = tuned(turns)
    assert result.best.config == DEFAULT
    assert (result.gain().ratio, result.gain().shown) == (None, False)
    assert words(result.gain(), "").endswith("(enable_batching=on, max_batch_size=8); the default flags stay")


def test_a_winner_that_wins_again_or_was_never_measured_again_stands() -> None:
    assert tuned([(one(1000.0), one(4000.0)), (one(1000.0), one(4100.0))]).best.config == BATCHED
    assert tuned([]).best.config == BATCHED
    assert tuned([(one(0.0), one(4000.0)), (one(0.0), one(4100.0))]).best.config == BATCHED
