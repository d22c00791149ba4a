"""Fit the simulated request path to one server: its batch curve and two short probes give every cost in it.

A probe is one configuration, one unbatched and one batched, in a saturated closed loop and in an open one. The two
closed loops give what a request costs alone and what it costs in a batch of known size. The open ones give what is
paid when there is little to do: a turn of the event loop for every request, and caches lost while a core rested.
What tells a cost of each request from one of each batch is the CPU time of the server for one request at the two batch
sizes: latency alone is shown as well by dear batches as by dear requests, which then predict small batches wrongly.
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
from playbook.tune.request_path import LOOK_MS, Kind, RequestPath
from playbook.tune.simulate import Outcome, poisson, simulate

REQUESTS = 3000  # simulated for one look at a configuration
FIT_REQUESTS = 2000  # and for one step of the fit
FIT_STEPS = 100
WEIGHTS = {"throughput_rps": 12.0, "core_ms": 12.0, "p50_ms": 4.0, "p99_ms": 0.7, "mean_batch_rows": 2.0}
COLD_MS = 0.1  # where a fit begins
FITTED = ("shell", "batch_fixed_ms", "run_fixed_ms", "turn_ms", "cold_ms", "burst_ms", "spread")
LEAST_BATCH_MS = 0.02  # of what a batch adds to its call, where a fit begins
READING = 0.55  # share of the shell's cost that is reading; the rest is writing
DOUBT = 0.2  # a figure of a probe may be off by this share; what is further off weighs less than squared
SHELL_SHARES = (0.1, 0.25, 0.4, 0.55, 0.7, 0.85)  # of the guesses a fit may begin from
BURSTS_MS = (0.1, 0.2, 0.35, 0.5, 0.7)
STEPS = 8  # bisection steps of a rate, at most
FINE = 0.015  # width of its bracket, as a share, that is fine enough


@dataclass(frozen=True)
class Probe:
    """What a short window showed on the real server: a closed loop, or an open one where there is a `rate_rps`."""

    config: Config
    concurrency: int
    throughput_rps: float
    p50_ms: float
    p99_ms: float
    mean_batch_rows: float | None = None  # None: not batched, or the server gives no metrics
    rate_rps: float | None = None
    client_ms: float = 0.0  # CPU of the client for one request
    core_ms: float | None = None  # CPU of the server for one request; None: it cannot be told

    @property
    def figures(self) -> dict[str, float]:
        """What a fit must meet; an open loop's throughput is no figure of the server."""
        figures = {"p50_ms": self.p50_ms, "p99_ms": self.p99_ms}
        figures |= {} if self.rate_rps else {"throughput_rps": self.throughput_rps}
        figures |= {"core_ms": self.core_ms} if self.core_ms else {}
        return figures | ({"mean_batch_rows": self.mean_batch_rows} if self.mean_batch_rows else {})


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
    bare = replace(bare, run_row_ms=min(run_row_ms, _most_row_ms(bare, probes)))
    guesses = [
        replace(_guess(bare, probes, share), burst_ms=burst_ms)
        for share in SHELL_SHARES
        for burst_ms in (BURSTS_MS if shell_threads else BURSTS_MS[:1])
    ]
    start = min(guesses, key=lambda path: _misfit(path, probes))
    path = _refined(start, _fitted(probes, shell_threads), probes)
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


def _misfit(path: RequestPath, probes: Sequence[Probe]) -> float:
    misses = [_errors(path, probe) for probe in probes]
    return sum(WEIGHTS[name] * _doubted(error) for errors in misses for name, error in errors.items())


def _guess(bare: RequestPath, probes: Sequence[Probe], shell_share: float) -> RequestPath:
    """One place to begin: the shell is this share of what a request costs in a saturated batched loop.

    There a request costs cores/throughput of core time, which settles the rest; the open loops' extras start small.
    """
    closed, opened = [p for p in probes if not p.rate_rps], [p for p in probes if p.rate_rps]
    cost_alone, cost_batched, tasks = _saturated(bare, probes)
    shell, graph = shell_share * min(cost_batched, cost_alone), bare.run_row_ms * bare.work_rows
    run = max(cost_alone - shell - graph, 0.1 * bare.run_fixed_ms, 1e-3)
    overhead = max(LEAST_BATCH_MS, tasks * (cost_batched - shell - graph) - run)
    client = min((p.client_ms for p in closed), default=0.0)
    return replace(
        bare,
        run_fixed_ms=run,
        run_row_ms=max(bare.run_row_ms, 1e-5),
        shell_in_ms=READING * shell,
        shell_out_ms=(1 - READING) * shell,
        batch_fixed_ms=overhead,
        spread=0.3,
        turn_ms=0.3 * shell if opened and bare.shell_threads else 0.0,
        cold_ms=COLD_MS if opened else 0.0,
        client_ms=client,
        client_cold_ms=max(0.0, float(np.mean([p.client_ms for p in opened])) - client) if opened else 0.0,
    )


def _saturated(bare: RequestPath, probes: Sequence[Probe]) -> tuple[float, float, float]:
    """Core time of a request alone and in a batch, in milliseconds, and the requests of that batch: closed loops."""
    closed = [probe for probe in probes if not probe.rate_rps]
    alone = next(p for p in closed if not p.config.enable_batching)
    batched = next(p for p in closed if p.config.enable_batching)
    tasks = max(1.0, batched.mean_batch_rows / bare.rows if batched.mean_batch_rows else batched.concurrency / 2)
    return 1000 * bare.cores / alone.throughput_rps, 1000 * bare.cores / batched.throughput_rps, tasks


def _most_row_ms(bare: RequestPath, probes: Sequence[Probe]) -> float:
    """What a row can cost at most, in milliseconds, where its request costs so much alone and so much in a batch.

    Export may have timed rows on a busier machine than the probes were held on. A row dearer than its whole request
    would be added to every batch: those smaller than the probed one would be predicted too slow.
    """
    alone, batched, tasks = _saturated(bare, probes)
    shell = SHELL_SHARES[0] * min(alone, batched)
    if tasks <= 1:
        return max(alone - shell, 0.0) / bare.work_rows
    return max((batched - shell) - (alone - shell + LEAST_BATCH_MS) / tasks, 0.0) / (1 - 1 / tasks) / bare.work_rows


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
