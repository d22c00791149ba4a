"""Tuning and adapting against what they claim. Run alone: `python tests/benchmarks/bench_tune.py [PART ...]`.

Parts: `speed` (simulated requests a second), `optimum` (simulated servers with a known optimum), `accuracy` (the
simulator against a real server on configurations it was not fitted on), `tuner` (against the committed exhaustive grid,
measured in the same session when `--grid` is given), `swaps` (live version swaps under load). All by default, but the
grid itself, which takes half an hour: `--grid RUN_DIR` measures it, resumes when killed, and writes the record.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from tune_accuracy import accuracy
from tune_grid import grid, tuner
from tune_optimum import optimum
from tune_setting import HERE, Row, table_row
from tune_swaps import swaps

from playbook.chain import pipeline
from playbook.records import record
from playbook.tfserving.config import DEFAULT, Config
from playbook.tune.request_path import RequestPath
from playbook.tune.simulate import poisson, simulate


def speed(_: argparse.Namespace) -> list[Row]:
    """Simulated requests a second of real time: three kinds of configuration in turns, the slowest one's median."""
    path = RequestPath(0.08, 0.004, 0.04, 0.02, batch_fixed_ms=0.05)
    batched = Config(enable_batching=True, max_batch_size=32, rest_api_num_threads=65, max_enqueued_batches=1000)
    configs, arrivals = (DEFAULT, batched, replace(batched, batch_timeout_micros=2000)), {}
    for config in configs:
        arrivals[config] = poisson(0.9 * simulate(path, config, concurrency=32).throughput_rps, 50_000)
    taken_s = [[_seconds(lambda c=config: simulate(path, c, arrivals[c])) for config in configs] for _ in range(9)]
    rate = 50_000 / max(np.median(taken_s, axis=0))
    return [table_row("simulator, requests/s", f"{rate:,.0f}", "–", "–", ">= 100,000", rate >= 100_000)]


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


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
    options.model = Path(options.model).resolve()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that every `with` ends the servers it started
    exported(options.model)
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
