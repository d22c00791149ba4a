"""What deploy says: the verdict, and tables of what was sized, checked and simulated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from playbook import markdown
from playbook.deploy import encryption, server_flags
from playbook.records.cited import Cited

if TYPE_CHECKING:
    from playbook.deploy.plan import DeployPlan

_PROMISED_SHARE = 0.99  # of the requests, by a p99


def carries(plan: DeployPlan, refuted: bool = False, disturbed: str = "") -> str:
    """One sentence: how many replicas carry what, at which price, on which evidence.

    Args:
        plan: What is deployed.
        refuted: Something showed that it does not: then the sentence says what was sized, and claims nothing.
        disturbed: What kept a rehearsal beyond the limit from refuting it; empty where nothing did.
    """
    size, one = plan.sizing, plan.replica
    cost = size.costs[0]
    what = "the tuned configuration" if one.tuned else "the measured configuration, untuned"
    inside = "inside the limit" if one.valid else "in windows that prove nothing"
    doubt = f"NOT PROVEN, as {disturbed} in the rehearsal: " if disturbed else ""
    doubt = doubt if one.confirmed else "NOT PROVEN, as prove does not confirm it: "
    doubt = doubt if one.valid else "NOT PROVEN, for want of a VALID level: "
    fleet = f"{size.replicas} replica{'s' * (size.replicas.value > 1)} of {size.cpu_limit} CPU"
    fleet += "s" * (size.cpu_limit.value > 1)
    target = f"{plan.demand.target_rate_rps:,.0f} requests/s with {what} ({plan.configuration})"
    claim = f"Sized were {fleet} for {target}" if refuted else f"{doubt}{fleet} carry {target}"
    return (
        f"{claim}: each was measured at "
        f"{one.rate_rps.value:,.0f}/s {inside} on the {one.server} server and is planned for "
        f"{size.planned_rps.value:,.0f}/s; {cost['cost_per_million']:.3g} {plan.demand.currency} a million "
        "predictions."
    )


def verdict(results: Mapping[str, Any]) -> str:
    """How many replicas carry what; where that was refuted, NOT CARRIED and by what."""
    refuted = results.get("refuted") or []
    if refuted:
        return f"NOT CARRIED: {refuted[0].rstrip('.')}. {results['promise']}"
    return results["promise"] + _of_day(results.get("day") or {})


def _of_day(simulated: Mapping[str, Mapping[str, Any]]) -> str:
    """What the simulated day adds to the claim where it does not keep what is claimed; empty where it does."""
    shares = {how: day.get("slo_attainment") for how, day in simulated.items()}
    share, balanced = shares.get("autoscaler"), shares.get("autoscaler, requests balanced")
    if share is None or share >= _PROMISED_SHARE:
        return ""
    said = f" Only {share:.1%} of the simulated day's requests are inside the limit"
    if balanced is None or balanced == share:
        return f"{said}."
    return f"{said} where connections fall unevenly, {balanced:.1%} where requests are balanced."


def warnings(results: Mapping[str, Any]) -> list[str]:
    """What was refuted, then what the sizing rests on."""
    return [*(f"REFUTED: {sentence}." for sentence in results.get("refuted") or []), *results["doubts"]]


def doubts(plan: DeployPlan) -> list[str]:
    """What the plan rests on that was not measured."""
    return [
        *plan.sizing.warnings, server_flags.measured_over(plan.protocol), *plan.skew, *encryption.plain(plan.run_dir)
    ]  # fmt: skip


def of_days(simulated: Mapping[str, Mapping[str, Any]], connections_per_pod: float) -> list[str]:
    """What the simulated day of the autoscaler says against the plan."""
    day = simulated.get("autoscaler") or {}
    share = day.get("slo_attainment")
    if share is None or share >= _PROMISED_SHARE:
        return []
    falling = f", and {connections_per_pod:g} connections a pod fall at random" if connections_per_pod else ""
    return [
        f"The simulated day keeps the limit for {share:.2%} of its requests, {_PROMISED_SHARE:.0%} are promised: a pod "
        f"and a zone are lost in it{falling}, and pods come some time after the load. Raise headroom or min_replicas."
    ]


def promises(plan: DeployPlan) -> list[tuple[str, Cited]]:
    """What the numbers of a bundle rest on, label by label."""
    size, one = plan.sizing, plan.replica
    rows = [
        ("Requests/s one replica was measured at", one.rate_rps),
        ("p99 at that rate, ms", one.p99_ms),
        ("The limit, ms", one.limit_ms),
        ("Requests/s a replica is planned for", size.planned_rps),
        ("Replicas", size.replicas),
        ("Replicas, were requests balanced instead of connections", size.replicas_balanced),
        ("Autoscaler, least", size.min_replicas),
        ("Autoscaler, most", size.max_replicas),
        ("CPU a replica, cores", size.cpu_limit),
        ("Memory a replica, MiB", size.memory_request_mib),
    ]
    return [(label, cited) for label, cited in rows if cited is not None]


def summary(plan: DeployPlan) -> str:
    """Markdown: warnings first, then each number with its source."""
    rows = [(label, cited.value, cited.source) for label, cited in promises(plan)]
    warnings = "".join(f"> **{text}**\n\n" for text in doubts(plan))
    return warnings + markdown.table(("", "", "from"), rows)


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of one shape as a Markdown table."""
    return markdown.table([name.replace("_", " ") for name in rows[0]], [list(row.values()) for row in rows])


def days(simulated: Mapping[str, Mapping[str, Any]]) -> str:
    """Simulated days beside each other: `fleet.Day.results` by the name of the fleet."""
    rows = [
        {
            "fleet": name,
            "in SLO": f"{day['slo_attainment']:.3%}",
            "refused": f"{day['refused_share']:.3%}",
            "seconds below": day["seconds_below_slo"],
            "p99, ms": day["p99_ms_median"],
            "pods": f"{day['pods_min']} to {day['pods_max']}, mean {day['pods_mean']:.1f}",
            "cost of the day": day["cost"],
            "a million": day["cost_per_million"],
        }
        for name, day in simulated.items()
    ]
    return table(rows)
