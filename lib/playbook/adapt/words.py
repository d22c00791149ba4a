"""The verdict of the demonstration in words: who kept most seconds, and why, also when adapting does not pay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def verdict(results: Mapping[str, Any]) -> str:
    """Who kept most seconds, said plainly, with the reason where no policy kept more than the best fixed choice."""
    contenders = results["contenders"]
    fixed = [one for one in contenders if not one["policy"]]
    policies = [one for one in contenders if one["policy"]]
    told = "; ".join(f"{one['name']} {one['kept_s']} s" for one in contenders)
    swaps = sum(len(one["switch_s"]) for one in policies)
    failed = sum(one["errors"] for one in policies)
    lead = (
        f"Of {results['moving_s']:g} s of moving load on '{results['model_name']}' ({results['server']} server), "
        f"inside p99 {results['limit_ms']:g} ms: {told}. {swaps} live changes, {failed} failed requests."
    )
    if not fixed or not policies:
        return lead
    best_fixed, best_policy = max(fixed, key=_kept), max(policies, key=_kept)
    more = best_policy["kept_s"] - best_fixed["kept_s"]
    if more > 0:
        return f"{lead} Adapting pays here: {best_policy['name']} kept {more} s more than the best fixed choice."
    if not best_fixed["kept_s"] and not best_policy["kept_s"]:
        return f"{lead} The load is too much for each of them."
    same = f"{best_fixed['name']} keeps as many seconds with fewer parts"
    less = f"{best_fixed['name']} kept {-more} s more than the best policy"
    why = f" Why: {results['why']}." if results["why"] else ""
    return f"{lead} Adapting does not pay here: {less if more else same}.{why}"


def warnings(results: Mapping[str, Any]) -> list[str]:
    """Changes that ended before the load did."""
    return [f"{one['name']} ended early: {one['ended']}" for one in results["contenders"] if one["ended"]]


def _kept(contender: Mapping[str, Any]) -> int:
    return contender["kept_s"]
