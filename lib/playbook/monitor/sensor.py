"""What the server itself tells over a window: rate, errors, latency, queue time and batch sizes, from its counters."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import requests

from playbook.errors import MonitorError
from playbook.monitor.scrape import Parser

PREFIX = ":tensorflow:serving:"


@dataclass(frozen=True)
class Reading:
    """The counters of one page; `at_s` on the monotonic clock."""

    at_s: float
    answered: float
    refused: float
    latency_us: float
    le_us: tuple[float, ...]
    buckets: tuple[float, ...]
    queue_us: float
    queued: float
    batch_rows: float
    batches: float


@dataclass(frozen=True)
class Window:
    """What happened between two readings. None: nothing happened, or the server does not tell.

    `p99_ms` is read off buckets that span a factor of 1.8: an alarm, not a measurement. It includes the server's
    JSON work but not the wait for a free thread (TensorFlow Serving, request_latency).
    """

    seconds: float
    rate_rps: float
    error_share: float
    mean_ms: float | None
    p99_ms: float | None
    queue_ms: float | None
    batch_rows: float | None


class Sensor:
    """Reads one server's metrics page, for one model."""

    def __init__(self, metrics_url: str, model_name: str, timeout_s: float = 5.0) -> None:
        self.metrics_url, self.model_name, self.timeout_s = metrics_url, model_name, timeout_s
        self._parser = Parser()
        self._http = requests.Session()

    def read(self) -> Reading:
        """The counters now.

        Raises:
            MonitorError: the server is gone, or has no metrics.
        """
        try:
            reply = self._http.get(self.metrics_url, timeout=self.timeout_s)
        except requests.RequestException as error:
            raise MonitorError(f"no metrics from {self.metrics_url}: {error}") from error
        series, _ = self._parser.parse(reply.text)
        mine = [s for s in series if s.labels.get("model_name", self.model_name) == self.model_name]
        named = lambda name: [s for s in mine if s.name == PREFIX + name]  # noqa: E731
        latency = [s for s in named("request_latency") if s.labels.get("API")]
        queue, batch = named("batching_session:queuing_latency"), named("batching_session:processed_batch_size")
        buckets = [s.buckets for s in latency if s.buckets]
        return Reading(
            at_s=time.monotonic(),
            answered=sum(s.count or 0.0 for s in latency),
            refused=sum(s.value or 0.0 for s in named("request_count") if s.labels.get("status") != "OK"),
            latency_us=sum(s.sum or 0.0 for s in latency),
            le_us=tuple(next((s.le for s in latency if s.buckets), ())),
            buckets=tuple(map(sum, zip(*buckets, strict=True))),
            queue_us=sum(s.sum or 0.0 for s in queue),
            queued=sum(s.count or 0.0 for s in queue),
            batch_rows=sum(s.sum or 0.0 for s in batch),
            batches=sum(s.count or 0.0 for s in batch),
        )


def between(before: Reading, after: Reading) -> Window:
    """The window from one reading to a later one; counters that fell (a restart) count from 0."""
    grown = {name: _grown(getattr(before, name), getattr(after, name)) for name in _COUNTERS}
    seconds, answered = after.at_s - before.at_s, grown["answered"]
    return Window(
        seconds=seconds,
        rate_rps=(answered + grown["refused"]) / seconds if seconds > 0 else 0.0,
        error_share=grown["refused"] / max(1.0, answered + grown["refused"]),
        mean_ms=_mean(grown["latency_us"] / 1000, answered),
        p99_ms=_quantile_ms(before, after, 0.99),
        queue_ms=_mean(grown["queue_us"] / 1000, grown["queued"]),
        batch_rows=_mean(grown["batch_rows"], grown["batches"]),
    )


_COUNTERS = ("answered", "refused", "latency_us", "queue_us", "queued", "batch_rows", "batches")


def _grown(before: float, after: float) -> float:
    return after - before if after >= before else after


def _mean(total: float, count: float) -> float | None:
    return total / count if count > 0 else None


def _quantile_ms(before: Reading, after: Reading, share: float) -> float | None:
    """The quantile in milliseconds, on a straight line within its bucket; the last finite edge when it is above."""
    old = before.buckets if len(before.buckets) == len(after.buckets) else (0.0,) * len(after.buckets)
    counts = [_grown(a, b) for a, b in zip(old, after.buckets, strict=True)]
    if not counts or counts[-1] <= 0:
        return None
    wanted = share * counts[-1]
    place = next(i for i, count in enumerate(counts) if count >= wanted)
    low, below = (after.le_us[place - 1], counts[place - 1]) if place else (0.0, 0.0)
    high = after.le_us[place] if math.isfinite(after.le_us[place]) else low
    return (low + (high - low) * (wanted - below) / max(1e-9, counts[place] - below)) / 1000
