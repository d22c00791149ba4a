"""Fit the simulated request path to one server: its batch curve and two short probes give every cost in it.

Two saturated closed loops, one unbatched and one batched, give two sums: what a request costs alone, and what it
costs in a batch of known size. With the graph's own cost known from the batch curve, the shell around a request and
the overhead of a batch follow. The spread of the costs comes from the tail of the probes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize

from playbook.errors import ParameterError
from playbook.tuning.simulate import Outcome, Path, poisson, simulate
from playbook.tuning.space import Config

REQUESTS = 3000  # simulated for one look at a configuration
FIT_REQUESTS = 1600  # and for one step of the fit
WEIGHTS = {"throughput_rps": 4.0, "p50_ms": 2.0, "p99_ms": 1.0, "mean_batch_rows": 0.5}
STEPS = 8  # bisection steps of a rate, at most
FINE = 0.015  # width of its bracket, as a share, that is fine enough


@dataclass(frozen=True)
class Probe:
    """What a short closed loop showed on the real server."""

    config: Config
    concurrency: int
    throughput_rps: float
    p50_ms: float
    p99_ms: float
    mean_batch_rows: float | None = None  # None: not batched, or the server gives no metrics


@dataclass(frozen=True)
class Fit:
    """The path fitted to a server, and how far it is from the probes (relative errors by figure)."""

    path: Path
    errors: list[dict[str, float]]


@dataclass(frozen=True)
class Prediction:
    """What the simulator expects of a configuration at its highest rate inside the limit; 0 when there is none."""

    rate_rps: float
    p50_ms: float
    p99_ms: float
    mean_batch_rows: float
    core_ms_per_request: float


def fit(run_fixed_ms: float, run_row_ms: float, probes: Sequence[Probe], cores: float, shell_threads: int = 1) -> Fit:
    """Find the costs with which the simulator shows what the probes showed.

    Args:
        run_fixed_ms: Fixed part of one graph call, from the batch curve of export.json.
        run_row_ms: Part per row, from the same.
        probes: Closed loops, at least one batched and one not.
        cores: Cores the server may use.
        shell_threads: 1 for a server with one event loop (embedded), 0 for one thread a request.

    Raises:
        ParameterError: Probes of both kinds are needed to tell the shell's cost from the batch's.
    """
    if len({probe.config.enable_batching for probe in probes}) < 2:
        raise ParameterError("The simulator needs two probes, one with enable_batching and one without it.")
    start = _closed_form(run_fixed_ms, run_row_ms, probes, cores, shell_threads)
    names = ("shell_in_ms", "shell_out_ms", "batch_fixed_ms", "wire_ms", "run_fixed_ms", "spread")
    origin = np.log([getattr(start, name) for name in names])

    def build(point: np.ndarray) -> Path:
        bounded = np.exp(origin + np.clip(point, -2.5, 2.5))
        return replace(start, **dict(zip(names, map(float, bounded), strict=True)))

    def loss(point: np.ndarray) -> float:
        told = [_errors(build(point), probe) for probe in probes]
        misfit = sum(WEIGHTS[name] * error * error for errors in told for name, error in errors.items())
        return misfit + 0.002 * float(point @ point)

    simplex = np.vstack([np.zeros(len(names)), 0.3 * np.eye(len(names))])
    options = {"maxfev": 120, "initial_simplex": simplex, "xatol": 0.01, "fatol": 1e-4}
    found = minimize(loss, np.zeros(len(names)), method="Nelder-Mead", options=options)
    path = build(found.x)
    return Fit(path, [_errors(path, probe) for probe in probes])


def _closed_form(a: float, b: float, probes: Sequence[Probe], cores: float, shell_threads: int) -> Path:
    """First guess: at saturation a request costs cores/throughput of core time."""
    alone = next(p for p in probes if not p.config.enable_batching)
    batched = next(p for p in probes if p.config.enable_batching)
    rows = max(1.0, batched.mean_batch_rows or batched.concurrency / 2)
    cost_alone, cost_batched = 1000 * cores / alone.throughput_rps, 1000 * cores / batched.throughput_rps
    shell = max(0.2 * cost_batched, min(cost_alone - a - b, cost_batched - b - a / rows))
    overhead = max(0.02, rows * (cost_batched - shell - b) - a)
    return Path(
        run_fixed_ms=max(a, cost_alone - shell - b, 1e-3),
        run_row_ms=max(b, 1e-5),
        shell_in_ms=0.6 * shell,
        shell_out_ms=0.4 * shell,
        batch_fixed_ms=overhead,
        wire_ms=0.1,
        cores=cores,
        shell_threads=shell_threads,
        spread=0.15,
    )


def _errors(path: Path, probe: Probe) -> dict[str, float]:
    """Logarithm of simulated over measured, by figure."""
    seen = simulate(path, probe.config, concurrency=probe.concurrency, requests=FIT_REQUESTS)
    if not len(seen.latency_ms):
        return dict.fromkeys(WEIGHTS, 5.0)
    told = {"throughput_rps": seen.throughput_rps, "p50_ms": seen.percentile(50), "p99_ms": seen.percentile(99)}
    if probe.mean_batch_rows:
        told["mean_batch_rows"] = seen.mean_batch_rows
    return {name: math.log(value / getattr(probe, name)) for name, value in told.items()}


def predict(
    path: Path, config: Config, p99_limit_ms: float, max_error_share: float = 0.001, requests: int = REQUESTS
) -> Prediction:
    """The highest Poisson rate a configuration carries inside the limit, by bisection on one set of draws."""
    high = simulate(path, config, concurrency=256, requests=requests // 2).throughput_rps * 1.02
    low, kept, rate = 0.0, None, 0.95 * high
    for _ in range(STEPS):
        seen = at_rate(path, config, rate, requests)
        if seen.percentile(99) <= p99_limit_ms and seen.error_share <= max_error_share:
            low, kept = rate, seen
        else:
            high = rate
        if high <= (1 + FINE) * low:
            break
        rate = (low + high) / 2
    if kept is None:
        return Prediction(0.0, math.inf, math.inf, 0.0, math.inf)
    return Prediction(low, kept.percentile(50), kept.percentile(99), kept.mean_batch_rows, kept.core_ms_per_request)


def at_rate(path: Path, config: Config, rate_rps: float, requests: int = REQUESTS, seed: int = 0) -> Outcome:
    """What a configuration does at one Poisson rate."""
    return simulate(path, config, poisson(rate_rps, requests, seed), seed=seed)
