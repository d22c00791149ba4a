"""What the server itself tells over a window: rate, errors, latency, queue time and batch sizes, from its counters."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass

import requests

from playbook.errors import MonitorError
from playbook.monitor import series
from playbook.monitor.scrape import Parser, Series
from playbook.monitor.series import BATCHES, NAMES, QUEUE, REQUEST, REQUESTS, Delta, Point
from playbook.records import trust
from playbook.records.sessions import session_to


@dataclass(frozen=True)
class SensorReading:
    """One page: the series of one model by name and labels; `at_ns` on the monotonic clock."""

    at_ns: int
    points: Mapping[tuple[str, str], Point]


@dataclass(frozen=True)
class SensorWindow:
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
        self._http = session_to(metrics_url)

    def read(self) -> SensorReading:
        """The counters now.

        Raises:
            MonitorError: the server is gone, or has no metrics.
        """
        try:
            reply = self._http.get(self.metrics_url, timeout=self.timeout_s)
        except requests.RequestException as error:
            why = trust.problem(self.metrics_url) if isinstance(error, requests.exceptions.SSLError) else ""
            raise MonitorError(f"no metrics from {self.metrics_url}: {why or error}") from error
        page, _ = self._parser.parse(reply.text)
        at_ns = time.monotonic_ns()
        return SensorReading(at_ns, {_key(one): _point(one, at_ns) for one in page if self._is_mine(one)})

    def _is_mine(self, one: Series) -> bool:
        return one.name in NAMES and one.labels.get("model_name", self.model_name) == self.model_name


def _key(one: Series) -> tuple[str, str]:
    return one.name, json.dumps(one.labels, sort_keys=True)


def _point(one: Series, at_ns: int) -> Point:
    return Point(at_ns, one.value, one.sum, one.count, tuple(one.le), tuple(one.buckets))


def between(before: SensorReading, after: SensorReading) -> SensorWindow:
    """The window from one reading to a later one; counters that fell (a restart) count from 0."""
    both = {key: [old, new] if (old := before.points.get(key)) else [new] for key, new in after.points.items()}
    grown = series.between(both, before.at_ns, after.at_ns)
    latency = grown.get(REQUEST, API=None) or Delta()
    queue, batches = grown.get(QUEUE) or Delta(), grown.get(BATCHES) or Delta()
    all_of_them, good = grown.get(REQUESTS) or Delta(), grown.get(REQUESTS, status="OK") or Delta()
    answered, refused = latency.count, all_of_them.value - good.value
    return SensorWindow(
        seconds=grown.length_s,
        rate_rps=(answered + refused) / grown.length_s if grown.length_s > 0 else 0.0,
        error_share=refused / max(1.0, answered + refused),
        mean_ms=_ms(latency.mean),
        p99_ms=_ms(latency.estimate(0.99)),
        queue_ms=_ms(queue.mean),
        batch_rows=batches.mean,
    )


def _ms(micros: float | None) -> float | None:
    return None if micros is None else micros / 1000
