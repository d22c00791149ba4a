"""The tuner's winner against an exhaustive grid, and the simulator against each cell of it, on models of the zoo.

Cells are judged in short windows; of many noisy cells the highest is too high, so the grid's best and the tuner's
winner are then measured in turns. Batching must stay off for `detect`, whose requests cannot be merged: the grid tries
it all the same. The simulator is judged as `tune_accuracy` does it for digits: fitted to two of the cells, and held
against p99 at a calm rate and the throughput of a closed loop of the others. At the highest rate inside a limit p99
doubles within a few percent of the rate, and a search of few windows ends up to a tenth below that rate.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import zoo_builders
import zoo_runs
from tune_accuracy import Simulated, predicted_over_measured

from playbook import tune
from playbook.chain import params, pipeline
from playbook.errors import PlaybookError
from playbook.records import record
from playbook.stress.load import Load
from playbook.tfserving.config import Config, expand
from playbook.tune.fit import predict
from playbook.tune.gain import ratio
from playbook.tune.memory import Memory
from playbook.tune.outlook import planned
from playbook.tune.plan import Tuned, TuningPoint
from playbook.tune.steps import Tuning
from playbook.tune.workbench import Workbench

KINDS = ("dense", "text", "detect")
SPACE = {
    "enable_batching": [False, True],
    "max_batch_size": [8, 32],
    "batch_timeout_micros": [0, 2000],
    "max_enqueued_batches": [1000],
    "num_batch_threads": [1],
    "rest_api_num_threads": [17, 65],
}
ASKED = {"space": SPACE, "frontier": 2, "max_trials": 4, "windows": 3, "tolerance": 0.06, "max_minutes": 2.0}
SAMPLES = 300  # requests of a cell's window: the limit is judged by those beyond it
TURNS = 3
ACCURATE, LONGEST_S, ROUNDS = 1200, 8.0, 3  # requests of a window that the simulator is held against, s, windows


def run(name: str, folder: Path) -> dict[str, Any]:
    """One model: tuned, then every configuration of the space measured, then the two best in turns."""
    began = time.perf_counter()
    model, run_dir = zoo_runs.made(name, folder), folder / "run"
    run_dir.mkdir()
    promised = {key: value for key, value in zoo_builders.SETTINGS[name].items() if key == "p99_limit_ms"}
    _export(model, run_dir)
    settings = params.defaults("tune") | {"run_dir": str(run_dir), **promised, **ASKED}
    (point,), load = tune.points_of(settings), tune.load_of(settings)
    tuning_began = time.perf_counter()
    (tuned,), _ = tune.tune([point], load, run_dir)
    tuner_s = time.perf_counter() - tuning_began
    shared = {"model": name, **zoo_runs.where(), "settings": promised, "tuner_s": round(tuner_s)}
    if tuned.skipped:
        return {**shared, "skipped": tuned.skipped, "whole_s": round(time.perf_counter() - began)}
    with Workbench(point.spec, run_dir, load) as bench:
        tuning = _tuning(bench, point, load, run_dir)
        cells = {config: _cell(tuning, config) for config in expand(SPACE, point.plan.base)}
        grid_s = bench.measured_s
        optimum = max(cells, key=lambda config: cells[config]["rate_rps"])
        share, low, high = _in_turns(tuning, optimum, tuned.best.config, cells[optimum]["rate_rps"])
        seen = _simulated(bench, point, load, cells, run_dir) if point.plan.simulated else []
    told = [{"config": c.plain(), "words": c.words(), **cell, **_said(tuned, point, c)} for c, cell in cells.items()]
    return {
        **shared,
        "whole_s": round(time.perf_counter() - began),
        "winner": tuned.best.config.words(),
        "optimum": optimum.words(),
        "share": share,
        "share_low": low,
        "share_high": high,
        "measured_share": round(tuned.measured_s / grid_s, 3) if grid_s else None,
        "unbatched": point.plan.unbatched or None,
        "errors": errors(seen),
        "cells": told,
    }


def errors(seen: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """The median error of the simulator, of predicted over measured p99 and rate; None where nothing was simulated."""
    p99, rate = ([abs(pair[place] - 1) for pair in seen] for place in (0, 1))
    middle = lambda values: round(float(np.median(values)), 4) if values else None  # noqa: E731
    return {"cells": len(seen), "rate_error": middle(rate), "p99_error": middle(p99)}


def _simulated(
    bench: Workbench, point: TuningPoint, load: Load, cells: Iterable[Config], folder: Path
) -> list[tuple[float, float]]:
    """Predicted over measured p99 and rate of the cells that the simulator was not fitted to."""
    curve, base = record.load(point.run_dir, "export")["results"]["batch_curve"], point.plan.base.tidy()
    batched = [config for config in cells if config.enable_batching]
    roomy = max(batched, key=lambda c: (c.rest_api_num_threads, c.max_batch_size, -c.batch_timeout_micros))
    of = Simulated(curve, load.mix, base, roomy)
    others = [config for config in batched if config != roomy]
    for name in list(bench.benches):
        bench.end(name)
    bench.samples, bench.longest_s = ACCURATE, LONGEST_S
    return predicted_over_measured(bench, of, others, Memory(folder / "accuracy.json", SPACE), ROUNDS)


def _export(model: Path, run_dir: Path) -> None:
    rows = {"rows_file": str(model.with_suffix(".jsonl"))} if model.with_suffix(".jsonl").exists() else {}
    wishes = {"model": str(model), "model_name": model.name, **rows, "warmup_batch_sizes": [1, 8]}
    pipeline.run_stage(pipeline.Run(run_dir, ["export"], {"export": wishes}), "export")


def _tuning(bench: Workbench, point: TuningPoint, load: Any, folder: Path) -> Tuning:
    table = replace(planned(point, load, 3600.0), samples=SAMPLES, longest_s=8.0)
    bar = SimpleNamespace(update=lambda *_: None, total=1.0)
    return Tuning(bench, table, bar, Memory(folder / "grid.json", asdict(point.plan)))


def _cell(tuning: Tuning, config: Config) -> dict[str, Any]:
    """The highest rate that a configuration carries inside the limit, and its p99 there; 0 where it answers errors."""
    bench = tuning.bench
    try:
        server = bench.start("cell", config)
        closed = bench.hold(server, duration_s=1.0, arrival="closed", concurrency=16)
        guess = 0.9 * (closed["throughput_rps"] or 0.0)
        value = tuning.value(server, guess) if guess and (closed["success_rate"] or 0.0) > 0.99 else None
    except PlaybookError as error:
        return {"rate_rps": 0.0, "p99_ms": None, "error": str(error).splitlines()[0]}
    finally:
        bench.end("cell")
    if value is None:
        return {"rate_rps": 0.0, "p99_ms": None, "error": f"errors: {closed['errors_by_kind']}"}
    print(f"  {config.words()}: {value['rate_rps']:,.0f}/s", flush=True)
    # the value of a rate that kept no limit is no rate
    return {"rate_rps": value["rate_rps"] if value["kept"] else 0.0, "p99_ms": value["p99_ms"], "error": None}


def _said(tuned: Tuned, point: TuningPoint, config: Config) -> dict[str, Any]:
    """What the simulator says of a cell: its highest rate inside the limit."""
    if config.protocol not in tuned.fits:
        return {"predicted_rate_rps": None}
    path = tuned.fits[config.protocol].path
    return {"predicted_rate_rps": predict(path, config.as_simulated(), point.plan.objective.promise).rate_rps or None}


def _in_turns(
    tuning: Tuning, optimum: Config, chosen: Config, guess_rps: float
) -> tuple[float | None, float | None, float | None]:
    """The winner's rate over that of the grid's best, each on a server of its own, in turns; 1 where they are one."""
    if not guess_rps:  # no cell kept the limit
        return None, None, None
    if chosen.tidy() == optimum.tidy():
        return 1.0, None, None
    servers = [tuning.bench.start("optimum", optimum), tuning.bench.start("winner", chosen)]
    rng, rounds = np.random.default_rng(7), []
    for turn in range(TURNS):
        pair = [0.0, 0.0]
        for side in (0, 1) if turn % 2 == 0 else (1, 0):
            pair[side] = tuning.value(servers[side], guess_rps * rng.uniform(0.95, 1.06))["score"] or 0.0
        rounds.append((pair[0], pair[1]))
    return ratio(rounds)
