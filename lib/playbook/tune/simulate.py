"""A discrete-event model of a model server: what a configuration would do under a load, in milliseconds of CPU."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from playbook.tfserving.config import Config
from playbook.tune.events import Events
from playbook.tune.request_path import RequestPath


@dataclass(frozen=True)
class Outcome:
    """What a simulated window shows. Latencies and throughput are those after the ramp-up, all else of the whole."""

    latency_ms: np.ndarray  # one per answered request after the ramp-up, in order of completion
    requests: int
    refused: int
    throughput_rps: float
    mean_batch_rows: float
    core_ms_per_request: float

    def percentile(self, q: float) -> float:
        """Latency at percentile `q` (0 to 100), in milliseconds; infinite when nothing was answered."""
        return float(np.percentile(self.latency_ms, q)) if len(self.latency_ms) else math.inf

    @property
    def error_share(self) -> float:
        """Refused over all requests."""
        return self.refused / self.requests if self.requests else 0.0


def poisson(rate_rps: float, requests: int, seed: int = 0) -> np.ndarray:
    """Arrival times in milliseconds of a Poisson stream; the same seed scales the same draws to any rate."""
    return np.cumsum(np.random.default_rng(seed).exponential(1000.0 / rate_rps, requests))


def simulate(
    path: RequestPath,
    config: Config,
    arrivals_ms: Sequence[float] | None = None,
    *,
    concurrency: int = 0,
    requests: int = 5000,
    shares: Sequence[float] = (1.0,),
    seed: int = 0,
    drop: float = 0.1,
) -> Outcome:
    """Play requests through the path and watch them come out.

    Args:
        path: Costs of the server.
        config: Its configuration.
        arrivals_ms: When requests are due (any process, ascending); None for a closed loop.
        concurrency: Clients of the closed loop, each with one request in flight.
        requests: How many a closed loop sends; an open one sends `arrivals_ms`.
        shares: Share of the requests that go to each signature, each with its own queue; where the path has kinds of
            requests, these say it.
        seed: Of costs and signatures.
        drop: Share of the answered requests at the start that is ramp-up: latencies and throughput leave it out.

    Raises:
        ValueError: Neither arrivals nor a concurrency, or a request larger than max_batch_size.
    """
    if arrivals_ms is None and concurrency < 1:
        raise ValueError("simulate needs arrivals_ms or a concurrency of at least 1")
    largest, rows = config.effective("max_batch_size"), max((kind.rows for kind in path.mix), default=path.rows)
    if config.enable_batching and rows > largest:
        raise ValueError(f"a request of {rows} rows is larger than max_batch_size={largest}")
    due = [0.0] * min(concurrency, requests) if arrivals_ms is None else list(map(float, arrivals_ms))
    run = Events(path, config, due, requests if arrivals_ms is None else len(due), shares, seed)
    run.play()
    return _outcome(run, drop)


def _outcome(run: Events, drop: float) -> Outcome:
    """Sum up: latencies and throughput of what left after the ramp-up, all else of the whole."""
    answered = len(run.answered)
    counted = slice(int(answered * drop), None)
    read_at = np.array(run.read_at[counted])
    span = read_at[-1] - read_at[0] if len(read_at) > 1 else 0.0
    return Outcome(
        latency_ms=read_at - np.array(run.due)[run.answered[counted]],
        requests=answered + run.refused,
        refused=run.refused,
        throughput_rps=1000.0 * (len(read_at) - 1) / span if span > 0 else 0.0,
        mean_batch_rows=answered * run.path.rows / run.batches if run.batches else float(run.path.rows),
        core_ms_per_request=run.work / max(1, answered),
    )
