"""Tuning and adapting against what they claim. Run alone: `python tests/benchmarks/bench_tune.py [PART ...]`.

Parts: `speed` (simulated requests a second), `optimum` (simulated servers with a known optimum), `accuracy` (the
simulator against a real server on configurations it was not fitted on), `tuner` (against the committed exhaustive grid,
measured in the same session when `--grid` is given), `swaps` (live version swaps under load). All by default, but the
grid itself, which takes half an hour: `--grid RUN_DIR` measures it, resumes when killed, and writes the record.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np

import loadgen
from playbook import pipeline, record
from playbook.adapting.demonstration import by_second
from playbook.adapting.versions import prune
from playbook.serving.spec import ServerSpec, split_cpus
from playbook.stress import Load, level_of
from playbook.tuning.fit import Probe, at_rate, fit, predict
from playbook.tuning.memory import Memory
from playbook.tuning.objective import Objective
from playbook.tuning.rates import Limit
from playbook.tuning.search import Budget, frontier, search
from playbook.tuning.simulate import Path as RequestPath
from playbook.tuning.simulate import poisson, simulate
from playbook.tuning.space import DEFAULT, Config, expand
from playbook.tuning.steps import Plan, Tuning
from playbook.tuning.workbench import Workbench

HERE = Path(__file__).parent
RECORD = HERE / "records" / "tune_grid.json"
LIMIT = Limit(50.0)
GRID = {
    "enable_batching": [True],
    "max_batch_size": [8, 16, 32, 64],
    "batch_timeout_micros": [0, 1000, 2000, 5000],
    "max_enqueued_batches": [1000],
    "num_batch_threads": [1, 2],
    "rest_api_num_threads": [0, 17, 65],
}
HELD_OUT = {
    "enable_batching": [True],
    "max_batch_size": [8, 24, 48, 96, 128],
    "batch_timeout_micros": [0, 1500, 3000, 8000],
    "max_enqueued_batches": [1000],
    "num_batch_threads": [1, 2],
    "rest_api_num_threads": [33, 65],
}
Row = tuple[str, str, str, str, str, str]


def speed(_: argparse.Namespace) -> list[Row]:
    """Simulated requests a second of real time, the slowest of three kinds of configuration."""
    path = RequestPath(0.08, 0.004, 0.04, 0.02, batch_fixed_ms=0.05)
    batched = Config(enable_batching=True, max_batch_size=32, rest_api_num_threads=65, max_enqueued_batches=1000)
    rates = []
    for config in (DEFAULT, batched, replace(batched, batch_timeout_micros=2000)):
        arrivals = poisson(0.9 * simulate(path, config, concurrency=32).throughput_rps, 50_000)
        rates.append(50_000 / min(_seconds(lambda c=config, a=arrivals: simulate(path, c, a)) for _ in range(3)))
    return [_row("simulator, requests/s", f"{min(rates):,.0f}", "–", "–", ">= 100,000", min(rates) >= 100_000)]


def optimum(options: argparse.Namespace) -> list[Row]:
    """The tuner on simulated servers whose optimum is known, each seed another server, measured with noise."""
    shares, used = zip(*(_one_optimum(seed) for seed in range(options.seeds)), strict=True)
    good, need = sum(share >= 0.97 for share in shares), math.ceil(0.95 * options.seeds)
    told = f"{good} of {options.seeds} seeds, worst {min(shares):.3f}"
    return [
        _row(
            "tuner on servers with a known optimum, >= 97 % of it",
            told,
            "the optimum",
            f"{np.mean(shares):.3f}",
            f">= {need} seeds",
            good >= need,
        ),
        _row(
            "  configurations it measured", f"{np.mean(used):.1%}", "the whole space", f"{np.mean(used):.3f}", "–", True
        ),
    ]


def _one_optimum(seed: int) -> tuple[float, float]:
    """Share of the optimum the tuner reaches on one simulated server, and the share of the space it measured."""
    rng = np.random.default_rng(seed)
    low, high = np.array([0.03, 0.001, 0.02, 0.01, 0.02]), np.array([0.6, 0.02, 0.15, 0.06, 0.2])
    costs = np.exp(rng.uniform(np.log(low), np.log(high)))
    server = RequestPath(*costs.tolist(), spread=float(rng.uniform(0.05, 0.4)), wire_ms=float(rng.uniform(0.03, 0.2)))
    limit = Limit(float(np.exp(rng.uniform(np.log(5.0), np.log(100.0)))))
    space = {
        **GRID,
        "enable_batching": [False, True],
        "max_batch_size": [8, 32, 64],
        "batch_timeout_micros": [0, 1000, 5000],
    }
    configs = expand(space)
    truth = {c: predict(server, c, limit.p99_ms, requests=1500).rate_rps for c in configs}
    roomy = Config.of({**{n: v[-1] for n, v in space.items()}, "batch_timeout_micros": 0, "num_batch_threads": 1})
    curve = server.run_fixed_ms * rng.uniform(0.7, 1.3), server.run_row_ms * rng.uniform(0.7, 1.3)
    probes = [_simulated_probe(server, c, rng) for c in (DEFAULT, roomy)]
    fitted = fit(*curve, probes, cores=1.0).path
    said = {c: predict(fitted, c, limit.p99_ms, requests=1500) for c in configs}
    first = frontier({c: (p.rate_rps, p.mean_batch_rows, min(p.p50_ms, 1e9)) for c, p in said.items()}, 6)
    noisy: Callable = lambda c: {"score": truth[c] * float(rng.normal(1.0, 0.01))}  # noqa: E731
    found = search(space, noisy, first=[DEFAULT, *first], budget=Budget(trials=8), seed=seed)
    best = max(truth.values())
    return (truth[found.best.config] / best if best else 1.0), len(found.trials) / len(configs)


def _simulated_probe(server: RequestPath, config: Config, rng: np.random.Generator) -> Probe:
    seen = simulate(server, config, concurrency=32, requests=6000, seed=99)
    noise = rng.normal(1.0, 0.02, 3)
    rows = seen.mean_batch_rows if config.enable_batching else None
    return Probe(
        config, 32, seen.throughput_rps * noise[0], seen.percentile(50) * noise[1], seen.percentile(99) * noise[2], rows
    )


def accuracy(options: argparse.Namespace) -> list[Row]:
    """The simulator against the embedded server on 20 configurations that were not probed, at 70 % of their rate."""
    rng = np.random.default_rng(20)
    configs = [expand(HELD_OUT)[i] for i in sorted(rng.choice(len(expand(HELD_OUT)), 20, replace=False))]
    with _bench(options, window_s=3.0) as bench, tempfile.TemporaryDirectory() as folder:
        tuning = _tuning(bench, Path(folder))
        tuning.probe("default", DEFAULT)
        path = tuning.fit(_curve(options)).path
        bench.end("default")
        off = [_compare(bench, path, config) for config in sorted(configs, key=_threads)]
    p99, rate = (sorted(abs(pair[i] - 1) for pair in off) for i in (0, 1))
    return [
        _row(
            "simulator, p99 on 20 held-out configurations",
            f"median {np.median(p99):.1%}, worst {p99[-1]:.1%}",
            "measured",
            f"{1 + np.median(p99):.3f}",
            "within 15 %",
            p99[-1] <= 0.15,
        ),
        _row(
            "simulator, throughput on them",
            f"median {np.median(rate):.1%}, worst {rate[-1]:.1%}",
            "measured",
            f"{1 + np.median(rate):.3f}",
            "within 5 %",
            rate[-1] <= 0.05,
        ),
    ]


def _compare(bench: Workbench, path: RequestPath, config: Config) -> tuple[float, float]:
    """Predicted over measured: p99 at 70 % of the predicted rate, and throughput of a closed loop of 48."""
    server = bench.bring("trial", config)
    rate = 0.7 * predict(path, config, LIMIT.p99_ms).rate_rps
    opened = bench.hold(server, arrival="poisson", rate_rps=round(rate, 1))
    closed = bench.hold(server, arrival="closed", concurrency=48)
    p99 = at_rate(path, config, rate, requests=20_000).percentile(99) / opened["latency_p99_ms"]
    full = simulate(path, config, concurrency=48, requests=20_000).throughput_rps / closed["throughput_rps"]
    measured = f"p99 {opened['latency_p99_ms']:.2f} ms x {p99:.2f}, {closed['throughput_rps']:,.0f}/s x {full:.2f}"
    print(f"  {config.words()}: {measured}", file=sys.stderr)
    return p99, full


def grid(options: argparse.Namespace) -> list[Row]:
    """Measure all configurations of the grid in full and write the record; goes on where it was killed."""
    run, configs = Path(options.grid), expand(GRID)
    memory = Memory(record.data_dir(run) / "grid.json", [GRID, LIMIT.p99_ms, options.model])
    until = time.monotonic() + 60 * options.minutes
    with _bench(options, window_s=1.5) as bench, tempfile.TemporaryDirectory() as folder:
        tuning = _tuning(bench, Path(folder))
        tuning.known, tuning.predicted = {}, {}
        probe = memory.recall(
            "probe", lambda: bench.hold(tuning.plain_default(), arrival="closed", concurrency=32)["throughput_rps"]
        )
        for config in [DEFAULT, *sorted(configs, key=_threads)]:
            if time.monotonic() > until:
                break
            memory.recall(config.words(), lambda c=config: _grid_cell(tuning, c, probe))
    done = [memory.known(c.words()) for c in [DEFAULT, *configs]]
    print(f"  {sum(told is not None for told in done)} of {len(done)} measured")
    if all(done):
        told = {"grid": GRID, "limit_ms": LIMIT.p99_ms, "environment": record.environment(), "cells": []}
        told["cells"] = [
            {"config": c.plain(), "words": c.words(), **d} for c, d in zip([DEFAULT, *configs], done, strict=True)
        ]
        RECORD.parent.mkdir(exist_ok=True)
        RECORD.write_text(json.dumps(told, indent=1) + "\n")
    return []


def _grid_cell(tuning: Tuning, config: Config, probe_rps: float) -> dict:
    before = tuning.bench.measured_s
    server = tuning.plain_default() if config == DEFAULT else tuning.bench.bring("trial", config)
    sat = tuning.bench.hold(server, arrival="closed", concurrency=48)["throughput_rps"]
    told = tuning.value(server, 0.95 * sat)
    print(f"  {config.words()}: {told['rate_rps']:,.0f}/s")
    return {name: told[name] for name in ("rate_rps", "p99_ms", "valid", "windows")} | {
        "measured_s": tuning.bench.measured_s - before
    }


def tuner(options: argparse.Namespace) -> list[Row]:
    """The tuner on the grid's space against the exhaustive record: what it reaches, and at what expense."""
    if not RECORD.exists():
        return [_row("tuner against the exhaustive grid", "no record; run --grid RUN_DIR first", "–", "–", "–", False)]
    told = json.loads(RECORD.read_text())
    cells = {Config.of(cell["config"]): cell for cell in told["cells"]}
    plan = Plan(GRID, Objective(LIMIT, windows=4), budget=Budget(trials=8), frontier=5, repeats=0, ablation=0)
    with _bench(options, window_s=1.5) as bench, tempfile.TemporaryDirectory() as folder:
        tuning = _tuning(bench, Path(folder), plan)
        tuning.default()
        tuning.fit(_curve(options))
        tuning.predict(expand(GRID))
        first = frontier({c: tuning.behaviour(c) for c in expand(GRID)}, plan.frontier)
        found = search(GRID, tuning.measure, first=[DEFAULT, *first], budget=plan.budget)
        spent = bench.measured_s
    best = max(cell["rate_rps"] for cell in cells.values())
    share, cost = cells[found.best.config]["rate_rps"] / best, spent / sum(c["measured_s"] for c in cells.values())
    gain = found.best.score / tuning.known[DEFAULT]["score"]
    return [
        _row(
            "tuner, share of the exhaustive optimum",
            f"{cells[found.best.config]['rate_rps']:,.0f}/s",
            f"{best:,.0f}/s",
            f"{share:.3f}",
            ">= 0.97",
            share >= 0.97,
        ),
        _row(
            f"  of the measuring time of {len(cells)} configurations",
            f"{spent:.0f} s",
            "grid",
            f"{cost:.3f}",
            "<= 0.10",
            cost <= 0.10,
        ),
        _row(
            "tuned over default flags, inside 50 ms",
            f"{found.best.score:,.0f}/s",
            f"{tuning.known[DEFAULT]['score']:,.0f}/s",
            f"{gain:.2f}",
            ">= 4",
            gain >= 4,
        ),
    ]


