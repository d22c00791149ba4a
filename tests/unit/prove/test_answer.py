"""The answer says no more than what was held: KEPT and NOT KEPT need evidence, all else is NOT PROVEN."""

from __future__ import annotations

from typing import Any

import pytest

from playbook.promise import KEPT, NOT_KEPT, NOT_PROVEN
from playbook.prove.answer import answer, disturbance

CLAIM = {"proven": True, "requests": 2000, "misses": 3, "tau": 1.0, "hold_s": 0, "refuted": False}
SHORT = CLAIM | {"proven": False, "hold_s": None}
REFUTED = SHORT | {"refuted": True, "requests": 23, "misses": 22}
HELD = {
    "windows": 1,
    "valid_windows": 1,
    "failed_checks": [],
    "requests": 2000,
    "errors": 0,
    "error_share": 0.0,
    "errors_by_kind": {},
}


def results(**changed: Any) -> dict[str, Any]:
    """Results of a kept promise, with what is changed."""
    return {
        "promise": {"p99_limit_ms": 50.0, "max_error_share": 0.001, "target_rate_rps": 1600.0},
        "confidence": 0.95,
        "budget_s": 10.0,
        "wrong_share": 1e-4,
        "replicas": 1,
        "carried_rps": 1500.0,
        "failures": [],
        "disturbance": None,
        "claim": CLAIM,
        "held": HELD,
        "answers": {"checked": 40_000, "wrong": 0, "could_miss_share": 7.5e-5},
    } | changed


def test_enough_requests_inside_the_limit_keep_the_promise() -> None:
    word, why, next_step = answer(results())
    assert (word, next_step) == (KEPT, "")
    assert why == "3 of 2,000 requests beyond the limit, 95% certain; 40,000 answers compared, none wrong"


def test_a_load_that_could_not_be_held_says_nothing_of_the_server() -> None:
    lost = "Level 3 could not be measured: a load worker was killed by SIGKILL."
    word, why, next_step = answer(results(unmeasured=lost))
    assert (word, why) == (NOT_PROVEN, lost)
    assert next_step.startswith("Mend what kept the load")


def test_a_comparison_too_small_for_one_wrong_answer_in_10_000_says_what_it_could_have_missed() -> None:
    few = {"checked": 300, "wrong": 0, "could_miss_share": 0.01}
    assert answer(results(answers=few)).why.endswith("a wrong answer in 100 could have stayed unseen")


@pytest.mark.parametrize("claim", [CLAIM, REFUTED | {"misses": 1500}])
def test_a_failure_makes_kept_impossible_whatever_the_rate(claim: dict[str, Any]) -> None:
    word, why, _ = answer(results(failures=["3 of 40,000 answers compared were wrong"], claim=claim))
    assert (word, why) == (NOT_KEPT, "3 of 40,000 answers compared were wrong")


def test_22_of_23_beyond_the_limit_is_certain_though_23_are_too_few_for_a_p99() -> None:
    word, why, next_step = answer(results(claim=REFUTED))
    assert (word, why) == (NOT_KEPT, "22 of 23 requests took longer than the limit or failed")
    assert next_step == "Promise at most 1,500/s, or use 2 replicas."


def test_the_same_on_a_machine_that_others_used_is_not_proven() -> None:
    busy = "other processes used 0.6 of 2 cores"
    word, why, next_step = answer(results(claim=REFUTED, disturbance=busy))
    assert word == NOT_PROVEN
    assert why.endswith("but other processes used 0.6 of 2 cores meanwhile")
    assert "Quiet the machine" in next_step


def test_too_few_requests_are_not_proven_and_the_seconds_still_needed_are_said() -> None:
    word, why, next_step = answer(results(claim=SHORT | {"requests": 100, "misses": 0, "hold_s": 7}))
    assert (word, why) == (NOT_PROVEN, "0 of 100 requests were beyond the limit; more are needed to be sure")
    assert next_step == "Hold 7 s longer: prove_s=19."


def test_without_a_valid_window_nothing_is_claimed() -> None:
    held = HELD | {"valid_windows": 0, "failed_checks": ["not_steady"]}
    word, why, _ = answer(results(held=held, claim=SHORT | {"requests": 0, "misses": 0}))
    assert (word, why) == (NOT_PROVEN, "no window of the promised rate is VALID (not_steady)")


