"""Which metric should the autoscaler look at? Each policy over each day, and how near the shipped one is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from playbook import markdown
from playbook.deploy import demand
from playbook.deploy.autoscaler import SHIPPED, WINDOWS_S
from playbook.deploy.fleet import LOSSES, Pods
from playbook.deploy.replica import Replica
from playbook.deploy.simulation import simulate_all
from playbook.deploy.sizing import Demand, Sizing

DAYS = ("flat", "diurnal", "spike")
NEAR = 1.05  # cost over the best's that is near enough
PROMISED_SHARE = 0.99  # of the requests, by a p99
_AS_GOOD = 0.001  # attainment that two days may differ by and still keep the promise equally


def contest(replica: Replica, sizing: Sizing, wanted: Demand, schedule_s: float, seed: int = 7) -> list[dict[str, Any]]:
    """Every policy over every built-in day, a pod and a zone lost in each; one row a day and policy.

    Args:
        replica: What one pod was measured to carry.
        sizing: The autoscaler's bounds and target, and how connections fall.
        wanted: Demand and price.
        schedule_s: Scheduling and image pull.
        seed: Of the arrivals.
    """
    pairs = [(day, policy) for day in DAYS for policy in WINDOWS_S]
    rates = {day: demand.profile(day, wanted.target_rate_rps) for day in DAYS}
    fleets = [Pods.planned(replica, sizing, schedule_s, policy=policy) for _, policy in pairs]
    days = simulate_all([rates[day] for day, _ in pairs], fleets, seed, LOSSES)
    rows = []
    for (day, policy), simulated in zip(pairs, days, strict=True):
        figures = simulated.results(wanted, sizing.cpu_limit.value)
        kept = ("slo_attainment", "seconds_below_slo", "pods_mean", "cost")
        rows.append({"day": day, "policy": policy, **{name: figures[name] for name in kept}})
    return judged(rows)


def judged(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows with `cost_over_best`: over the cheapest policy of that day that keeps the promise at least as well."""
    out = []
    for row in rows:
        least = row["slo_attainment"] - _AS_GOOD
        rivals = [other["cost"] for other in rows if other["day"] == row["day"] and other["slo_attainment"] >= least]
        out.append({**row, "cost_over_best": row["cost"] / min(rivals)})
    return out


def shipped(rows: Sequence[Mapping[str, Any]]) -> tuple[bool, str]:
    """Whether the shipped policy is near the best on every day, and that in a sentence."""
    own = {row["day"]: row["cost_over_best"] for row in rows if row["policy"] == SHIPPED}
    worst = max(own, key=own.__getitem__)
    near = own[worst] <= NEAR
    words = ", ".join(f"{day} {over:.3f}" for day, over in own.items())
    text = f"The shipped autoscaler ({SHIPPED}) costs, over the cheapest that keeps the promise as well: {words}"
    if near:
        return True, f"{text}; within {NEAR - 1:.0%} on every day.{_broken(rows)}"
    return False, f"{text}; on {worst} another metric is cheaper: see the table.{_broken(rows)}"


def _broken(rows: Sequence[Mapping[str, Any]]) -> str:
    """On which days the shipped policy keeps less than is promised, and whether another keeps it."""
    told = []
    for row in (row for row in rows if row["policy"] == SHIPPED and row["slo_attainment"] < PROMISED_SHARE):
        best = max((other for other in rows if other["day"] == row["day"]), key=lambda other: other["slo_attainment"])
        other = f"{best['policy']} {best['slo_attainment']:.1%}" if best is not row else "no other more"
        told.append(f"{row['day']} {row['slo_attainment']:.1%} ({other})")
    return f" It keeps less than the {PROMISED_SHARE:.0%} that are promised: {', '.join(told)}." if told else ""


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The contest as a Markdown table."""
    shown = [
        (row["day"], row["policy"] + (" (shipped)" if row["policy"] == SHIPPED else ""), f"{row['slo_attainment']:.3%}",
         row["seconds_below_slo"], f"{row['pods_mean']:.1f}", f"{row['cost']:.3g}", f"{row['cost_over_best']:.3f}")
        for row in rows
    ]  # fmt: skip
    return markdown.table(
        ("day", "policy", "in SLO", "seconds below", "pods", "cost of the day", "over the best"), shown
    )
