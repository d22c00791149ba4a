"""Which rate is which: a page tells several of one configuration, each found another way, and none denies another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from playbook import markdown
from playbook.promise import Promise
from playbook.prove.words import curve_names
from playbook.records.run_folder import RunFolder
from playbook.stress import levels

WHY = (
    "In a closed loop clients wait for an answer before they ask again; in an open loop requests come as they are due, "
    "as users do, so that queues form at lower rates. Levels are held at clients and shares of a rate that were chosen "
    "beforehand; tune searches the highest open-loop rate inside the limit, in windows of its own. So rates of one "
    "configuration differ and none denies another; deploy plans with what a VALID level or the proof held."
)


def table(run: RunFolder, proven: Sequence[Mapping[str, Any]], limit_ms: float | None) -> str:
    """The rates inside the limit by configuration and by how they were found, and why they differ; empty for one each.

    Args:
        run: The run.
        proven: Levels of the proven configuration.
        limit_ms: The limit of the p99, or None.
    """
    first, second = curve_names(run, bool(run.results("prove").get("tuned")))
    promise = (
        Promise.of({**run.params("stress"), "p99_limit_ms": limit_ms, "target_rate_rps": None}) if limit_ms else None
    )
    rows = _configuration(first, run.levels, promise, _searched(run, "default"))
    found = _configuration(second, proven, promise, _searched(run, "best") if second != first else [])
    if max(len(rows), len(found)) < 2:
        return ""
    headers = ["configuration", "most requests/s inside the limit", "p99 ms", "found by"]
    return f"{markdown.table(headers, [*rows, *found])}\n\n{WHY}"


def _configuration(
    name: str, held: Sequence[Mapping[str, Any]], promise: Promise | None, searched: list[list[Any]]
) -> list[list[Any]]:
    rows: list[list[Any]] = []
    for closed in (True, False):
        group = [level for level in held if (level.get("arrival") == "closed") == closed]
        if promise and (best := levels.best(group, promise)):
            row = [f"{best['throughput_rps']:,.0f}", markdown.number(best["latency_p99_ms"])]
            rows.append([*row, f"a level: {levels.described(best)}"])
    return [[name, *row] for row in [*rows, *searched]]


def _searched(run: RunFolder, which: str) -> list[list[Any]]:
    """The rate that tune found of the default flags or of the best, where it searched for one."""
    tune = run.results("tune")
    one = tune.get(which) or {}
    if tune.get("kind", "max_rate") != "max_rate" or not one.get("rate_rps") or one.get("valid") is False:
        return []
    turns, window_s = len(tune.get("repeats") or []), run.params("tune").get("trial_s")
    how = f"geometric mean of {turns} turns" if turns > 1 else "measured once"
    windows = f", windows of {window_s:g} s" if window_s else ""
    words = f"tune's search among open loops ({how}{windows})"
    return [[f"{one['rate_rps']:,.0f}", markdown.number(one.get("p99_ms")), words]]
