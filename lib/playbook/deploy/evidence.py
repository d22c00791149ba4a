"""Which record a replica's rate rests on: prove's where it was run, else tune's, else stress's (`choose`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from playbook.errors import SizingRefused
from playbook.promise import KEPT, NOT_PROVEN, ROUNDING, Promise
from playbook.records.cited import Cited, Records


@dataclass(frozen=True)
class SizingEvidence:
    """What one replica carries inside the limit, and how far that is proven."""

    rate_rps: Cited
    p99_ms: Cited | None
    tuned: bool
    levels: str  # the record whose results.levels make the curve: prove or stress
    unproven: list[str] = field(default_factory=list)  # why the rate proves nothing; empty when it does
    valid: bool = True  # whether a VALID level stands behind it
    doubts: list[str] = field(default_factory=list)


def choose(records: Records) -> SizingEvidence:
    """The record to size by: prove.json (the tuned configuration, held), then tune.json's best, then stress.json's.

    Where a disturbance kept prove from proving, the levels it could hold say little of the server: the earlier record
    sizes then, and is said not to be proven.

    Raises:
        RecordUnreadable: none of the three was run.
        SizingRefused: levels were measured properly, and none kept the limit; or no limit is known.
    """
    tuned = records.get("tune", "best.rate_rps") is not None
    if records.get("prove", "levels") is None and records.get("prove", "held") is None:
        return _measured(records, tuned)
    answer, proved, failed = records.get("prove", "answer"), _proved(records, tuned), records.get("prove", "failures")
    if proved and failed and failed.value:
        return replace(proved, unproven=[f"NOT PROVEN: prove.json tells of a failure: {failed.value[0]}."])
    if proved and (answer is None or answer.value != NOT_PROVEN):
        return proved
    earlier = _measured(records, tuned)
    if proved and proved.rate_rps.value >= earlier.rate_rps.value:
        return proved
    why = records.get("prove", "why")
    doubt = f"NOT PROVEN: {earlier.rate_rps.source} sizes this, and prove.json does not confirm it"
    unproven = [*earlier.unproven, f"{doubt}: {why.value if why else 'no VALID level inside the limit'}."]
    return replace(earlier, unproven=unproven)


def _proved(records: Records, tuned: bool) -> SizingEvidence | None:
    """The highest rate that prove saw inside the limit: the promise where it was KEPT, or a VALID level."""
    limit, answer, share = limit_ms(records), records.get("prove", "answer"), _error_share(records)
    rates: dict[str, float] = {}
    if answer is not None and answer.value == KEPT:
        rates["held"] = records.need("prove", "rate_rps").value
    levels = records.get("prove", "levels")
    for index, level in enumerate(levels.value if levels else []):
        late = limit is not None and (level.get("latency_p99_ms") or float("inf")) > limit.value
        failing = level.get("success_rate") is not None and 1 - level["success_rate"] > share + ROUNDING
        if level.get("valid") and level.get("throughput_rps") and not late and not failing:
            rates[f"levels.{index}"] = level["throughput_rps"]
    if not rates:
        return None
    best = max(rates, key=rates.__getitem__)
    rate = "rate_rps" if best == "held" else f"{best}.throughput_rps"
    return SizingEvidence(records.need("prove", rate), records.get("prove", f"{best}.latency_p99_ms"), tuned, "prove")


def _error_share(records: Records) -> float:
    """The share of failures that was promised; the usual one where the record does not say."""
    share = records.get("prove", "promise.max_error_share")
    return Promise.max_error_share if share is None else float(share.value)


def limit_ms(records: Records) -> Cited | None:
    """The promise's p99 limit in ms; None where none was given."""
    return records.get("stress", "limit_ms") or records.get("prove", "promise.p99_limit_ms")


def _measured(records: Records, tuned: bool) -> SizingEvidence:
    """Rate and p99 of tune's best or stress's, and what is to be said when no VALID level stands behind them."""
    if not tuned:
        records.need("stress", "levels")
    for verb, rate_name, p99_name in (("tune", "rate_rps", "p99_ms"), ("stress", "throughput_rps", "latency_p99_ms")):
        rate = records.get(verb, f"best.{rate_name}")
        if rate is not None and rate.value > 0 and (tuned or verb == "stress"):
            valid = records.get(verb, "best.valid")
            doubt = [f"NOT PROVEN: the best of {verb}.json is not VALID; measure longer and deploy again."]
            rate = _lowest_repeat(records, rate) if tuned else rate
            is_valid = valid is None or bool(valid.value)
            unproven = [] if is_valid else doubt
            p99 = records.get(verb, f"best.{p99_name}")
            return SizingEvidence(rate, p99, tuned, "stress", unproven, valid=is_valid)
    return _unsure(records)