def swaps(options: argparse.Namespace) -> list[Row]:
    """Live version swaps under load: failed requests, and the slowest request while they went on."""
    sizes, stop = [16, 32, 64], threading.Event()
    base = Config(
        enable_batching=True, max_batch_size=32, max_enqueued_batches=1000, num_batch_threads=1, rest_api_num_threads=65
    )
    with _bench(options, window_s=1.0) as bench, ThreadPoolExecutor(1) as pool:
        server = bench.bring("trial", base)
        rate = 0.4 * bench.hold(server, arrival="closed", concurrency=32)["throughput_rps"]
        load = replace(bench.load, duration_s=options.swaps * 1.5, ramp_up_s=1.0)
        level = level_of(server.handle, load, bench.bodies("rest"), arrival="poisson", rate_rps=round(rate, 1))
        played = pool.submit(loadgen.hold, level, bench.folder / "swaps")
        done = 0
        while done < options.swaps and not played.done():
            server = bench.bring("trial", replace(base, max_batch_size=sizes[done % 3]))
            prune(server.base_path, keep=2)
            done += 1
        stop.set()
        summary = played.result()
        seconds = by_second(bench.folder / "swaps" / "requests.parquet", LIMIT)
    slow = summary["latency_ms"]["max"]
    return [
        _row(
            f"{done} live swaps at {rate:,.0f}/s, failed requests",
            str(summary["errors"]),
            "–",
            "–",
            "0 of 200 swaps",
            summary["errors"] == 0 and done >= options.swaps,
        ),
        _row(
            "  slowest request, ms (p99 " + f"{summary['latency_ms']['p99']:.1f})",
            f"{slow:.1f}",
            "50 ms",
            f"{slow / 50:.2f}",
            "<= 50 ms",
            slow <= 50,
        ),
        _row(
            "  seconds inside the SLO",
            f"{int(seconds['kept'].sum())} of {len(seconds)}",
            "–",
            "–",
            "all",
            bool(seconds["kept"].all()),
        ),
    ]


