"""The simulator against the embedded server on configurations that were not probed."""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields, replace

import numpy as np
from tune_setting import REFERENCE, Row, batch_curve, closed_rps, table_row, threads, workbench

from playbook import record
from playbook.tuning.costs import Path as RequestPath
from playbook.tuning.fit import Probe, at_rate, fit
from playbook.tuning.memory import Memory
from playbook.tuning.simulate import simulate
from playbook.tuning.space import DEFAULT, Config, expand
from playbook.tuning.workbench import Workbench

HELD_OUT = {
    "enable_batching": [True],
    "max_batch_size": [8, 24, 48, 96, 128],
    "batch_timeout_micros": [0, 1500, 3000, 8000],
    "max_enqueued_batches": [1000],
    "num_batch_threads": [1, 2],
    "rest_api_num_threads": [33, 65],
}
ROOMY = Config(
    enable_batching=True, max_batch_size=64, max_enqueued_batches=1000, num_batch_threads=1, rest_api_num_threads=65
)
ROUNDS, CALM = 6, 0.6  # of the accuracy part: windows in turns, and the share of the closed loop's rate


def accuracy(options: argparse.Namespace) -> list[Row]:
    """The simulator against the embedded server on 20 configurations that were not probed, at CALM of what they carry.

    Probes and configurations are measured alike, in ROUNDS short windows in turns: the median of the throughputs,
    and of the p99 the median of the calmer half, as other processes take the server's core for 4 ms once a second.
    The machine's speed drifts by a quarter within minutes: a server that never changes is measured beside each
    configuration, and the predicted costs are divided by how much faster it was than beside the probes.
    """
    rng, space = np.random.default_rng(26), expand(HELD_OUT)
    configs = [space[i] for i in sorted(rng.choice(len(space), 20, replace=False))]
    plan = [HELD_OUT, ROUNDS, CALM, "core_ms_per_request"]
    memory = Memory(record.data_dir(options.model) / "accuracy.json", plan)
    with workbench(options, window_s=1.0) as bench:
        seen = {c: _seen(bench, c, memory) for c in (DEFAULT, ROOMY, *sorted(configs, key=threads))}
    memory.finish()
    curve = batch_curve(options)["fit"]
    probes, speeds = [p for c in (DEFAULT, ROOMY) for p in seen[c][:2]], [seen[c][2] for c in (DEFAULT, ROOMY)]
    path = fit(curve["a_ms"], curve["b_ms"], probes, cores=1.0).path
    off = [_off(_at_speed(path, seen[c][2] / float(np.median(speeds))), *seen[c][:2]) for c in configs]
    p99, rate = (sorted(abs(pair[i] - 1) for pair in off) for i in (0, 1))
    return [
        table_row(
            f"simulator, p99 at {CALM:.0%} of their rate of 20 held-out configurations",
            f"median {np.median(p99):.1%}, worst {p99[-1]:.1%}",
            "measured",
            f"{np.median([pair[0] for pair in off]):.3f}",
            "median within 15 %",
            np.median(p99) <= 0.15,
        ),
        table_row(
            "  throughput of a closed loop of 48 on them",
            f"median {np.median(rate):.1%}, worst {rate[-1]:.1%}",
            "measured",
            f"{np.median([pair[1] for pair in off]):.3f}",
            "median within 5 %",
            np.median(rate) <= 0.05,
        ),
    ]


def _seen(bench: Workbench, config: Config, memory: Memory) -> tuple[Probe, Probe, float]:
    """One configuration in a closed loop and at CALM of what it carried there, in turns with a server that never
    changes (REFERENCE), whose throughput is the third value."""

    def hold() -> list[list]:
        reference = bench.benches.get("reference") or bench.start("reference", REFERENCE)
        server = bench.start("trial", DEFAULT) if config == DEFAULT else bench.bring("trial", config)
        closed, opened, beside = [], [], []
        for _ in range(ROUNDS):
            beside.append(closed_rps(bench, reference))
            closed.append(_kept(bench.hold(server, arrival="closed", concurrency=48)))
            rate = CALM * float(np.median([row["throughput_rps"] for row in closed]))
            opened.append(_kept(bench.hold(server, arrival="poisson", rate_rps=round(rate, 1))))
        return [closed, opened, beside]

    closed, opened, beside = memory.recall(config.words(), hold)
    calmer = sorted(row["latency_p99_ms"] for row in opened)[: (ROUNDS + 1) // 2]
    opened = [row | {"latency_p99_ms": float(np.median(calmer))} for row in opened]
    return _as_probe(config, closed, 48), _as_probe(config, opened, 0), float(np.median(beside))


def _at_speed(path: RequestPath, faster: float) -> RequestPath:
    """The path on a machine that is so much faster."""
    costs = [
        item.name for item in fields(path) if item.name.endswith("_ms") and item.name not in ("burst_ms", "slice_ms")
    ]
    return replace(path, **{name: getattr(path, name) / faster for name in costs})


def _as_probe(config: Config, rows: list[dict], clients: int) -> Probe:
    middle = {name: float(np.median([row[name] or 0.0 for row in rows])) for name in rows[0]}
    batch = middle["batch_rows"] if config.enable_batching else None
    p50, p99, offered = middle["latency_p50_ms"], middle["latency_p99_ms"], None if clients else middle["rate_rps"]
    client_ms = 1000 * middle["client_cpu_share"] / middle["throughput_rps"]
    core_ms = middle["core_ms_per_request"]
    return Probe(config, clients, middle["throughput_rps"], p50, p99, batch, offered, client_ms, core_ms)


def _kept(row: dict) -> dict:
    names = ("throughput_rps", "rate_rps", "latency_p50_ms", "latency_p99_ms", "batch_rows", "client_cpu_share")
    names += ("core_ms_per_request",)
    return {name: row[name] for name in names}


def _off(path: RequestPath, closed: Probe, opened: Probe) -> tuple[float, float]:
    """Predicted over measured: p99 of the open loop, throughput of the closed one."""
    config = closed.config
    said = at_rate(path, config, opened.rate_rps, requests=20_000)
    full = simulate(path, config, concurrency=48, requests=20_000).throughput_rps
    p99, rate = said.percentile(99) / opened.p99_ms, full / closed.throughput_rps
    measured = f"p99 {opened.p99_ms:.2f} ms x {p99:.2f}, {closed.throughput_rps:,.0f}/s x {rate:.2f}"
    print(f"  {config.words()}: {measured}", file=sys.stderr)
    return p99, rate
