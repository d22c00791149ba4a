"""Live version swaps under load, beside the same load without them."""

from __future__ import annotations

import argparse
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from pathlib import Path

import pandas as pd
from tune_setting import LIMIT, REFERENCE, Row, closed_rps, table_row, workbench

import loadgen
from playbook.adapt.demonstration import by_second
from playbook.serve.cores import step_aside
from playbook.stress.stress import level_of
from playbook.tfserving.versions import prune
from playbook.tune.workbench import Workbench

SIZES, LEVEL_S = (16, 32, 64), 20.0
SHARE = 0.4  # of the least that short closed loops carried: a machine that turns slow must carry it too


def swaps(options: argparse.Namespace) -> list[Row]:
    """Failed requests and the slowest one while versions are swapped, in turns with levels that swap nothing."""
    levels = []
    with workbench(options, window_s=LEVEL_S) as bench:
        server = bench.bring("trial", REFERENCE)
        rate = round(SHARE * min(closed_rps(bench, server) for _ in range(5)), 1)
        level = level_of(server.handle, bench.load, bench.bodies("rest"), arrival="poisson", rate_rps=rate)
        while sum(row["swaps"] for row in levels) < options.swaps:
            for swapping in (False, True):
                raw, ended = bench.folder / f"level-{len(levels)}", threading.Event()
                with ThreadPoolExecutor(1, "swap", step_aside, (bench.load.client_cpus,)) as pool:
                    done = pool.submit(_swap_on, bench, ended) if swapping else None
                    try:
                        summary = loadgen.hold(level, raw)
                    finally:
                        ended.set()
                levels.append({"swaps": done.result() if done else 0, "swapping": swapping} | _told(summary, raw))
    return _rows(pd.DataFrame(levels), rate, options.swaps)


def _swap_on(bench: Workbench, ended: threading.Event) -> int:
    """Swap until it is over, one version after the other; returns how often."""
    for done in count():
        if ended.is_set():
            return done
        server = bench.bring("trial", replace(REFERENCE, max_batch_size=SIZES[done % len(SIZES)]))
        prune(server.base_path, keep=2)


def _told(summary: dict, raw: Path) -> dict:
    kept = by_second(raw / "requests.parquet", LIMIT)["kept"]
    latency_ms = {f"{name}_ms": summary["latency_ms"][name] for name in ("p99", "max")}
    return {"failed": summary["errors"], "kept_s": int(kept.sum()), "seconds": len(kept)} | latency_ms


def _rows(levels: pd.DataFrame, rate_rps: float, asked: int) -> list[Row]:
    swapped, still = (levels[levels["swapping"] == swapping] for swapping in (True, False))
    done, failed = swapped["swaps"].sum(), swapped["failed"].sum()
    slowest, p99 = (
        [side["max_ms"].max() for side in (swapped, still)],
        [side["p99_ms"].median() for side in (swapped, still)],
    )
    kept, kept_still = (f"{side['kept_s'].sum()} of {side['seconds'].sum()}" for side in (swapped, still))
    return [
        table_row(
            f"{done} live swaps at {rate_rps:,.0f}/s, failed requests; peer: the same load without swaps, in turns",
            str(failed),
            str(still["failed"].sum()),
            "–",
            "0 of 200 swaps",
            failed == 0 and done >= asked,
        ),
        _milliseconds("  slowest request", *slowest),
        _milliseconds("  p99, median of the levels", *p99),
        table_row(
            "  seconds inside the SLO", kept, kept_still, "–", "all", (swapped["kept_s"] == swapped["seconds"]).all()
        ),
    ]


def _milliseconds(figure: str, swapped: float, still: float) -> Row:
    limit = LIMIT.p99_limit_ms
    return table_row(
        f"{figure}, ms",
        f"{swapped:.1f}",
        f"{still:.1f}",
        f"{swapped / still:.2f}",
        f"<= {limit:g} ms",
        swapped <= limit,
    )
