"""The drills in tables: for docs/fleet-drills.md, which is made from records/fleet.json, and for `make bench`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from playbook import markdown

Kept = Mapping[str, Any]
WITHIN = 0.2  # of the simulation's seconds outside the promise, that the live trace may be off
EVEN = 0.4  # least share of the requests that one of two addresses gets
BLIND = "ServingP99OverLimit"  # the server's own clock
SHIPPED, PROMISED = "cpu", 0.99
UNEVEN, BALANCED = "connections fall unevenly", "requests are balanced"
UNTOLD = "connections fall unevenly and the plan does not know it, as before"


@dataclass(frozen=True)
class Drill:
    """A line of the table: what was asked, before and after, and whether it is as it must be."""

    asked: str
    before: str
    after: str
    met: bool


def rows(kept: Kept) -> list[Drill]:
    """The lines of what was held."""
    made = [maker(kept[name]) for name, maker in _ROWS.items() if name in kept]
    return [row for part in made for row in part]


def targets(kept: Kept) -> str:
    """The lines as a Markdown table."""
    lines = [(row.asked, row.before, row.after, "yes" if row.met else "NO") for row in rows(kept)]
    return markdown.table(("drill", "as shipped before", "as shipped now", "met"), lines)


def _grpc_threads(seen: Kept) -> list[Drill]:
    shown = {when: f"{part['failed']:,} of {part['requests']:,} fail (grpc_max_threads={part['threads']})"
             for when, part in seen.items()}  # fmt: skip
    return [Drill("eight gRPC clients, closed loop", shown["before"], shown["after"], seen["after"]["failed"] == 0)]


def _addresses(seen: Kept) -> list[Drill]:
    out = []
    for protocol, sides in seen.items():
        counts = {side: part["addresses"] for side, part in sides.items()}
        now, whole = counts["after"], max(sum(counts["after"]), 1)
        spoken = "REST" if protocol == "rest" else "gRPC"
        out.append(Drill(f"two containers under one name, requests by address, {spoken}",
                         _counts(counts["before"]), _counts(now),
                         len(now) == 2 and min(now) >= EVEN * whole and not sides["after"]["failed"]))  # fmt: skip
    return out


def _counts(counts: list[int]) -> str:
    return " and ".join(f"{count:,}" for count in counts)


def _drain(seen: Kept) -> list[Drill]:
    grpc = seen["grpc"]
    lost = {when: f"{part['failed']} of {part['requests']:,} cut; by address {_counts(part['addresses'])}"
            for when, part in grpc.items()}  # fmt: skip
    return [
        Drill("a pod drains and is killed while a third comes: gRPC", lost["before"], lost["after"],
              grpc["after"]["failed"] == 0 and len(grpc["after"]["addresses"]) == 3),
    ]  # fmt: skip


def _proxy(seen: Kept) -> list[Drill]:
    shown = {when: f"{part['proxy_us_a_request']:.0f} us of CPU a request in docker-proxy; "
             f"{part['requests_s']:,.0f}/s, p50 {part['p50_ms']:.2f} ms" for when, part in seen.items()}  # fmt: skip
    return [Drill("server: docker, eight REST clients", shown["before"], shown["after"],
                  seen["after"]["proxy_us_a_request"] < 1)]  # fmt: skip


def _overload(seen: Kept) -> list[Drill]:
    before, after = seen["probes"].values()
    rang = {name: at for name, at in sorted(seen["alerts_s"].items(), key=lambda item: item[1])}
    told = ", ".join(f"{name} after {at:.0f} s" for name, at in rang.items() if name != BLIND) or "nothing"
    flood = f"offered {seen['offered_rps']:,.0f}/s, answered {seen['answered_rps']:,.0f}/s"
    blind = f"the server's own p99 is {seen['server_p99_ms_most']:,.0f} ms at most (limit {seen['limit_ms']:g} ms)"
    return [
        Drill(f"overload: {flood}, the client's p99 is {seen['client_p99_ms']['overload'] / 1e3:,.1f} s",
              f"{blind}: {'rings' if BLIND in rang else 'nothing rings'}", told,
              any(name != BLIND for name in rang) and not seen["alerts_in_calm"]),
        Drill("readiness in that overload, a probe every 5 s",
              f"{before['failed']} of {before['probes']} status requests fail, {before['longest_row']} in a row: out "
              "of the Service after 2", f"{after['failed']} of {after['probes']} open ports", after["failed"] == 0),
        Drill("scrapes in that overload", f"{seen['scrapes_failed']} seen to fail; nothing tells busy from down",
              f"{seen['scrapes_failed']} seen to fail; ServingDown {'rings' if 'ServingDown' in rang else 'is silent'}",
              "ServingDown" not in rang),
    ]  # fmt: skip


def _autoscaling(seen: Kept) -> list[Drill]:
    live, simulated, ratio = seen["live"], seen["simulated"], seen["live_over_simulated"]
    return [Drill("three replicas behind nginx, scaled live: seconds outside the promise, beside the simulation's",
                  f"simulated {simulated['seconds_outside']} s; pods {_steps(simulated['pods'])}",
                  f"live {live['seconds_outside']} s ({ratio:.2f} of it); pods {_steps(live['pods'])}",
                  abs(ratio - 1) <= WITHIN)]  # fmt: skip


def _canary(seen: Kept) -> list[Drill]:
    """The gate opens for a canary like its baseline and shuts for a slower one: exit codes 0 and 1."""
    asked = {"like": f"a canary like its baseline, judged with --gate {seen['told']['compare'][-1]} as its file tells",
             "slower": "a canary that waits 4 ms for batches, likewise"}  # fmt: skip
    return [Drill(text, _exit(seen[f"{side}, one after the other"]), _exit(seen[side]), seen[side]["exit"] == wanted)
            for (side, text), wanted in zip(asked.items(), (0, 1), strict=True)]  # fmt: skip


def _exit(part: Kept) -> str:
    said = part["said"].partition(" %: ")[2].partition(";")[0].rstrip(".")
    return f"exit {part['exit']}: {said}"


def _canary(seen: Kept) -> list[Drill]:
    """The gate opens for a canary like its baseline and shuts for a slower one: exit codes 0 and 1."""
    asked = {"like": f"a canary like its baseline, judged with --gate {seen['told']['compare'][-1]} as its file tells",
             "slower": "a canary that waits 4 ms for batches, likewise"}  # fmt: skip
    return [Drill(text, _exit(seen[f"{side}, one after the other"]), _exit(seen[side]), seen[side]["exit"] == wanted)
            for (side, text), wanted in zip(asked.items(), (0, 1), strict=True)]  # fmt: skip


def _exit(part: Kept) -> str:
    said = part["said"].partition(" %: ")[2].partition(";")[0].rstrip(".")
    return f"exit {part['exit']}: {said}"


def _steps(changes: list[list[float]]) -> str:
    return ", ".join(f"{pods} at {at:.0f} s" for at, pods in changes)


def _contest(seen: Kept) -> list[Drill]:
    """Simulated: the sized fleet keeps the promise, and no other metric keeps it as well for less."""
    before, now = seen["rows"][UNTOLD], seen["rows"][UNEVEN]
    near, _ = seen["shipped"][UNEVEN]
    steady = [row for row in now if row["policy"] == SHIPPED and row["day"] != "spike"]
    return [
        Drill(f"simulated: {seen['rate_rps']:,.0f}/s, eight connections a pod at random; inside the limit",
              f"{_kept(before)} ({seen['sized'][UNTOLD]['replicas']} replicas, sized as if requests were balanced)",
              f"{_kept(now)} ({seen['sized'][UNEVEN]['replicas']} replicas)",
              all(row["slo_attainment"] >= PROMISED for row in steady)),
        Drill("simulated: cost of the shipped autoscaler over the cheapest metric that keeps the promise as well",
              "not compared", ", ".join(f"{row['day']} {row['cost_over_best']:.3f}" for row in now
                                        if row["policy"] == SHIPPED), near),
    ]  # fmt: skip


def _kept(rows: list[Kept]) -> str:
    return ", ".join(f"{row['day']} {row['slo_attainment']:.1%}" for row in rows if row["policy"] == SHIPPED)


_ROWS = {
    "grpc_threads": _grpc_threads,
    "addresses": _addresses,
    "drain": _drain,
    "proxy": _proxy,
    "overload": _overload,
    "autoscaling": _autoscaling,
    "canary": _canary,
    "fleets": _contest,
}


def page(kept: Kept) -> str:
    """The page docs/fleet-drills.md."""
    machine = kept["environment"]
    parts = [
        "# Drills of what deploy ships",
        "Made from `tests/benchmarks/records/fleet.json` by `tests/benchmarks/bench_fleet.py --record`; do not edit. "
        "Containers of the embedded server under its own name, not TensorFlow Serving's; one machine "
        f"({machine['cores']} cores, {machine['cpu_model']}), which others used at the same time: what breaks and what "
        "holds is the finding, the rates are not.",
        targets(kept),
    ]
    if "autoscaling" in kept:
        parts += ["## The live trace", _trace(kept["autoscaling"])]
    if "drain" in kept:
        parts.append(_drained(kept["drain"]))
    if "fleets" in kept:
        parts += ["## Fleets, simulated", _fleets(kept["fleets"])]
    return "\n\n".join(parts) + "\n"


def _trace(seen: Kept) -> str:
    one = seen["replica"]
    return (
        f"One replica (a quarter of a core) answered {one['saturation_rps']:.0f}/s at most and {one['slo_rps']:.0f}/s "
        f"inside the limit, and took {seen['start_s']:.1f} s to come. The trace is calm at half of what one answers, "
        "rises to 1.6 times that and falls back; the autoscaler sees CPU as a metrics server shows it, 15 s late and "
        "averaged over 15 s. The simulation knew the curve of one replica, its start-up and the trace, nothing of the "
        "live run."
    )


def _drained(seen: Kept) -> str:
    times, rest = seen["drained_s"], seen["rest"]["kept for ever"]
    return (
        "In the drain all times are a tenth of the bundle's: the pod went on answering for "
        f"{times['before']:.1f} s before and {times['after']:.1f} s now, after it had left the name. A REST connection "
        "is never ended by the server, so what is under way on it at the end is cut unless the client gives it up in "
        f"time; clients that never do lost {rest['failed']} of {rest['requests']:,} here, where little is under way at "
        "a time."
    )


def _fleets(seen: Kept) -> str:
    told = [f"The example record's replica, for {seen['rate_rps']:,.0f} requests/s at the peak; a pod lost at ten, a "
            "zone at three."]  # fmt: skip
    heads = ("day", "metric", "in SLO", "seconds below", "pods", "cost of the day", "over the cheapest as good")
    for how in (UNEVEN, BALANCED, UNTOLD):
        size, rows = seen["sized"][how], seen["rows"][how]
        lines = [(row["day"], row["policy"], f"{row['slo_attainment']:.3%}", row["seconds_below_slo"],
                  f"{row['pods_mean']:.1f}", row["cost"], f"{row['cost_over_best']:.3f}") for row in rows]  # fmt: skip
        bounds = f"{size['replicas']} replicas, {size['min_replicas']} to {size['max_replicas']} by the autoscaler"
        told += [f"Where {how}: {bounds}.", markdown.table(heads, lines), seen["shipped"][how][1]]
    return "\n\n".join(told)
