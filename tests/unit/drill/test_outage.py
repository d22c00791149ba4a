"""What users lost, from requests with known ends: by code, second by second, until the last bad one."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from playbook.drill import flooding, observing
from playbook.drill.exercise import Exercise
from playbook.drill.outage import Calls, by_second, outage
from playbook.promise import Promise
from playbook.records.run_folder import RunFolder
from playbook.serve.spec import ServerSpec
from playbook.stress.load import Load
from playbook.tfserving.config import Config

PROMISE = Promise(50.0, 0.001)
BEGAN_NS, RATE = 10**12, 1000


def exercised(**figures: float | None) -> Exercise:
    """An exercise with these figures, of a run that has nothing."""
    one = {"tuned": False, "expected_rps": None, "replicas": 1, "rate_rps": 100.0, "capacity_rps": 100.0}
    base = {"drills": (), "remedies": False, "drill_s": 6.0, "budget_s": 60.0, "soak_s": 0.0, "client_rps": None}
    spec = ServerSpec("m", Path("m"))
    return Exercise(RunFolder(Path(), {}), PROMISE, spec, Config(), load=Load(), **{**one, **base, **figures})


def calls(seconds: float, before_s: float = 2.0) -> Calls:
    """A thousand requests a second, each answered after 5 ms, from two seconds before it happened on."""
    due = BEGAN_NS + (np.arange(int((before_s + seconds) * RATE)) * 10**9 // RATE) - int(before_s * 1e9)
    return Calls(due, due + 5_000_000, np.full(len(due), "", dtype=object))


def spoilt(seen: Calls, from_s: float, to_s: float, code: str = "", ms: float = 5.0, every: int = 1) -> Calls:
    """The same with the requests of a stretch late or lost."""
    at_s = (seen.due_ns - BEGAN_NS) / 1e9
    places = np.flatnonzero((at_s >= from_s) & (at_s < to_s))[::every]
    seen.code[places] = code
    seen.done_ns[places] = seen.due_ns[places] + int(ms * 1e6)
    return seen


def lost_in(seen: Calls, seconds: float) -> dict:
    return outage(seen, BEGAN_NS, BEGAN_NS + int(seconds * 1e9), PROMISE)


def test_nothing_is_lost_where_nothing_happened() -> None:
    seen = lost_in(calls(6.0), 6.0)
    assert (seen["requests"], seen["lost"], seen["lost_by_code"]) == (6000, 0, {})
    assert (seen["seconds_outside"], seen["recovery_s"], seen["calm_before"]) == (0, 0.0, True)
    assert seen["slowest_ms"] == pytest.approx(5.0)


def test_requests_on_their_way_when_the_server_was_killed_are_its_cost_and_no_trouble_before() -> None:
    killed = spoilt(calls(6.0), -0.004, 0.9, "reset", ms=10.0)
    seen = lost_in(killed, 6.0)
    assert (seen["lost"], seen["requests"], seen["calm_before"]) == (904, 6004, True)
    seconds = by_second(killed, BEGAN_NS, PROMISE)
    assert dict(zip(seconds["second"], seconds["lost"], strict=True)) == {-2: 0, -1: 0, 0: 904} | dict.fromkeys(
        range(1, 6), 0
    )
    assert seconds["kept"][:3] == [True, True, False]
    assert lost_in(spoilt(calls(6.0), -0.5, -0.4, "reset"), 6.0)["calm_before"] is False


def test_requests_are_lost_by_code_and_users_are_served_again_after_the_last_of_them() -> None:
    broken = spoilt(spoilt(calls(8.0), 0.0, 0.5, "reset"), 0.5, 2.25, "refused")
    seen = lost_in(broken, 8.0)
    assert seen["lost_by_code"] == {"refused": 1750, "reset": 500}
    assert seen["seconds_outside"] == 3
    assert seen["recovery_s"] == pytest.approx(2.25, abs=0.01)


def test_late_answers_are_no_lost_requests_and_seconds_outside_all_the_same() -> None:
    seen = lost_in(spoilt(calls(8.0), 1.0, 3.0, ms=400.0), 8.0)
    assert (seen["lost"], seen["seconds_outside"]) == (0, 2)
    assert seen["recovery_s"] == pytest.approx(3.0, abs=0.01)
    assert seen["slowest_ms"] == pytest.approx(400.0)


def test_one_late_answer_in_a_hundred_is_what_a_p99_allows() -> None:
    assert lost_in(spoilt(calls(6.0), 0.0, 6.0, ms=400.0, every=100), 6.0)["seconds_outside"] == 0
    assert lost_in(spoilt(calls(6.0), 0.0, 6.0, ms=400.0, every=50), 6.0)["seconds_outside"] == 6


def test_trouble_that_reaches_the_end_is_not_called_recovered() -> None:
    assert lost_in(spoilt(calls(6.0), 2.0, 6.0, "timeout"), 6.0)["recovery_s"] is None
    assert lost_in(spoilt(calls(6.0), 2.0, 5.5, "timeout"), 6.0)["recovery_s"] is None  # half a second shows nothing
    assert lost_in(spoilt(calls(6.0), 2.0, 4.9, "timeout"), 6.0)["recovery_s"] == pytest.approx(4.9, abs=0.01)


def test_a_second_trouble_counts_for_the_recovery_and_good_seconds_between_do_not() -> None:
    seen = lost_in(spoilt(spoilt(calls(9.0), 0.0, 1.0, "reset"), 5.0, 6.0, "reset"), 9.0)
    assert seen["seconds_outside"] == 2
    assert seen["recovery_s"] == pytest.approx(6.0, abs=0.01)


def test_a_server_that_did_not_keep_the_promise_before_is_told_apart() -> None:
    assert lost_in(spoilt(calls(6.0), -1.0, -0.5, ms=90.0), 6.0)["calm_before"] is False
    assert lost_in(calls(6.0, before_s=0.0), 6.0)["calm_before"] is None


def test_seconds_are_counted_from_when_it_happened() -> None:
    seconds = by_second(spoilt(calls(3.0), 1.0, 2.0, "http_503"), BEGAN_NS, PROMISE)
    assert seconds["second"] == [-2, -1, 0, 1, 2]
    assert seconds["offered"] == [1000] * 5
    assert seconds["lost"] == [0, 0, 0, 1000, 0]
    assert seconds["kept"] == [True, True, True, False, True]
    assert seconds["slowest_ms"] == [5.0, 5.0, 5.0, None, 5.0]


def test_a_drill_after_which_no_request_was_due_is_doubtful_and_not_harmless() -> None:
    quiet, few = lost_in(calls(0.0), 6.0), lost_in(calls(6.0), 6.0)
    assert quiet["requests"] == 0
    assert observing._doubt({"failed_checks": []}, quiet, []) == "no request was due after it happened"
    assert observing._doubt({"failed_checks": []}, few, []) is None


def test_a_flood_tells_what_was_due_answered_and_refused_in_it_alone() -> None:
    exercise = exercised(drill_s=10.0, capacity_rps=500.0, client_rps=1250.0)
    broken = spoilt(spoilt(calls(8.0), 0.0, 3.5, "http_503", every=4), 4.0, 8.0, "http_503")
    said = flooding.flood_words(exercise, broken, BEGAN_NS)
    assert said.startswith("1,000/s were due, 2.0 times the capacity; more could not be sent")
    answered, refused = (int(number) for number in re.findall(r"(\d+)/s (?:were answered|refused)", said))
    assert 740 <= answered <= 752
    assert 248 <= refused <= 252


def test_a_flood_is_ten_times_the_capacity_or_what_can_be_sent_and_never_less_than_the_capacity() -> None:
    rates = {
        able: exercised(capacity_rps=100.0, client_rps=able).overload_rps for able in (50_000.0, 500.0, 110.0, None)
    }
    assert rates == {50_000.0: 1000.0, 500.0: 400.0, 110.0: 130.0, None: 1000.0}
