"""Load that moves, against fixed configurations and against policies: who keeps the promise for more seconds?"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

import loadgen
from loadgen.profiles import Profile
from playbook import progress, stopwatch
from playbook.adapt.controller import Adapted, Pace, Target, adapt
from playbook.adapt.governor import Governor
from playbook.promise import Promise
from playbook.records import record
from playbook.serve.cores import step_aside
from playbook.serve.spec import ServerSpec
from playbook.stress.load import Load
from playbook.stress.stress import level_of
from playbook.tfserving.config import Config
from playbook.tune.workbench import RunningServer, Workbench

#: Shares of the time, and of the highest rate, of the four parts: low, ramp, spike, low.
SHAPE = ((0.0, 0.15), (0.25, 0.15), (0.5, 0.7), (0.5, 0.95), (0.7, 0.95), (0.7, 0.15), (1.0, 0.15))

CALM = 0.3  # of the highest rate: seconds below are low load


@dataclass(frozen=True)
class Contender:
    """One way to run the server while load moves: a fixed configuration, or a policy that starts from one."""

    name: str
    config: Config
    governor: Callable[[], Governor] | None = None


@dataclass(frozen=True)
class Stage:
    """Who plays what: the server, the contenders, the load and the limit."""

    run_dir: Path
    spec: ServerSpec
    load: Load
    promise: Promise
    pace: Pace
    contenders: Sequence[Contender]
    highest_rps: float  # 0: what a closed loop on the high-throughput choice shows


@dataclass
class Performance:
    """How a contender did: one row a second, and what it changed."""

    contender: Contender
    seconds: pd.DataFrame  # second, offered, answered, errors, p99_ms, kept
    adapted: Adapted | None
    summary: Mapping[str, Any]
    began_ns: int  # CLOCK_MONOTONIC of the first request

    @property
    def kept_s(self) -> int:
        """Seconds in which p99 and error share stayed inside the limit."""
        return int(self.seconds["kept"].sum())


def moving_load(highest_rps: float, duration_s: float, path: Path) -> Path:
    """Write the rate profile: low, ramp, spike, low, as shares of `highest_rps`; returns the trace file."""
    shares = np.array(SHAPE)
    return Profile(shares[:, 0] * duration_s, shares[:, 1] * highest_rps).write(path)


def perform(
    bench: Workbench, contender: Contender, trace: Path, promise: Promise, pace: Pace, out_dir: Path
) -> Performance:
    """Play the moving load against one contender on the live server.

    Args:
        bench: Its server is switched to the contender's configuration first.
        contender: Who.
        trace: The rate profile.
        promise: What a second must keep.
        pace: How often a policy looks; its `for_s` is the length of the load.
        out_dir: Where the requests and the change journal go.
    """
    server = bench.bring("trial", contender.config)
    load = replace(bench.load, duration_s=pace.for_s, ramp_up_s=0.0)
    level = level_of(server.handle, load, bench.bodies(load.protocol), arrival="trace", trace=str(trace))
    folder, latest = record.data_dir(out_dir) / "requests" / f"adapt_{_plain(contender.name)}", {}
    with _controlled(server, contender, pace, out_dir, lambda: latest.get("p99_ms"), load.client_cpus) as controlled:
        summary = loadgen.hold(level, folder, latest.update)
    adapted = controlled and controlled.result()
    server.config = adapted.config if adapted else contender.config
    stopwatch.add(pace.for_s)
    seconds = by_second(folder / "requests.parquet", promise)
    return Performance(contender, seconds, adapted, summary, int(seconds["began_ns"].min()))


@contextmanager
def _controlled(
    server: RunningServer,
    contender: Contender,
    pace: Pace,
    out_dir: Path,
    client_p99_ms: Callable[[], float | None],
    cpus: tuple[int, ...],
) -> Iterator[Future | None]:
    """Let the contender's policy control the server while the block lasts, in a thread that leaves it its cores."""
    if contender.governor is None:
        yield None
        return
    stop, target = threading.Event(), Target(server.handle, server.base_path)
    with ThreadPoolExecutor(1, "adapt", step_aside, (cpus,)) as pool:
        control = partial(adapt, stop=stop, client_p99_ms=client_p99_ms)
        try:
            yield pool.submit(control, target, contender.governor(), contender.config, pace, out_dir)
        except BaseException:
            stop.set()
            raise


