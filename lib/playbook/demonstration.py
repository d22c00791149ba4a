"""Load that moves, against fixed configurations and against policies: who keeps the promise for more seconds?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import loadgen
import numpy as np
import pandas as pd
from loadgen.profiles import Profile

from playbook.adapt import Adapted, Pace, Target, adapt
from playbook.control import Governor
from playbook.rates import Limit
from playbook.space import Config
from playbook.stress import level_of
from playbook.workbench import Workbench

#: Shares of the time, and of the highest rate, of the four parts: low, ramp, spike, low.
SHAPE = ((0.0, 0.15), (0.25, 0.15), (0.5, 0.7), (0.5, 0.95), (0.7, 0.95), (0.7, 0.15), (1.0, 0.15))


@dataclass(frozen=True)
class Contender:
    """One way to run the server while load moves: a fixed configuration, or a policy that starts from one."""

    name: str
    config: Config
    governor: Callable[[], Governor] | None = None


@dataclass
class Performance:
    """How a contender did: one row a second, and what it changed."""

    contender: Contender
    seconds: pd.DataFrame  # second, offered, answered, errors, p99_ms, kept
    adapted: Adapted | None
    summary: Mapping[str, Any]

    @property
    def kept_s(self) -> int:
        """Seconds in which p99 and error share stayed inside the limit."""
        return int(self.seconds["kept"].sum())


def moving_load(highest_rps: float, duration_s: float, path: Path) -> Path:
    """Write the rate profile: low, ramp, spike, low, as shares of `highest_rps`; returns the trace file."""
    shares = np.array(SHAPE)
    return Profile(shares[:, 0] * duration_s, shares[:, 1] * highest_rps).write(path)


def perform(
    bench: Workbench, contender: Contender, trace: Path, limit: Limit, pace: Pace, out_dir: Path
) -> Performance:
    """Play the moving load against one contender on the live server.

    Args:
        bench: Its server is switched to the contender's configuration first.
        contender: Who.
        trace: The rate profile.
        limit: What a second must keep.
        pace: How often a policy looks; its `for_s` is the length of the load.
        out_dir: Where the requests and the change journal go.
    """
    server = bench.bring("trial", contender.config)
    load = replace(bench.load, duration_s=pace.for_s, ramp_up_s=0.0)
    level = level_of(server.handle, load, bench.bodies(load.protocol), arrival="trace", trace=str(trace))
    folder, latest = out_dir / "data" / "requests" / f"adapt_{_plain(contender.name)}", {}
    with ThreadPoolExecutor(1) as pool:
        played = pool.submit(loadgen.hold, level, folder, latest.update)
        adapted = None
        if contender.governor:
            target = Target(server.handle, server.base_path)
            client_p99 = lambda: latest.get("p99_ms")  # noqa: E731
            adapted = adapt(target, contender.governor(), contender.config, pace, out_dir, client_p99_ms=client_p99)
            server.config = adapted.config
        summary = played.result()
    return Performance(contender, by_second(folder / "requests.parquet", limit), adapted, summary)


def by_second(requests: Path, limit: Limit) -> pd.DataFrame:
    """One row a second of the schedule: offered, errors, p99 (ms, from the intended time), and whether it was kept.

    A second's p99 is the value 99 % of its requests do not exceed; failed requests count as outside.
    """
    query = """
        WITH r AS (
            SELECT (scheduled_ns - min(scheduled_ns) OVER ()) // 1000000000 AS second,
                   (done_ns - scheduled_ns) / 1e6 AS latency_ms, error IS NOT NULL AND error <> '' AS failed
            FROM read_parquet(?))
        SELECT second, count(*) AS offered, count(*) FILTER (failed) AS errors,
               quantile_disc(latency_ms, 0.99) FILTER (NOT failed) AS p99_ms,
               max(latency_ms) FILTER (NOT failed) AS max_ms
        FROM r GROUP BY second ORDER BY second"""
    with duckdb.connect() as db:
        seconds = db.execute(query, [str(requests)]).df()
    share = seconds["errors"] / seconds["offered"]
    seconds["kept"] = (seconds["p99_ms"] <= limit.p99_ms) & (share <= limit.error_share)
    return seconds


def verdict(performances: Sequence[Performance], limit: Limit, seconds: float) -> str:
    """Who kept most seconds, said plainly, also when adapting does not pay."""
    fixed = [p for p in performances if p.contender.governor is None]
    policies = [p for p in performances if p.contender.governor is not None]
    told = "; ".join(f"{p.contender.name} {p.kept_s} s" for p in performances)
    lead = f"Of {seconds:g} s of moving load, inside {limit.p99_ms:g} ms: {told}."
    failed = sum(int(p.seconds["errors"].sum()) for p in policies)
    swaps = sum(len(p.adapted.switch_s) for p in policies if p.adapted)
    swapped = f" {swaps} live changes, {failed} failed requests."
    if not fixed or not policies:
        return lead + swapped
    best_fixed, best_policy = max(fixed, key=lambda p: p.kept_s), max(policies, key=lambda p: p.kept_s)
    if best_policy.kept_s > best_fixed.kept_s:
        more = best_policy.kept_s - best_fixed.kept_s
        end = f" Adapting pays here: {best_policy.contender.name} kept {more} s more than the best fixed choice."
    elif best_policy.kept_s == best_fixed.kept_s:
        end = (
            f" Adapting gains nothing here: fixed {best_fixed.contender.name} keeps as many seconds, with fewer parts."
        )
    else:
        less = best_fixed.kept_s - best_policy.kept_s
        end = f" Adapting does not pay here: fixed {best_fixed.contender.name} kept {less} s more than the best policy."
    return lead + swapped + end


def _plain(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name)
