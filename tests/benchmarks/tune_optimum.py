"""The tuner on simulated servers whose optimum is known, each seed another server, measured with noise."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from tune_setting import GRID, Row, table_row

from playbook.promise import Promise
from playbook.tfserving.config import DEFAULT, Config, expand
from playbook.tune.fit import at_rate, fit, predict
from playbook.tune.guess import Probe
from playbook.tune.request_path import RequestPath
from playbook.tune.search import Budget, frontier, search
from playbook.tune.simulate import simulate


def optimum(options: argparse.Namespace) -> list[Row]:
    """The tuner on simulated servers whose optimum is known, each seed another server, measured with noise."""
    with ProcessPoolExecutor() as pool:
        shares, used = zip(*pool.map(_one_optimum, range(options.seeds)), strict=True)
    good, need = sum(share >= 0.97 for share in shares), math.ceil(0.95 * options.seeds)
    told = f"{good} of {options.seeds} seeds, worst {min(shares):.3f}"
    return [
        table_row(
            "tuner on servers with a known optimum, >= 97 % of it",
            told,
            "the optimum",
            f"{np.mean(shares):.3f}",
            f">= {need} seeds",
            good >= need,
        ),
        table_row(
            "  configurations it measured", f"{np.mean(used):.1%}", "the whole space", f"{np.mean(used):.3f}", "–", True
        ),
    ]


def _one_optimum(seed: int) -> tuple[float, float]:
    """Share of the optimum the tuner reaches on one simulated server, and the share of the space it measured."""
    rng = np.random.default_rng(seed)
    low, high = np.array([0.03, 0.001, 0.02, 0.01, 0.02, 0.01]), np.array([0.6, 0.02, 0.15, 0.06, 0.2, 0.1])
    *costs, turn_ms = np.exp(rng.uniform(np.log(low), np.log(high))).tolist()
    server = RequestPath(
        *costs, turn_ms=turn_ms, spread=float(rng.uniform(0.05, 0.4)), wire_ms=float(rng.uniform(0.03, 0.2))
    )
    limit = Promise(float(np.exp(rng.uniform(np.log(5.0), np.log(100.0)))))
    space = {
        **GRID,
        "enable_batching": [False, True],
        "max_batch_size": [8, 32, 64],
        "batch_timeout_micros": [0, 1000, 5000],
    }
    configs = expand(space)
    truth = {c: predict(server, c, limit, requests=1500).rate_rps for c in configs}
    roomy = Config.of({**{n: v[-1] for n, v in space.items()}, "batch_timeout_micros": 0, "num_batch_threads": 1})
    curve = server.run_fixed_ms * rng.uniform(0.7, 1.3), server.run_row_ms * rng.uniform(0.7, 1.3)
    probes = [p for c in (DEFAULT, roomy) for p in _simulated_probes(server, c, rng)]
    fitted = fit(*curve, probes, cores=1.0).path
    said = {c: predict(fitted, c, limit, requests=1500) for c in configs}
    first = frontier({c: (p.rate_rps, p.mean_batch_rows, min(p.p50_ms, 1e9)) for c, p in said.items()}, 6)
    noisy: Callable = lambda c: {"score": truth[c] * float(rng.normal(1.0, 0.01))}  # noqa: E731
    found = search(space, noisy, first=[DEFAULT, *first], budget=Budget(trials=8), seed=seed)
    best = max(truth.values())
    return (truth[found.best.config] / best if best else 1.0), len(found.trials) / len(configs)


def _simulated_probes(server: RequestPath, config: Config, rng: np.random.Generator) -> list[Probe]:
    """What closed loops and a calm open one show of a simulated server, measured with noise."""
    full = simulate(server, config, concurrency=32, requests=6000, seed=99)
    rate, probes = (0.7 if config.enable_batching else 0.5) * full.throughput_rps, []
    few = [(simulate(server, config, concurrency=5, requests=6000, seed=97), 5, None)] if config.enable_batching else []
    for seen, clients, offered in ((full, 32, None), (at_rate(server, config, rate, 6000, seed=98), 0, rate), *few):
        noise = rng.normal(1.0, 0.02, 3)
        rows = seen.mean_batch_rows if config.enable_batching else None
        p50, p99 = seen.percentile(50) * noise[1], seen.percentile(99) * noise[2]
        probes.append(Probe(config, clients, seen.throughput_rps * noise[0], p50, p99, rows, offered))
    return probes