def by_second(requests: Path, promise: Promise) -> pd.DataFrame:
    """One row a second of the schedule: offered, errors, p99 (ms, from the intended time), and whether it was kept.

    A second's p99 is the value 99 % of its requests do not exceed; failed requests count as outside.
    """
    query = """
        WITH r AS (
            SELECT min(scheduled_ns) OVER () AS began_ns, (scheduled_ns - began_ns) // 1000000000 AS second,
                   (done_ns - scheduled_ns) / 1e6 AS latency_ms, error IS NOT NULL AND error <> '' AS failed
            FROM read_parquet(?))
        SELECT second, min(began_ns) AS began_ns, count(*) AS offered, count(*) FILTER (failed) AS errors,
               quantile_disc(latency_ms, 0.99) FILTER (NOT failed) AS p99_ms,
               max(latency_ms) FILTER (NOT failed) AS max_ms
        FROM r GROUP BY second ORDER BY second"""
    with duckdb.connect() as db:
        seconds = db.execute(query, [str(requests)]).df()
    shares = seconds["errors"] / seconds["offered"]
    seconds["kept"] = [promise.inside(*figures) for figures in zip(seconds["p99_ms"], shares, strict=True)]
    return seconds


def play(stage: Stage) -> list[Performance]:
    """Let every contender play the same load, one after the other, on one live server."""
    with (
        progress.live("adapt", len(stage.contenders)) as bar,
        Workbench(stage.spec, stage.run_dir, stage.load) as bench,
    ):
        highest = stage.highest_rps or 0.95 * _probe(bench, stage)
        trace = moving_load(highest, stage.pace.for_s, bench.folder / "moving.csv")
        played = []
        for number, contender in enumerate(stage.contenders):
            bar.update(number, contender.name)
            played.append(perform(bench, contender, trace, stage.promise, stage.pace, stage.run_dir))
            bar.update(number + 1, f"{contender.name}: {played[-1].kept_s} s kept")
    return played


def _probe(bench: Workbench, stage: Stage) -> float:
    """What the server carries in a closed loop, in requests/s, with the last fixed choice."""
    fixed = [c.config for c in stage.contenders if c.governor is None][-1]
    bench.load = replace(stage.load, duration_s=1.0)
    rate = bench.hold(bench.bring("trial", fixed), arrival="closed", concurrency=32)["throughput_rps"]
    bench.load = stage.load
    return rate


def results(stage: Stage, played: Sequence[Performance]) -> dict[str, Any]:
    """The `results` of adapt.json."""
    return {
        "model_name": stage.spec.model_name,
        "server": stage.spec.server,
        "limit_ms": stage.promise.p99_limit_ms,
        "moving_s": stage.pace.for_s,
        "contenders": [
            {
                "name": p.contender.name,
                "policy": p.contender.governor is not None,
                "config": p.contender.config.plain(),
                "kept_s": p.kept_s,
                "seconds": len(p.seconds),
                "requests": p.summary["requests"],
                "errors": int(p.seconds["errors"].sum()),
                "latency_p99_ms": p.summary["latency_ms"]["p99"],
                "latency_max_ms": p.summary["latency_ms"]["max"],
                "changes": p.adapted.changes if p.adapted else [],
                "switch_s": p.adapted.switch_s if p.adapted else [],
                "ended": p.adapted.ended if p.adapted else None,
            }
            for p in played
        ],
        "why": _why(played),
    }


def _why(played: Sequence[Performance]) -> str:
    """What the seconds show: whether low load leaves a policy anything to gain, and where the best one lost."""
    fixed = [p for p in played if p.contender.governor is None]
    policies = [p for p in played if p.contender.governor is not None]
    if not fixed or not policies:
        return ""
    best, policy = max(fixed, key=lambda p: p.kept_s), max(policies, key=lambda p: p.kept_s)
    calm = best.seconds[best.seconds["offered"] <= CALM * best.seconds["offered"].max()]
    lost, reasons = policy.seconds[~policy.seconds["kept"]], []
    if len(calm) and calm["kept"].all():
        itself = ", as a batch takes what waits and no more" if not best.contender.config.batch_timeout_micros else ""
        reasons.append(
            f"at low load {best.contender.name} stays at p99 {calm['p99_ms'].median():.1f} ms{itself}, so that a "
            "policy can gain nothing there"
        )
    if len(lost):
        reasons.append(f"{policy.contender.name} lost its {len(lost)} s at {lost['offered'].min():,.0f}/s and more")
    return "; ".join(reasons)


def keep_seconds(run_dir: Path, played: Sequence[Performance]) -> None:
    """Write `data/adapt_seconds.parquet`: one row a second and contender."""
    frames = [p.seconds.assign(contender=p.contender.name) for p in played]
    record.write_parquet(record.data_dir(run_dir) / "adapt_seconds.parquet", pd.concat(frames, ignore_index=True))


def _plain(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name)
