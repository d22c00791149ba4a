"""What the demonstration showed, as the results of adapt.json."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from playbook.adapt.demonstration import ChoiceRun, Demonstration
from playbook.monitor import usage
from playbook.records import record

CALM = 0.3  # of the highest rate: seconds below are low load


def results(prepared: Demonstration, played: Sequence[ChoiceRun]) -> dict[str, Any]:
    """The `results` of adapt.json."""
    return {
        "model_name": prepared.spec.model_name,
        "server": prepared.spec.server,
        "limit_ms": prepared.promise.p99_limit_ms,
        "moving_s": prepared.pace.for_s,
        "skipped": prepared.skipped or None,
        "notes": list(prepared.notes),
        "contenders": [
            {
                "name": p.choice.name,
                "policy": p.choice.governor is not None,
                "config": p.choice.config.plain(),
                "kept_s": p.kept_s,
                "seconds": len(p.seconds),
                "requests": p.summary["requests"],
                "errors": int(p.seconds["errors"].sum()),
                "beyond": int(p.seconds["beyond"].sum()),
                "requests_a_second": float(p.seconds["offered"].median()),
                "failed_checks": list(p.summary.get("failed_checks") or []),
                "warnings": list(p.summary.get("warnings") or []),
                "others_cores": p.summary.get("others_cores"),
                "latency_p99_ms": p.summary["latency_ms"]["p99"],
                "latency_max_ms": p.summary["latency_ms"]["max"],
                "changes": p.adapted.changes if p.adapted else [],
                "switch_s": p.adapted.switch_s if p.adapted else [],
                "ended": p.adapted.ended if p.adapted else None,
            }
            for p in played
        ],
        "why": _why(played),
        "disturbance": usage.disturbance(
            [p.summary.get("others_cores") for p in played], int(record.environment().get("cores") or 1)
        ),
    }


def _why(played: Sequence[ChoiceRun]) -> str:
    """What the seconds show: whether low load leaves a policy anything to gain, and where the best one lost."""
    fixed = [p for p in played if p.choice.governor is None]
    policies = [p for p in played if p.choice.governor is not None]
    if not fixed or not policies:
        return ""
    best, policy = max(fixed, key=lambda p: p.kept_s), max(policies, key=lambda p: p.kept_s)
    calm = best.seconds[best.seconds["offered"] <= CALM * best.seconds["offered"].max()]
    lost, reasons = policy.seconds[~policy.seconds["kept"]], []
    if len(calm) and calm["kept"].all():
        itself = ", as a batch takes what waits and no more" if not best.choice.config.batch_timeout_micros else ""
        reasons.append(
            f"at low load the slowest answer of a second is {calm['slowest_ms'].median():.1f} ms (median) with "
            f"{best.choice.name}{itself}, so that a policy can gain nothing there"
        )
    if len(lost):
        reasons.append(f"{policy.choice.name} lost its {len(lost)} s at {lost['offered'].min():,.0f}/s and more")
    return "; ".join(reasons)
