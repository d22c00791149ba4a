"""The simulator against the embedded server on configurations that were not probed."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from machine_pulse import Pulse
from tune_setting import Row, batch_curve, table_row, threads, workbench

from playbook.records import record
from playbook.serve.cores import split_cpus
from playbook.tfserving.config import DEFAULT, Config, expand
from playbook.tfserving.mix import Mix
from playbook.tune.fit import at_rate, fit
from playbook.tune.guess import Probe
from playbook.tune.memory import Memory
from playbook.tune.mixture import kinds_of
from playbook.tune.request_path import RequestPath
from playbook.tune.simulate import simulate
from playbook.tune.workbench import RunningServer, Workbench

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
ROUNDS, CALM = 6, 0.6  # windows of a kind, and the share of the closed loop's rate that the open ones are held at
CLIENTS, FEW = 48, 8  # of a closed loop, and of the probe that fills small batches
KEPT = (
    "throughput_rps",
    "rate_rps",
    "latency_p50_ms",
    "latency_p99_ms",
    "batch_rows",
    "client_cpu_share",
    "core_ms_per_request",
)
PIECE = "piece_us"
OF_THE_KERNEL = ("burst_ms", "slice_ms", "wake_ms")  # no costs, so the same on a slower machine


@dataclass(frozen=True)
class Simulated:
    """What is simulated: the model's batch curve, its requests, and the two configurations that are probed."""

    curve: Mapping[str, Any]
    mix: Mix = field(default_factory=Mix)
    default: Config = DEFAULT
    roomy: Config = ROOMY


def accuracy(options: argparse.Namespace) -> list[Row]:
    """The simulator against the embedded server on 20 configurations of digits that were not probed."""
    rng, space = np.random.default_rng(26), expand(HELD_OUT)
    configs = [space[i] for i in sorted(rng.choice(len(space), 20, replace=False))]
    memory = Memory(record.data_dir(options.model) / "accuracy.json", [HELD_OUT, ROUNDS, CALM, PIECE])
    with workbench(options, window_s=1.0) as bench:
        off = predicted_over_measured(bench, Simulated(batch_curve(options)), configs, memory)
    memory.finish()
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
            f"  throughput of a closed loop of {CLIENTS} on them",
            f"median {np.median(rate):.1%}, worst {rate[-1]:.1%}",
            "measured",
            f"{np.median([pair[1] for pair in off]):.3f}",
            "median within 5 %",
            np.median(rate) <= 0.05,
        ),
    ]


def predicted_over_measured(
    bench: Workbench, of: Simulated, configs: Sequence[Config], memory: Memory, rounds: int = ROUNDS
) -> list[tuple[float, float]]:
    """Predicted over measured of each configuration: p99 at CALM of what it carries, throughput of a closed loop.

    Probes and configurations are measured alike, in short windows in turns. On a shared host the machine's speed
    changes by half within seconds: each window is compared with a simulation at the speed that a Pulse saw in it, and a
    configuration is told by the median of its windows; for p99 by the calmer half of them, as other processes take the
    server's core for 4 ms once a second.
    """
    held = (of.default, of.roomy, *sorted(configs, key=threads))
    with Pulse(split_cpus()[0][0]) as pulse:
        seen = {config: _seen(bench, pulse, config, memory, rounds) for config in held}
    path, usual_us = _fitted(of, seen)
    return [_off(path, usual_us, config, *seen[config][:2]) for config in configs]


def _seen(bench: Workbench, pulse: Pulse, config: Config, memory: Memory, rounds: int) -> tuple[list[dict], ...]:
    """Windows of one configuration in turns: a closed loop, CALM of the least it carried there, one of few clients."""

    def window(server: RunningServer, **how: Any) -> dict:
        began = time.monotonic()
        row = bench.hold(server, **how)
        row["latency_p99_ms"] = row["latency_p99_ms"] or row["latency_max_ms"]  # of a second of a slow model
        return {name: row[name] for name in KEPT} | {PIECE: pulse.since(began)}

    def hold() -> list[list[dict]]:
        server = bench.bring("trial", config) if config.enable_batching else bench.start("trial", config)
        closed, opened, few = [], [], []
        for _ in range(rounds):
            closed.append(window(server, arrival="closed", concurrency=CLIENTS))
            rate = CALM * min(row["throughput_rps"] for row in closed)
            opened.append(window(server, arrival="poisson", rate_rps=round(rate, 1)))
            few.append(window(server, arrival="closed", concurrency=FEW))
        return [closed, opened, few]

    return tuple(memory.recall(config.words(), hold))


