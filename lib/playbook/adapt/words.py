"""The verdict of the demonstration in words: who kept most seconds, and why, also when adapting does not pay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from playbook.adapt.controller import OVER

#: Checks of the load generator after which nothing may be concluded from a run.
#: (Not count_balance: a version that is published live replays its warm-up requests, which the server counts.)
BROKEN = ("server_dead", "wrong_answers", "client_stood_still", "bad_passport", "client_cpu")
CHANCE = 0.05  # two choices that keep the same would differ as much with this probability
LITTLE_S = 1  # a second more, each held once, is no difference (as `drill.findings.helped` has it)
ENOUGH = 100  # requests of a second from which one in a hundred may be beyond the limit


def verdict(results: Mapping[str, Any]) -> str:
    """Who kept most seconds, said plainly, with the reason where no policy kept more than the best fixed choice."""
    who = f"'{results['model_name']}' ({results['server']} server)"
    if results.get("skipped"):
        return f"Adapting was not tried on {who}: {results['skipped']}"
    choices = results["contenders"]
    fixed = [one for one in choices if not one["policy"]]
    policies = [one for one in choices if one["policy"]]
    seconds = "; ".join(f"{one['name']} {one['kept_s']} s" for one in choices)
    swaps = sum(len(one["switch_s"]) for one in policies)
    failed = sum(one["errors"] for one in policies)
    lead = (
        f"Of {results['moving_s']:g} s of moving load on {who}, "
        f"inside p99 {results['limit_ms']:g} ms: {seconds}. "
        f"{swaps} live change{'s' * (swaps != 1)}, {failed} failed request{'s' * (failed != 1)}."
    )
    if broken := [f"{one['name']} ({', '.join(_broken(one))})" for one in choices if _broken(one)]:
        return f"{lead} Nothing is concluded: {'; '.join(broken)} cannot be relied on."
    if not fixed or not policies:
        return lead
    if disturbance := results.get("disturbance"):
        return f"{lead} Nothing is concluded: {disturbance} meanwhile. Quiet the machine and run 70_adapt again."
    if few := _few(choices):
        return (
            f"{lead} Nothing is concluded: a second held {few:.0f} requests at the median, too few to tell them apart."
        )
    best_fixed, best_policy = max(fixed, key=_kept), max(policies, key=_kept)
    more = best_policy["kept_s"] - best_fixed["kept_s"]
    if more == LITTLE_S:
        return (
            f"{lead} No difference is shown: {best_policy['name']} kept {more} s more than the best fixed choice, and "
            "each was held once."
        )
    if more > 0:
        return f"{lead} Adapting pays here: {best_policy['name']} kept {more} s more than the best fixed choice."
    if not best_fixed["kept_s"] and not best_policy["kept_s"]:
        return f"{lead} The load is too much for each of them."
    same = f"{best_fixed['name']} keeps as many seconds with fewer parts"
    less = f"{best_fixed['name']} kept {-more} s more than the best policy"
    why = f" Why: {results['why']}." if results["why"] else ""
    return f"{lead} Adapting does not pay here: {less if more else same}.{why}"


def warnings(results: Mapping[str, Any]) -> list[str]:
    """What was left out, changes that ended before the load did, failed checks, and seconds of few requests."""
    choices = results["contenders"]
    sentences = list(results.get("notes") or [])
    early = [one for one in choices if one["ended"] and not one["ended"].endswith(OVER)]
    sentences += [f"{one['name']} ended early: {one['ended']}" for one in early]
    sentences += [f"{one['name']}: {text}" for one in choices if _broken(one) for text in one.get("warnings") or []]
    seconds = [one["requests_a_second"] for one in choices if one.get("requests_a_second") is not None]
    if seconds and min(seconds) < ENOUGH:
        sentences.append(
            f"a second held {min(seconds):.0f} requests at the median: with fewer than {ENOUGH} it counts as kept only "
            "when none of them was beyond the limit"
        )
    return sentences


def _few(choices: Sequence[Mapping[str, Any]]) -> float | None:
    """Requests of a second, where so few came that what the choices kept may be chance.

    Every request beyond the limit counts, whatever its second: the best fixed choice and the best policy differ where
    Fisher's exact test on requests within and beyond says so.
    """
    seconds = [one["requests_a_second"] for one in choices if one.get("requests_a_second") is not None]
    if not seconds or min(seconds) >= ENOUGH:
        return None
    sides = [max((o for o in choices if o["policy"] is policy), key=_kept) for policy in (False, True)]
    counts = [[one.get("beyond") or 0, (one.get("requests") or 0) - (one.get("beyond") or 0)] for one in sides]
    from scipy.stats import fisher_exact  # a second of imports, for the few runs that come here

    return None if fisher_exact(counts).pvalue < CHANCE else min(seconds)


def _broken(one: Mapping[str, Any]) -> list[str]:
    """The checks a run failed that make its seconds worthless."""
    return [name for name in one.get("failed_checks") or [] if name in BROKEN]


def _kept(choice: Mapping[str, Any]) -> int:
    return choice["kept_s"]