def test_a_queue_that_only_grew_refutes_the_promise_though_no_window_is_valid() -> None:
    held = HELD | {"valid_windows": 0, "failed_checks": ["not_steady"]}
    grown = REFUTED | {"requests": 400, "misses": 390}
    word, why, _ = answer(results(held=held, claim=grown))
    assert (word, why.partition(",")[2]) == (NOT_KEPT, " in the second half of windows in which the queue only grew")
    assert answer(results(held=held, claim=grown, disturbance="other processes used 0.6 of 2 cores")).word == NOT_PROVEN


def test_failed_requests_above_the_promised_share_break_it_though_the_answered_ones_were_fast() -> None:
    held = HELD | {"errors": 90, "error_share": 0.045, "errors_by_kind": {"http_503": 90}}
    word, why, _ = answer(results(held=held))
    assert (word, why) == (NOT_KEPT, "4.50% of 2,000 requests failed (90 http_503)")


@pytest.mark.parametrize(("errors", "requests"), [(1, 500), (10, 9000)])
def test_a_few_failures_that_a_kept_promise_could_show_prove_nothing_either_way(errors: int, requests: int) -> None:
    """One of 500 is twice what 0.1 % allow, and comes to two in five of those who keep to them."""
    held = HELD | {"requests": requests, "errors": errors, "error_share": errors / requests}
    word, why, next_step = answer(results(held=held | {"errors_by_kind": {"reset": errors}}))
    assert word == NOT_PROVEN
    assert why.endswith(f"({errors} reset), 0.1 % are promised: too few requests to be sure")
    assert next_step.startswith("Hold the rate for longer")


def test_one_failure_breaks_a_promise_that_allows_none() -> None:
    held = HELD | {"errors": 1, "error_share": 1 / 2000, "errors_by_kind": {"reset": 1}}
    promise = {"p99_limit_ms": 50.0, "max_error_share": 0.0, "target_rate_rps": 1600.0}
    assert answer(results(held=held, promise=promise)).word == NOT_KEPT


@pytest.mark.parametrize("check", ["too_many_errors", "stood_still", "server_dead"])
def test_windows_that_keep_the_promise_do_not_hide_one_that_the_server_spoilt(check: str) -> None:
    windows = [{"failed_checks": [check, "not_steady"]}, {"failed_checks": []}]
    word, why, _ = answer(results(windows=windows))
    assert word == NOT_PROVEN
    assert why.endswith(f"but 1 of 2 windows are INVALID by what the server did ({check})")
    busy = "other processes used 0.6 of 2 cores"
    assert answer(results(windows=windows, disturbance=busy)).why.endswith(f"but {busy} meanwhile")
    by_the_machine = [{"failed_checks": [check, "client_late"]}, {"failed_checks": ["not_steady"]}]
    assert answer(results(windows=by_the_machine)).word == KEPT


UNSTEADY = {"unsteady_windows": 1, "misses": 5, "requests": 4000, "proven": True, "hold_s": 0}


def test_a_window_that_was_not_steady_is_counted_in_and_said() -> None:
    word, why, _ = answer(results(held=HELD | {"with_unsteady": UNSTEADY}))
    assert word == KEPT
    assert "3 of 2,000 requests beyond the limit (5 of 4,000 with a window that was not steady), 95% certain" in why


def test_a_promise_that_only_holds_without_the_unsteady_windows_is_not_kept() -> None:
    broken = UNSTEADY | {"unsteady_windows": 2, "misses": 120, "proven": False, "hold_s": 9}
    word, why, next_step = answer(results(held=HELD | {"with_unsteady": broken}))
    assert word == NOT_PROVEN
    assert why.startswith("3 of 2,000 requests beyond the limit, 120 of 4,000 with 2 windows that were not steady")
    assert why.endswith("nothing shows that this was not the server")
    assert next_step == "Hold 9 s longer: prove_s=21."
    busy = "other processes used 0.6 of 2 cores"
    disturbed = answer(results(held=HELD | {"with_unsteady": broken}, disturbance=busy))
    assert (disturbed.word, disturbed.why.partition("not steady")[2]) == (NOT_PROVEN, f", but {busy} meanwhile")


def test_where_no_level_kept_the_limit_no_lower_rate_is_offered() -> None:
    assert "No level kept the limit" in answer(results(claim=REFUTED | {"misses": 1500}, carried_rps=None)).next_step


def test_a_disturbance_is_what_others_used_or_a_generator_that_was_not_free() -> None:
    assert disturbance([0.0, None], 2, [{"failed_checks": ["not_steady"]}]) is None
    assert disturbance([0.05, 0.7], 2, []) == "other processes used 0.7 of 2 cores"
    late = disturbance([None], 2, [{"failed_checks": ["client_late", "not_steady"]}])
    assert late == "the load generator was not free to measure (client_late)"
