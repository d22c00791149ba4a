"""Levels: the best is a valid one inside the promise, and the verdict says what was seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from playbook import markdown
from playbook.promise import Promise
from playbook.serve.handle import Handle
from playbook.stress import levels, stress
from playbook.stress.load import Load

LOAD = Load(p99_limit_ms=50.0)
HANDLE = Handle("embedded", "digits", "/m", "http://127.0.0.1:1", "127.0.0.1:2", "", [], [])


def level(rate: float, p99: float | None, valid: bool = True, success: float = 1.0, **other: Any) -> dict[str, Any]:
    names = ("mean", "p50", "p90", "p95", "p999", "max", "p99_low", "p99_high")
    return {
        "arrival": "closed",
        "concurrency": 4,
        "rate_rps": None,
        "throughput_rps": rate,
        "latency_p99_ms": p99,
        **{f"latency_{name}_ms": p99 for name in names},
        "success_rate": success,
        "valid": valid,
        "warnings": [],
        **other,
    }


def test_the_best_level_is_the_fastest_one_inside_the_limits() -> None:
    rows = [level(100, 5.0), level(900, 49.0), level(1000, 51.0), level(2000, 10.0, valid=False)]
    assert levels.best(rows, Promise(50.0))["throughput_rps"] == 900


@pytest.mark.parametrize("other", [level(900, None), level(900, 10.0, success=0.99)])
def test_a_level_without_a_p99_or_with_failures_is_not_the_best(other: dict) -> None:
    assert levels.best([other], Promise(50.0)) is None
    assert levels.best([level(10, 5.0), other], Promise(50.0))["throughput_rps"] == 10


def test_the_verdict_names_who_else_used_the_machine() -> None:
    rows = [level(100, 80.0)]
    beside = levels.results(HANDLE, rows, LOAD, disturbance="other processes used 1.9 of 2 cores")
    assert levels.verdict(beside).endswith(
        "nearest was 80.0 ms at 100 requests/s. But other processes used 1.9 of 2 cores meanwhile: measure on a quiet "
        "machine before you conclude from it."
    )
    assert "meanwhile" not in levels.verdict(levels.results(HANDLE, rows, LOAD))


def test_the_verdict_names_rate_p99_load_limit_and_server_kind() -> None:
    rows = [level(1812, 31.0, answers={"checked": 40_000, "wrong": 0})]
    text = levels.verdict(levels.results(HANDLE, rows, LOAD))
    assert text == (
        "'digits' on the embedded server answered 1,812 requests/s at p99 31.0 ms with 4 clients in a closed loop; "
        "limit 50 ms: met."
    )


@pytest.mark.parametrize(
    ("checked", "said"),
    [
        (3_000, "met (3,000 answers compared, so that one wrong in 1,002 could have stayed unseen)."),
        (0, "met (no answer was compared)."),
    ],
)
def test_a_level_too_small_for_one_wrong_answer_in_10_000_says_what_it_could_have_missed(checked, said) -> None:
    rows = [level(1812, 31.0, answers={"checked": checked, "wrong": 0})]
    assert levels.verdict(levels.results(HANDLE, rows, LOAD)).endswith(said)


def test_a_promise_nobody_kept_names_the_nearest() -> None:
    rows = [level(100, 80.0), level(200, 120.0)]
    assert "nearest was 80.0 ms at 100 requests/s" in levels.verdict(levels.results(HANDLE, rows, LOAD))


def test_a_level_inside_the_limit_that_fails_too_many_is_told_by_its_failures() -> None:
    """It was said to keep p99 within 50 ms at no level, the nearest being 3 ms."""
    rows = [level(900, 80.0), level(500, 3.0, success=0.995), level(300, 2.0, success=0.99)]
    text = levels.verdict(levels.results(HANDLE, rows, LOAD))
    assert text.endswith(
        "kept p99 within 50 ms only where more requests failed than was promised, fewest 0.50% with 4 clients in a "
        "closed loop (p99 3.0 ms at 500 requests/s)."
    )


def test_a_level_in_which_no_request_was_due_has_no_success_rate() -> None:
    nothing = dict.fromkeys(("mean", "p50", "p90", "p95", "p99", "max"))
    summary = {"requests": 0, "errors": 0, "throughput_rps": 0.0, "duration_s": 1.0, "latency_ms": nothing}
    summary |= {"lateness_us": {}, "warnings": [], "valid": False}
    row = levels.flat(summary, 0, {"arrival": "closed", "concurrency": 1, **LOAD.requests})
    assert row["success_rate"] is None
    assert levels.table([row]).splitlines()[-1].split("|")[3].strip() == markdown.MISSING


def test_no_valid_level_says_that_nothing_can_be_said() -> None:
    assert "No level" in levels.verdict(levels.results(HANDLE, [level(100, 5.0, valid=False)], LOAD))


def test_an_invalid_level_is_shown_and_marked() -> None:
    shown = levels.table([level(100, None, valid=False)])
    assert "INVALID" in shown
    assert markdown.MISSING in shown, "a missing percentile is a dash, not 0"


def test_warnings_carry_their_level() -> None:
    assert levels.doubts([level(1, 1.0, warnings=["too few"])]) == ["4 clients in a closed loop: too few"]


def test_tables_align_numbers_and_escape_bars() -> None:
    assert markdown.table(["a", "b"], [["x|y", 1234.5], [None, 0.012345]]).splitlines() == [
        "| a | b |",
        "| --- | ---: |",
        "| x\\|y | 1,234 |",
        "| – | 0.0123 |",
    ]


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_the_load_generator_takes_the_levels_that_stress_asks_for(protocol: str, tmp_path: Path) -> None:
    (tmp_path / "00000.body").write_bytes(b"{}")
    handle = Handle("embedded", "digits", "/m", "http://127.0.0.1:8501", "127.0.0.1:8500", "", [], [])
    asked = stress.level_of(handle, Load(protocol=protocol), tmp_path, arrival="closed", concurrency=1)
    port = {"rest": 8501, "grpc": 8500}[protocol]
    assert asked.address()[:2] == ("127.0.0.1", port)


def short(misses: int, requests: int, refuted: bool, **other: Any) -> dict[str, Any]:
    """A VALID level with too few requests for a p99."""
    claim = {"refuted": refuted, "proven": False, "misses": misses, "requests": requests}
    few = {f"latency_{name}_ms": None for name in ("p90", "p95", "p99")}
    return level(3.2, None) | few | {"claim": claim, "need_s": 329.0} | other


def test_too_few_requests_are_said_to_be_too_few_with_what_is_certain() -> None:
    rows = [short(23, 23, True), short(1, 20, False, concurrency=1, throughput_rps=3.0)]
    text = levels.verdict(levels.results(HANDLE, rows, LOAD))
    assert "No level" not in text
    assert "Certain is: 23 of 23 requests over 50 ms with 4 clients in a closed loop: not met." in text
    assert "Most was carried with 4 clients in a closed loop: 3.2 requests/s." in text
    assert "windows of up to 329 s" in text


def test_the_percentile_that_the_requests_allow_is_told() -> None:
    text = levels.verdict(levels.results(HANDLE, [short(0, 150, False, latency_p90_ms=41.0)], LOAD))
    assert "3.2 requests/s, p90 41 ms" in text
    assert "Certain" not in text


def test_a_level_behind_which_another_version_answered_is_invalid_and_says_so() -> None:
    summary = {"valid": True, "failed_checks": [], "warnings": ["a note"], "requests": 9}
    assert levels.of_one_version(summary, "") is summary
    row = levels.of_one_version(summary, "Version 2 answers now.")
    assert not row["valid"]
    assert row["failed_checks"] == ["version_changed"]
    assert row["warnings"] == ["The figures of this level mix versions. Version 2 answers now.", "a note"]