def _fitted(of: Simulated, seen: dict) -> tuple[RequestPath, float]:
    """The path fitted to the windows of the two probed, and how long the piece took at the speed it is of."""
    rows = [row for config in (of.default, of.roomy) for kind in seen[config] for row in kind]
    usual_us = _middle(rows, PIECE)
    probes = []
    for config in (of.default, of.roomy):
        kinds = (CLIENTS, 0, FEW) if config.enable_batching else (CLIENTS, 0)
        for windows, clients in zip(seen[config], kinds, strict=False):
            at_usual = [_at_usual(row, row[PIECE] / usual_us) for row in windows]
            probes.append(_as_probe(config, _calmer(at_usual) if not clients else at_usual, clients))
    line, rows_a_request = of.curve["fit"], of.mix.rows_per_request or of.mix.mean_rows
    kinds = kinds_of(of.mix, of.curve)
    return fit(line["a_ms"], line["b_ms"], probes, cores=1.0, rows=rows_a_request, kinds=kinds).path, usual_us


def _at_usual(row: dict, slower: float) -> dict:
    """A window as it would have been on a machine of the usual speed: those probed wait for nothing but work."""
    rates = {name: row[name] * slower for name in ("throughput_rps", "rate_rps") if row[name]}
    return row | rates | {name: row[name] / slower for name in KEPT if name.endswith(("_ms", "_ms_per_request"))}


def _calmer(rows: list[dict]) -> list[dict]:
    return sorted(rows, key=lambda row: row["latency_p99_ms"])[: (len(rows) + 1) // 2]


def _middle(rows: list[dict], name: str) -> float:
    return float(np.median([row[name] or 0.0 for row in rows]))


def _as_probe(config: Config, rows: list[dict], clients: int) -> Probe:
    middle = {name: _middle(rows, name) for name in KEPT}
    batch = middle["batch_rows"] if config.enable_batching else None
    p50, p99, offered = middle["latency_p50_ms"], middle["latency_p99_ms"], None if clients else middle["rate_rps"]
    client_ms = 1000 * middle["client_cpu_share"] / middle["throughput_rps"]
    core_ms = middle["core_ms_per_request"]
    return Probe(config, clients, middle["throughput_rps"], p50, p99, batch, offered, client_ms, core_ms)


def _at_speed(path: RequestPath, slower: float) -> RequestPath:
    """The path on a machine that is so much slower."""
    costs = [
        item.name
        for item in fields(path)
        if item.name.endswith("_ms") and item.name not in ("burst_ms", "slice_ms", "wake_ms")
    ]
    return replace(path, **{name: getattr(path, name) * slower for name in costs})


def _off(path: RequestPath, usual_us: float, config: Config, closed: list, opened: list) -> tuple[float, float]:
    """Predicted over measured: p99 of the open loop, throughput of the closed one."""
    rates = [
        simulate(_at_speed(path, row[PIECE] / usual_us), config, concurrency=CLIENTS, requests=20_000).throughput_rps
        / row["throughput_rps"]
        for row in closed
    ]
    p99s = [
        at_rate(_at_speed(path, row[PIECE] / usual_us), config, row["rate_rps"], requests=20_000).percentile(99)
        / row["latency_p99_ms"]
        for row in _calmer(opened)
    ]
    p99, rate = float(np.median(p99s)), float(np.median(rates))
    measured = f"p99 {_middle(opened, 'latency_p99_ms'):.2f} ms x {p99:.2f}"
    measured += f", {_middle(closed, 'throughput_rps'):,.0f}/s x {rate:.2f}"
    print(f"  {config.words()}: {measured}", file=sys.stderr)
    return p99, rate
