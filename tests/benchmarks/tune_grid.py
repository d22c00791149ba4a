"""The exhaustive grid, measured and kept as a record, and the tuner against it."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from tune_setting import (
    GRID,
    HERE,
    LIMIT,
    REFERENCE,
    Row,
    batch_curve,
    closed_rps,
    table_row,
    threads,
    tuning_on,
    workbench,
)

from playbook.records import record
from playbook.records.environment import environment
from playbook.tfserving.config import DEFAULT, Config, expand
from playbook.tune.gain import ratio
from playbook.tune.memory import Memory
from playbook.tune.objective import Objective
from playbook.tune.plan import TuningPlan
from playbook.tune.search import Budget, frontier, search
from playbook.tune.steps import Tuning

RECORD = HERE / "records" / "tune_grid.json"
TURNS = 10  # of the tuner's best and the grid's: the speed of a shared machine halves within seconds
GRID_PLAN = TuningPlan(
    GRID, Objective(LIMIT, windows=3, tolerance=0.04), budget=Budget(trials=8), frontier=5, repeats=0, ablation=0
)


def grid(options: argparse.Namespace) -> list[Row]:
    """Measure all configurations of the grid in full and write the record; goes on where it was killed.

    The machine's speed drifts, so each cell keeps what a server that never changes (REFERENCE) did just before it.
    """
    run, configs = Path(options.grid), expand(GRID)
    memory = Memory(record.data_dir(run) / "grid.json", [GRID, LIMIT.p99_limit_ms, str(options.model)])
    until = time.monotonic() + 60 * options.minutes
    with workbench(options, window_s=1.0) as bench, tempfile.TemporaryDirectory() as folder:
        tuning = tuning_on(bench, Path(folder), GRID_PLAN)
        for config in [DEFAULT, *sorted(configs, key=threads)]:
            if memory.known(config.words()) is None and time.monotonic() < until:
                memory.recall(config.words(), lambda c=config: _grid_cell(tuning, c))
    done = [memory.known(c.words()) for c in [DEFAULT, *configs]]
    print(f"  {sum(told is not None for told in done)} of {len(done)} measured")
    if all(done):
        told = {"grid": GRID, "limit_ms": LIMIT.p99_limit_ms, "environment": environment(), "cells": []}
        told["cells"] = [
            {"config": c.plain(), "words": c.words(), **d} for c, d in zip([DEFAULT, *configs], done, strict=True)
        ]
        RECORD.parent.mkdir(exist_ok=True)
        RECORD.write_text(json.dumps(told, indent=1) + "\n")
    return []


def _grid_cell(tuning: Tuning, config: Config) -> dict:
    bench = tuning.bench
    reference = bench.benches.get("reference") or bench.start("reference", REFERENCE)
    beside = closed_rps(bench, reference)
    server = tuning.plain_default() if config == DEFAULT else bench.bring("trial", config)
    before = bench.measured_s
    told = tuning.value(server, 0.95 * closed_rps(bench, server))
    print(f"  {config.words()}: {told['rate_rps']:,.0f}/s, the reference {beside:,.0f}/s", flush=True)
    return {name: told[name] for name in ("rate_rps", "p99_ms", "valid", "windows")} | {
        "measured_s": round(bench.measured_s - before, 1),
        "reference_rps": beside,
    }


def tuner(options: argparse.Namespace) -> list[Row]:
    """The tuner on the grid's space against the exhaustive record: what it reaches, and at what expense.

    Of many noisy cells the highest is too high, so the record's best and the tuner's are measured again, in turns.
    """
    if not RECORD.exists():
        return [
            table_row("tuner against the exhaustive grid", "no record; run --grid RUN_DIR first", "–", "–", "–", False)
        ]
    cells = {Config.of(cell["config"]): cell for cell in json.loads(RECORD.read_text())["cells"]}
    optimum = max(cells, key=lambda config: cells[config]["rate_rps"])
    with workbench(options, window_s=1.0) as bench, tempfile.TemporaryDirectory() as folder:
        tuning = tuning_on(bench, Path(folder), GRID_PLAN)
        tuning.default()
        tuning.fit(batch_curve(options))
        tuning.predict(expand(GRID))
        first = frontier({c: tuning.behaviour(c) for c in expand(GRID)}, GRID_PLAN.frontier)
        found = tuning.final(search(GRID, tuning.measure, first=[DEFAULT, *first], budget=GRID_PLAN.budget))
        spent = bench.measured_s
        share, interval = _share(tuning, optimum, found.best.config, found.best.score)
    cost = spent / sum(cell["measured_s"] for cell in cells.values())
    gain = found.best.score / tuning.known[DEFAULT]["score"]
    return [
        table_row(
            f"tuner, share of the exhaustive optimum, measured again in turns ({interval})",
            found.best.config.words(),
            optimum.words(),
            f"{share:.3f}",
            ">= 0.97",
            share >= 0.97,
        ),
        table_row(
            f"  of the measuring time of {len(cells)} configurations",
            f"{spent:.0f} s",
            "grid",
            f"{cost:.3f}",
            "<= 0.10",
            cost <= 0.10,
        ),
        table_row(
            "tuned over default flags, inside 50 ms",
            f"{found.best.score:,.0f}/s",
            f"{tuning.known[DEFAULT]['score']:,.0f}/s",
            f"{gain:.2f}",
            ">= 4",
            gain >= 4,
        ),
    ]


def _share(tuning: Tuning, optimum: Config, chosen: Config, guess_rps: float) -> tuple[float, str]:
    """Rate of the chosen configuration over that of the optimum, each on a server of its own, in turns (ABBA).

    Each search begins a little elsewhere and ends in a narrow bracket, so that the steps of the rate decide nothing.
    """
    if chosen == optimum:
        return 1.0, "the same"
    servers, rounds = [tuning.bench.start("optimum", optimum), tuning.bench.start("trial", chosen)], []
    tuning.plan = replace(tuning.plan, objective=Objective(LIMIT, windows=6, tolerance=0.02))
    rng = np.random.default_rng(7)
    for turn in range(TURNS):
        scores = [0.0, 0.0]
        for side in (0, 1) if turn % 2 == 0 else (1, 0):
            scores[side] = tuning.value(servers[side], guess_rps * rng.uniform(0.95, 1.06))["score"]
        rounds.append((scores[0], scores[1]))
    share, low, high = ratio(rounds)
    return (share, f"95 %: {low:.2f} to {high:.2f}") if share else (0.0, "one of them kept the limit at no rate")
