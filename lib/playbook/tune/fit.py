"""Fit the simulated request path to one server: its batch curve and two short probes give every cost in it.

A probe is one configuration, one unbatched and one batched, in a saturated closed loop and in an open one. The two
closed loops give what a request costs alone and what it costs in a batch of known size. The open ones give what is
paid when there is little to do: a turn of the event loop for every request, and caches lost while a core rested.
A third closed loop, of few clients, fills small batches: what tells a cost of each request from one of each batch is
the core time of one request at two batch sizes. With one size both show the same figures, and small batches are then
predicted wrongly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import minimize

from playbook.errors import ParameterError
from playbook.promise import Promise
from playbook.tfserving.config import Config
from playbook.tune.guess import READING, Probe, guesses, most_row_ms
from playbook.tune.request_path import LOOK_MS, Kind, RequestPath
from playbook.tune.simulate import Outcome, poisson, simulate

REQUESTS = 3000  # simulated for one look at a configuration
FIT_REQUESTS = 2000  # and for one step of the fit
FIT_STEPS = 100
WEIGHTS = {"throughput_rps": 12.0, "core_ms": 12.0, "p50_ms": 4.0, "p99_ms": 0.7, "mean_batch_rows": 2.0}
FITTED = ("shell", "batch_fixed_ms", "run_fixed_ms", "turn_ms", "cold_ms", "burst_ms", "spread")
DOUBT = 0.2  # a figure of a probe may be off by this share; what is further off weighs less than squared
STEPS = 8  # bisection steps of a rate, at most
FINE = 0.015  # width of its bracket, as a share, that is fine enough


@dataclass(frozen=True)
class Fit:
    """The path fitted to a server, and how far it is from the probes (log of simulated over measured, by figure)."""

    path: RequestPath
    errors: list[dict[str, float]]


@dataclass(frozen=True)
class Prediction:
    """What the simulator expects of a configuration at its highest rate inside the limit.

    Where there is none, rate and rows are 0 and latencies and core time infinite.
    """

    rate_rps: float
    p50_ms: float
    p99_ms: float
    mean_batch_rows: float
    core_ms_per_request: float


def fit(
    run_fixed_ms: float,
    run_row_ms: float,
    probes: Sequence[Probe],
    cores: float,
    shell_threads: int = 1,
    rows: float = 1,
    batch_wakeup: str = "fast",
    kinds: Sequence[Kind] = (),
) -> Fit:
    """Find the costs with which the simulator shows what the probes showed.

    Args:
        run_fixed_ms: Fixed part of one graph call, from the batch curve of export.json.
        run_row_ms: Part per row, from the same.
        probes: Closed loops, at least one batched and one not, and open ones where there are any.
        cores: Cores the server may use.
        shell_threads: 1 for a server with one event loop (embedded), 0 for one thread a request.
        rows: Of each request of the probes; of a mix, their mean.
        batch_wakeup: When idle batch threads look for work, as the embedded server's flag says it: `tensorflow` for
            TensorFlow Serving itself.
        kinds: Of requests, where they differ.

    Raises:
        ParameterError: Probes of both kinds are needed to tell the shell's cost from the batch's.
    """
    if len({probe.config.enable_batching for probe in probes if not probe.rate_rps}) < 2:
        raise ParameterError("The simulator needs two probes, one with enable_batching and one without it.")
    shared: dict[str, Any] = {"cores": cores, "shell_threads": shell_threads, "rows": rows, "kinds": tuple(kinds)}
    bare = RequestPath(run_fixed_ms, run_row_ms, 0.0, 0.0, look_ms=LOOK_MS[batch_wakeup], **shared)
    bare = replace(bare, run_row_ms=min(run_row_ms, most_row_ms(bare, probes)))
    path = _refined(_nearest(guesses(bare, probes), probes), _fitted(probes, shell_threads), probes)
    return Fit(path, [_errors(path, probe) for probe in probes])


def _fitted(probes: Sequence[Probe], shell_threads: int) -> list[str]:
    """The costs these probes can tell: without an open one nothing is known of turns and of cold cores."""
    unknown = set() if any(probe.rate_rps for probe in probes) else {"turn_ms", "cold_ms"}
    unknown |= set() if shell_threads else {"turn_ms", "burst_ms"}
    return [name for name in FITTED if name not in unknown]


def _read(path: RequestPath, name: str) -> float:
    return path.shell_in_ms + path.shell_out_ms if name == "shell" else getattr(path, name)


def _doubted(error: float) -> float:
    """Half squared, half linear: one disturbed window must not bend the fit (a pseudo-Huber loss)."""
    return 2 * DOUBT * DOUBT * (math.sqrt(1 + (error / DOUBT) ** 2) - 1)


def _refined(start: RequestPath, names: Sequence[str], probes: Sequence[Probe]) -> RequestPath:
    """The path near `start` that shows best what the probes showed (Nelder and Mead, on logarithms)."""
    origin = np.log([_read(start, name) for name in names])

    def build(point: np.ndarray) -> RequestPath:
        bounded = np.exp(origin + np.clip(point, -2.0, 2.0))
        values: dict[str, Any] = dict(zip(names, map(float, bounded), strict=True))
        shell = values.pop("shell")
        return replace(start, shell_in_ms=READING * shell, shell_out_ms=(1 - READING) * shell, **values)

    def loss(point: np.ndarray) -> float:
        return _misfit(build(point), probes) + 0.004 * float(point @ point)

    simplex = np.vstack([np.zeros(len(names)), 0.4 * np.eye(len(names))])
    options = {"maxfev": FIT_STEPS, "initial_simplex": simplex, "xatol": 0.01, "fatol": 1e-4}
    least = minimize(loss, np.zeros(len(names)), method="Nelder-Mead", options=options)
    return build(least.x)


def _nearest(paths: Sequence[RequestPath], probes: Sequence[Probe]) -> RequestPath:
    """The path that is the least off; one that is off by more than the best so far is followed no further."""
    nearest, least = paths[0], math.inf
    for path in paths:
        if (misfit := _misfit(path, probes, least)) < least:
            nearest, least = path, misfit
    return nearest


def _misfit(path: RequestPath, probes: Sequence[Probe], enough: float = math.inf) -> float:
    """How far a path is from the probes; once that is `enough`, the probes that are left are not looked at."""
    misfit = 0.0
    for probe in probes:
        for name, error in _errors(path, probe).items():
            misfit += WEIGHTS[name] * _doubted(error)
        if misfit >= enough:
            break
    return misfit


def _errors(path: RequestPath, probe: Probe) -> dict[str, float]:
    """Logarithm of simulated over measured, by figure."""
    if probe.rate_rps:
        outcome = at_rate(path, probe.config, probe.rate_rps, FIT_REQUESTS)
    else:
        outcome = simulate(path, probe.config, concurrency=probe.concurrency, requests=FIT_REQUESTS)
    if not len(outcome.latency_ms):
        return dict.fromkeys(WEIGHTS, 5.0)
    simulated = {
        "throughput_rps": outcome.throughput_rps,
        "p50_ms": outcome.percentile(50),
        "p99_ms": outcome.percentile(99),
    }
    simulated |= {"mean_batch_rows": outcome.mean_batch_rows, "core_ms": outcome.core_ms_per_request}
    return {name: math.log(simulated[name] / value) for name, value in probe.figures.items()}


def predict(path: RequestPath, config: Config, promise: Promise, requests: int = REQUESTS) -> Prediction:
    """The highest Poisson rate a configuration carries inside the limit, by bisection on one set of draws."""
    high = simulate(path, config, concurrency=256, requests=requests // 2).throughput_rps * 1.02
    low, kept, rate = 0.0, None, 0.95 * high
    for _ in range(STEPS):
        outcome = at_rate(path, config, rate, requests)
        if promise.inside(outcome.percentile(99), outcome.error_share):
            low, kept = rate, outcome
        else:
            high = rate
        if high <= (1 + FINE) * low:
            break
        rate = (low + high) / 2
    if kept is None:
        return Prediction(0.0, math.inf, math.inf, 0.0, math.inf)
    return Prediction(low, kept.percentile(50), kept.percentile(99), kept.mean_batch_rows, kept.core_ms_per_request)


def at_rate(path: RequestPath, config: Config, rate_rps: float, requests: int = REQUESTS, seed: int = 0) -> Outcome:
    """What a configuration does at one Poisson rate."""
    return simulate(path, config, poisson(rate_rps, requests, seed).tolist(), seed=seed)