def _unsure(records: Records) -> SizingEvidence:
    """The best of levels that are not VALID.

    Raises:
        SizingRefused: there is no limit, or levels were VALID and none kept it.
    """
    levels, limit = records.need("stress", "levels").value, limit_ms(records)
    if limit is None:
        raise SizingRefused(
            "stress.json names no best level and no limit (results.best and results.limit_ms are null), so no rate is "
            "known to keep a promise. Set p99_limit_ms and run 'stress' again."
        )
    unsure = {
        index: level["throughput_rps"]
        for index, level in enumerate(levels)
        if not _tells(level) and level.get("throughput_rps") and (level.get("latency_p99_ms") or 0) <= limit.value
    }
    if any(map(_tells, levels)) or not unsure:
        raise SizingRefused(
            f"No measured configuration kept the limit of {limit} ms (stress.json results.best is null), so there is "
            "nothing to size a deployment with. Raise p99_limit_ms, or measure lower loads, and run 'stress' again."
        )
    best = max(unsure, key=unsure.__getitem__)
    where = f"levels.{best}"
    doubt = (
        f"NOT PROVEN: no level of stress.json is VALID with enough requests for a p99; the size rests on "
        f"results.{where}, {unsure[best]:,.0f}/s, which proves nothing about p99. Hold the levels longer (duration_s) "
        "and deploy again."
    )
    rate = records.need("stress", f"{where}.throughput_rps")
    p99 = records.get("stress", f"{where}.latency_p99_ms")
    return SizingEvidence(rate, p99, False, "stress", [doubt], valid=False)


def _tells(level: Mapping[str, Any]) -> bool:
    """Whether a level says anything of p99: it is VALID, and had enough requests for one."""
    return bool(level.get("valid")) and level.get("latency_p99_ms") is not None


def _lowest_repeat(records: Records, best: Cited) -> Cited:
    """The lowest rate the winner reached when it was measured again; its own where that was lower, or not done.

    The best of several noisy trials is likely a lucky one: what is promised rests on what it does every time.
    """
    kind, repeats = records.get("tune", "kind"), records.get("tune", "repeats")
    scores = [winner for _, winner in repeats.value if winner > 0] if repeats else []
    if not scores or (kind is not None and kind.value != "max_rate") or min(scores) >= best.value:
        return best
    return Cited(min(scores), "tune.json results.repeats, the winner's lowest")


def curve(records: Records, evidence: SizingEvidence) -> Cited | None:
    """(requests/s, p99 in ms) of one replica, rates rising; None where no level was measured.

    Prove's levels are the replica's own; stress's are of the default flags, and stretched to end at its rate.
    """
    verb, rate, p99 = evidence.levels, evidence.rate_rps, evidence.p99_ms
    known = [level for level in _levels(records, verb) if level.get("latency_p99_ms") and level.get("throughput_rps")]
    valid = [level for level in known if level.get("valid")] or known
    best = records.get("stress", "best.throughput_rps") if verb == "stress" else None
    stretch = rate.value / best.value if best is not None and best.value else 1.0
    points = {level["throughput_rps"] * stretch: level["latency_p99_ms"] for level in valid}
    if p99 is not None:
        points[rate.value] = p99.value
    if not points:
        return None
    how = "" if stretch == 1.0 else f", rates × {stretch:.2f} to end at {rate.source}"
    return Cited(sorted(points.items()), f"{verb}.json results.levels{how}")


def saturation(records: Records, evidence: SizingEvidence) -> Cited:
    """The highest rate that any level reached, inside the limit or not; never below the replica's own."""
    verb, rate = evidence.levels, evidence.rate_rps
    rates = {index: level.get("throughput_rps") or 0.0 for index, level in enumerate(_levels(records, verb))}
    best = max(rates, key=rates.__getitem__, default=None)
    if best is None or rates[best] <= rate.value:
        return rate
    return Cited(rates[best], f"{verb}.json results.levels.{best}.throughput_rps")


def _levels(records: Records, verb: str) -> list[dict[str, Any]]:
    levels = records.get(verb, "levels")
    return list(levels.value) if levels else []
