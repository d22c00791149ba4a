"""The answer to the promise: KEPT, NOT KEPT or NOT PROVEN, from what was held and nothing beyond it.

KEPT needs the evidence: VALID windows of the promised rate whose claim stands, no wrong answer, a server that lives,
and no window that is INVALID by what the server did in it. A window that was not steady may be the server's doing too:
the claim must stand with its requests counted in. Only what accuses the load generator or its machine is left out.
NOT KEPT is what a wrong answer, a reply that is none, or what ended the holding shows by itself; else it needs evidence
as well: more requests failed or beyond the limit than a kept promise could show, on an undisturbed machine. Too high a
rate makes no window VALID; there the second half of the window is what counts (`overload`).
All else is NOT PROVEN, with what stood in the way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from loadgen.verdict.evidence import lower_bound
from playbook.monitor import usage
from playbook.promise import KEPT, NOT_KEPT, NOT_PROVEN

# Failed checks that accuse the load generator or its machine, and those that accuse the server.
MACHINE = ("client_stood_still", "client_late", "client_cpu", "bad_passport")
SERVER = ("server_dead", "stood_still", "too_many_errors")


class Answer(NamedTuple):
    """The word, why in a sentence, and what to do next (empty where nothing is to be done)."""

    word: str
    why: str
    next_step: str


def answer(results: Mapping[str, Any]) -> Answer:
    """The answer that the `results` of prove.json support."""
    if failures := results["failures"]:
        return Answer(NOT_KEPT, failures[0], "Mend the server first; what its rates were counts for nothing before.")
    claim, held = results["claim"], results["held"]
    if results.get("unmeasured") and not claim["refuted"]:
        return Answer(
            NOT_PROVEN, results["unmeasured"], "Mend what kept the load from being held, and run 65_prove again."
        )
    if held["errors"] and held["error_share"] > results["promise"]["max_error_share"]:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in held["errors_by_kind"].items())
        why = f"{held['error_share']:.2%} of {held['requests']:,} requests failed ({kinds})"
        if results["disturbance"]:
            return _disturbed(results, why)
        return _missed(results, why) if _surely_failing(results) else _failing(results, why)
    if claim["proven"]:
        return _spoilt(results) or _unsteady(results) or Answer(KEPT, _evidence(results), "")
    if claim["refuted"]:
        why = f"{claim['misses']:,} of {claim['requests']:,} requests took longer than the limit or failed"
        why += "" if held["valid_windows"] else ", in the second half of windows in which the queue only grew"
        return _missed(results, why) if not results["disturbance"] else _disturbed(results, why)
    return _open(results)


def disturbance(others_cores: Sequence[float | None], cores: int, windows: Sequence[Mapping[str, Any]]) -> str | None:
    """What disturbed the windows, in words: other processes, or a machine too busy to send on time; None: nothing.

    Args:
        others_cores: Cores that neither server nor client used, a figure a window; None where it was not sampled.
        cores: Cores of the machine.
        windows: The windows' rows, for their failed checks.
    """
    if used := usage.disturbance(others_cores, cores):
        return used
    named = sorted({check for window in windows for check in window["failed_checks"] if check in MACHINE})
    return f"the load generator was not free to measure ({', '.join(named)})" if named else None


def _evidence(results: Mapping[str, Any]) -> str:
    claim, answers, beside = results["claim"], results["answers"], results["held"].get("with_unsteady")
    counted = f" ({_with_unsteady(beside)})" if beside else ""
    missed = f"; a wrong answer in {1 / answers['could_miss_share']:,.0f} could have stayed unseen" * (
        answers["could_miss_share"] > results["wrong_share"]
    )
    return (
        f"{claim['misses']:,} of {claim['requests']:,} requests beyond the limit{counted}, "
        f"{results['confidence']:.0%} certain; {answers['checked']:,} answers compared, none wrong{missed}"
    )


def _with_unsteady(beside: Mapping[str, Any]) -> str:
    """The requests beyond the limit where windows that were not steady are counted in, in words."""
    many = beside["unsteady_windows"]
    were = f"{many} windows that were" if many > 1 else "a window that was"
    return f"{beside['misses']:,} of {beside['requests']:,} with {were} not steady"


def _surely_failing(results: Mapping[str, Any]) -> bool:
    """Whether so many failed requests are no chance where no more than the promised share fails."""
    held, tau = results["held"], results["claim"]["tau"]
    least = lower_bound(held["errors"], held["requests"], tau, results["confidence"])
    return least > results["promise"]["max_error_share"]


def _failing(results: Mapping[str, Any], why: str) -> Answer:
    allowed = f"{100 * results['promise']['max_error_share']:g} %"
    return Answer(NOT_PROVEN, f"{why}, {allowed} are promised: too few requests to be sure", _longer(results))


def _spoilt(results: Mapping[str, Any]) -> Answer | None:
    """What stands against windows that keep the promise: others that the server spoilt, and not the machine."""
    windows = [set(window["failed_checks"]) for window in results.get("windows") or []]
    spoilt = [checks & set(SERVER) for checks in windows if checks & set(SERVER) and not checks & set(MACHINE)]
    if not spoilt:
        return None
    named = ", ".join(sorted(set.union(*spoilt)))
    beside = f"{len(spoilt)} of {len(windows)} windows are INVALID by what the server did ({named})"
    why = f"{_evidence(results)}, but {beside}"
    if results["disturbance"]:
        return _disturbed(results, why)
    return Answer(NOT_PROVEN, why, "Look at their warnings and at the server's log, and run 65_prove again.")


def _unsteady(results: Mapping[str, Any]) -> Answer | None:
    """What stands against windows that keep the promise: others that were not steady, in which it was broken."""
    beside = results["held"].get("with_unsteady")
    if not beside or beside["proven"]:
        return None
    claim = results["claim"]
    why = f"{claim['misses']:,} of {claim['requests']:,} requests beyond the limit, {_with_unsteady(beside)}"
    if results["disturbance"]:
        return _disturbed(results, why)
    return Answer(NOT_PROVEN, f"{why}, and nothing shows that this was not the server", _longer(results, beside))


def _missed(results: Mapping[str, Any], why: str) -> Answer:
    return Answer(NOT_KEPT, why, _lower(results))


def _lower(results: Mapping[str, Any]) -> str:
    """What could be promised instead: a lower rate, or more replicas."""
    carried, target = results["carried_rps"], results["promise"]["target_rate_rps"]
    if not carried:
        return (
            "No level kept the limit: raise p99_limit_ms, give the server more cores, or serve a smaller model "
            "(export's other forms)."
        )
    if not target:
        return f"Promise at most {carried:,.0f}/s a replica."
    replicas = -(-target // carried)
    return f"Promise at most {carried * results['replicas']:,.0f}/s, or use {replicas:,.0f} replicas."


def _disturbed(results: Mapping[str, Any], why: str) -> Answer:
    return Answer(
        NOT_PROVEN, f"{why}, but {results['disturbance']} meanwhile", "Quiet the machine and run 65_prove again."
    )


def _open(results: Mapping[str, Any]) -> Answer:
    """Not proven, either way."""
    claim, held = results["claim"], results["held"]
    if not held["valid_windows"]:
        checks = ", ".join(held["failed_checks"]) or "too few requests"
        why = f"no window of the promised rate is VALID ({checks})" if held["windows"] else "the rate was never held"
        if results["disturbance"]:
            return Answer(NOT_PROVEN, f"{why}: {results['disturbance']}", "Quiet the machine and run 65_prove again.")
        return Answer(NOT_PROVEN, why, _longer(results))
    beyond = f"{claim['misses']:,} of {claim['requests']:,} requests were beyond the limit"
    evidence = f"{beyond}; more are needed to be sure"
    if claim["hold_s"] is None:
        evidence = f"{beyond}: too near to 1 % to tell"
    disturbed = f"; {results['disturbance']} meanwhile" if results["disturbance"] else ""
    return Answer(NOT_PROVEN, f"{evidence}{disturbed}", _longer(results))


def _longer(results: Mapping[str, Any], claim: Mapping[str, Any] | None = None) -> str:
    more = (claim or results["claim"])["hold_s"]
    if more:
        return f"Hold {more:,} s longer: prove_s={results['budget_s'] + more + 2:,.0f}."
    return f"Hold the rate for longer (prove_s={2 * results['budget_s']:,.0f}), or a lower one."