def _bench(options: argparse.Namespace, window_s: float) -> Workbench:
    """A workbench on the model of a run folder (exported by `10_export`)."""
    run = Path(options.model)
    exported = record.load(run, "export")["results"]
    server, client = split_cpus()
    spec = ServerSpec(exported["model_name"], (run / exported["base_path"]).resolve(), cpus=server)
    return Workbench(spec, run, Load(duration_s=window_s, ramp_up_s=0.3, client_cpus=client))


def _tuning(bench: Workbench, folder: Path, plan: Plan | None = None) -> Tuning:
    plan = plan or Plan(GRID, Objective(LIMIT, windows=4))
    return Tuning(bench, plan, SimpleNamespace(update=lambda *_: None), Memory(folder / "memory.json", "bench"))


def _curve(options: argparse.Namespace) -> dict:
    return record.load(Path(options.model), "export")["results"]["batch_curve"]


def _threads(config: Config) -> tuple:
    return config.rest_api_num_threads, config.num_batch_threads, config.max_batch_size


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _row(figure: str, measured: str, peer: str, ratio: str, target: str, met: bool) -> Row:
    return figure, measured, peer, ratio, target, "yes" if met else "no"


PARTS = {"speed": speed, "optimum": optimum, "accuracy": accuracy, "tuner": tuner, "swaps": swaps}


def exported(run: Path) -> None:
    """Export the default model into the run folder when nothing has been exported there yet."""
    if not record.has(run, "export"):
        run.mkdir(parents=True, exist_ok=True)
        pipeline.run_stage(pipeline.Run(run, ["export"], {"export": {}}), "export")


def main() -> None:
    """Run the parts asked for and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    parser.add_argument(
        "--model", default=str(HERE.parents[1] / "outputs" / "dev"), help="run folder with an export.json"
    )
    parser.add_argument("--seeds", type=int, default=20, help="simulated servers; 100 for the full proof")
    parser.add_argument("--swaps", type=int, default=200)
    parser.add_argument("--grid", metavar="RUN_DIR", help="measure the exhaustive grid and keep it there")
    parser.add_argument("--minutes", type=float, default=1e9, help="stop the grid after so long; it can be resumed")
    options = parser.parse_args()
    exported(Path(options.model))
    if options.grid:
        grid(options)
        return
    print("| figure | measured | peer | ratio | target | met |\n| --- | --- | --- | --- | --- | --- |")
    missed = False
    for part in options.parts or PARTS:
        for row in PARTS[part](options):
            print(f"| {' | '.join(row)} |", flush=True)
            missed |= row[-1] == "no"
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
