"""What refutes a deployment: checks of the bundle that failed, and a rehearsal that showed the opposite of the plan.

A rehearsal that shows nothing, because it was too short, its client too slow or the machine busy with other things,
refutes nothing: it is a doubt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from loadgen.verdict.evidence import lower_bound
from playbook.promise import Promise

# Checks of loadgen that blame the client or the window, and say nothing of the server.
CLIENT_CHECKS = frozenset(
    {"client_stood_still", "client_cpu", "client_late", "bad_passport", "count_balance", "little_law"}
)
MIN_ANSWERED = 0.9  # of the planned rate
CHANCE = 0.05  # that Poisson arrivals at that share of the rate are as few as what was answered

Rehearsal = Mapping[str, Any]
Row = Mapping[str, Any]


def refuted(checks: Sequence[Row], rehearsal: Rehearsal | None) -> list[str]:
    """What was shown to be false, one sentence each, the gravest first; empty where nothing was.

    Args:
        checks: Rows of `bundle_check.files`: `what`, `outcome`, `detail`.
        rehearsal: What `rehearsal.run` returned; None where there was none.
    """
    broken = [f"{row['what']}: {row['detail']}" for row in checks if row["outcome"] == "failed"]
    if not rehearsal:
        return broken
    return broken + [sentence for look in _LOOKS if (sentence := look(rehearsal))]


def doubts(rehearsal: Rehearsal | None) -> list[str]:
    """What the rehearsal left open, one sentence each."""
    few = [_failed(rehearsal)] if rehearsal and rehearsal.get("errors") and _may_be_chance(rehearsal) else []
    return few + _open(rehearsal)


def _open(rehearsal: Rehearsal | None) -> list[str]:
    """That it does not show whether the limit is kept, and why."""
    if not rehearsal or "inside_limit" not in rehearsal or rehearsal["inside_limit"] is True:
        return []
    known = rehearsal["inside_limit"] is False
    if known and not disturbed(rehearsal):
        return []
    why = disturbed(rehearsal) if known else "; ".join(rehearsal.get("level_warnings") or ())
    why = why or "it saw too few requests, or there is no limit"
    return [f"The rehearsal does not show whether a replica keeps the limit at its planned rate: {why}."]


def disturbed(rehearsal: Rehearsal | None) -> str:
    """What kept a rehearsal beyond the limit from refuting the plan, in words; empty where nothing did."""
    if rehearsal is None or rehearsal.get("inside_limit") is not False:
        return ""
    return str(rehearsal.get("disturbance") or "")


def _dead(rehearsal: Rehearsal) -> str:
    dead = "server_dead" in (rehearsal.get("failed_checks") or ())
    return "the server stopped answering in the rehearsal; see logs/deploy.log in the run folder" if dead else ""


def _wrong(rehearsal: Rehearsal) -> str:
    answers = rehearsal.get("answers") or {}
    if not answers.get("wrong"):
        return ""
    return f"{answers['wrong']} of {answers['checked']} checked replies of the rehearsal were wrong answers"


def _errors(rehearsal: Rehearsal) -> str:
    return "" if not rehearsal.get("errors") or _may_be_chance(rehearsal) else _failed(rehearsal)


def _failed(rehearsal: Rehearsal) -> str:
    kinds = ", ".join(f"{count} {kind}" for kind, count in (rehearsal.get("errors_by_kind") or {}).items())
    errors, requests = rehearsal["errors"], rehearsal.get("requests")
    counted = f"{errors:,} of {requests:,}" if requests else f"{errors:,}"
    plural = "" if (errors, requests) == (1, None) else "s"
    return f"{counted} request{plural} of the rehearsal failed ({kinds}); see logs/deploy.log in the run folder"


def _may_be_chance(rehearsal: Rehearsal) -> bool:
    """Whether so few failures may come where no larger share fails than was promised."""
    requests, allowed = rehearsal.get("requests"), rehearsal.get("max_error_share")
    if not requests or allowed is None:  # a record from before they were kept
        return False
    return lower_bound(rehearsal["errors"], requests, 1.0, 1 - CHANCE) <= allowed


def _slow(rehearsal: Rehearsal) -> str:
    if rehearsal.get("inside_limit") is not False or rehearsal.get("disturbance"):
        return ""
    limit, p99 = rehearsal.get("limit_ms"), rehearsal.get("p99_ms")
    share = rehearsal.get("beyond_limit_share")
    beside = "" if limit is None else f", beyond the limit of {limit:g} ms"
    what = f"p99 was {p99:,.1f} ms{beside}" if p99 is not None else f"requests were late{beside}"
    counted = "" if share is None else f" ({share:.1%} of the requests)"
    return f"{_at(rehearsal)}{what}{counted}"


def _short(rehearsal: Rehearsal) -> str:
    rate, answered = rehearsal.get("rate_rps"), rehearsal.get("throughput_rps")
    blamed = rehearsal.get("disturbance") or CLIENT_CHECKS & set(rehearsal.get("failed_checks") or ())
    if blamed or not rate or answered is None:
        return ""
    if answered >= MIN_ANSWERED * rate or not _surely_short(rehearsal):
        return ""
    return f"{_at(rehearsal)}it answered {answered:,.{0 if answered >= 10 else 1}f}/s"


def _surely_short(rehearsal: Rehearsal) -> bool:
    """Whether so few answers are no chance: 15 of 17 in 3 s of a slow model are one."""
    from scipy.special import pdtr

    if not (window_s := rehearsal.get("duration_s")):  # a record from before it was kept
        return True
    answered = round(rehearsal["throughput_rps"] * window_s)
    return float(pdtr(answered, MIN_ANSWERED * rehearsal["rate_rps"] * window_s)) < CHANCE


def _throttled(rehearsal: Rehearsal) -> str:
    share, most = rehearsal.get("throttled_share"), rehearsal.get("throttled_limit")
    if share is None or most is None or share <= most:
        return ""
    return f"{_at(rehearsal)}the CPU quota stopped the server in {share:.1%} of its periods; {most:.0%} are allowed"


def _at(rehearsal: Rehearsal) -> str:
    rate = rehearsal.get("rate_rps")
    return (
        "in the rehearsal "
        if rate is None
        else f"in the rehearsal at the planned {rate:,.{0 if rate >= 10 else 1}f}/s a replica "
    )


_LOOKS: tuple[Callable[[Rehearsal], str], ...] = (_dead, _wrong, _errors, _slow, _short, _throttled)


def inside_limit(level: Mapping[str, Any], promise: Promise | None) -> bool | None:
    """Whether a held level kept the limit: True, False, or None where it does not show.

    False where p99 is beyond it, or where p99 is unknown but the share of late requests proves it beyond; None where
    that may be the client's own fault, or too few requests were seen.

    Args:
        level: The summary of `loadgen.hold(..., p99_limit_ms=...)`.
        promise: What was promised; None where there is none.
    """
    if promise is None:
        return None
    p99_ms, claim = level["latency_ms"]["p99"], level.get("claim") or {}
    late = certainly_late(claim) if p99_ms is None else not promise.p99_inside(p99_ms)
    if not late:
        return None if p99_ms is None else True
    return None if CLIENT_CHECKS & set(level.get("failed_checks") or ()) else False


def certainly_late(claim: Mapping[str, Any], share: float = 0.01, confidence: float = 0.95) -> bool:
    """Whether more than `share` of the requests are late beyond doubt (Clopper-Pearson's lower bound).

    Args:
        claim: `requests`, `misses` and `tau` of loadgen's claim.
    """
    from scipy.special import betaincinv

    count, misses = (claim.get(name, 0) / claim.get("tau", 1.0) for name in ("requests", "misses"))
    return misses > 0 and float(betaincinv(misses, count - misses + 1, 1 - confidence)) > share
