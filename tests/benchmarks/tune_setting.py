"""What the tuning benchmarks share: the space, the servers they run on, and a row of their table."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from playbook.promise import Promise
from playbook.records import record
from playbook.serve.cores import split_cpus
from playbook.serve.spec import ServerSpec
from playbook.stress.load import Load
from playbook.tfserving.config import Config
from playbook.tune.memory import Memory
from playbook.tune.objective import Objective
from playbook.tune.plan import TuningPlan
from playbook.tune.steps import Tuning
from playbook.tune.timetable import timetable
from playbook.tune.timing import Timing
from playbook.tune.workbench import RunningServer, Workbench

HERE = Path(__file__).parent
LIMIT = Promise(50.0)
GRID = {
    "enable_batching": [True],
    "max_batch_size": [8, 16, 32, 64],
    "batch_timeout_micros": [0, 1000, 2000, 5000],
    "max_enqueued_batches": [1000],
    "num_batch_threads": [1, 2],
    "rest_api_num_threads": [0, 17, 65],
}
REFERENCE = Config(
    enable_batching=True, max_batch_size=32, max_enqueued_batches=1000, num_batch_threads=1, rest_api_num_threads=65
)
Row = tuple[str, str, str, str, str, str]


def workbench(options: argparse.Namespace, window_s: float) -> Workbench:
    """A workbench on the model of a run folder (exported by `10_export`)."""
    run = options.model
    exported = record.load(run, "export")["results"]
    server, client = split_cpus()
    spec = ServerSpec(exported["model_name"], (run / exported["base_path"]).resolve(), cpus=server)
    return Workbench(spec, run, Load(duration_s=window_s, ramp_up_s=0.2, client_cpus=client))


def tuning_on(bench: Workbench, folder: Path, plan: TuningPlan | None = None) -> Tuning:
    plan = plan or TuningPlan(GRID, Objective(LIMIT, windows=4))
    table = timetable(plan, bench.load, Timing(1.0, 1, 5.0), budget_s=3600.0)  # a time that nothing is cut for
    bar = SimpleNamespace(update=lambda *_: None, total=1.0)
    return Tuning(bench, table, bar, Memory(folder / "memory.json", "bench"))


def batch_curve(options: argparse.Namespace) -> dict:
    return record.load(options.model, "export")["results"]["batch_curve"]


def threads(config: Config) -> tuple:
    return config.rest_api_num_threads, config.num_batch_threads, config.max_batch_size


def table_row(figure: str, measured: str, peer: str, ratio: str, target: str, met: bool) -> Row:
    return figure, measured, peer, ratio, target, "yes" if met else "no"


def closed_rps(bench: Workbench, server: RunningServer, window_s: float = 0.5) -> float:
    """Throughput of a closed loop of 48, in a short window."""
    whole, bench.load = bench.load, replace(bench.load, duration_s=window_s)
    try:
        return bench.hold(server, arrival="closed", concurrency=48)["throughput_rps"]
    finally:
        bench.load = whole
