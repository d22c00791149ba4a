"""Server metrics over a window: differences of counters and histograms, also across resets and gaps.

A total since the server's start says nothing about a load level, so every figure here is a difference of two samples.
"""

from __future__ import annotations

import bisect
import itertools
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from playbook.records import store

SERVING = ":tensorflow:serving:"
REQUESTS = f"{SERVING}request_count"
REQUEST = f"{SERVING}request_latency"
RUNTIME = f"{SERVING}runtime_latency"
QUEUE = f"{SERVING}batching_session:queuing_latency"
BATCHES = f"{SERVING}batching_session:processed_batch_size"
PADDING = f"{SERVING}batching_session:padding_size"
GRAPH_RUNS = ":tensorflow:core:graph_runs"
GRAPH_RUN_TIME = ":tensorflow:core:graph_run_time_usecs"
NAMES = (REQUESTS, REQUEST, RUNTIME, QUEUE, BATCHES, PADDING, GRAPH_RUNS, GRAPH_RUN_TIME)


@dataclass(frozen=True)
class Point:
    """One sample of one series."""

    at_ns: int
    value: float | None = None
    sum: float | None = None
    count: float | None = None
    le: tuple[float, ...] = ()
    buckets: tuple[float, ...] = ()


@dataclass
class Delta:
    """What a counter (`value`) or a histogram (`sum, count, buckets`) grew by; buckets stay cumulative over `le`."""

    value: float = 0.0
    sum: float = 0.0
    count: float = 0.0
    le: tuple[float, ...] = ()
    buckets: list[float] = field(default_factory=list)
    sum_step: float = 0.0  # the server prints six digits, so a sum is known no finer than this

    @property
    def mean(self) -> float | None:
        """Mean of a histogram's observations, None without any."""
        return self.sum / self.count if self.count else None

    def add(self, other: Delta) -> None:
        """Count another series in, e.g. the same metric with another label."""
        self.value += other.value
        self.sum += other.sum
        self.count += other.count
        self.sum_step = max(self.sum_step, other.sum_step)
        if not self.buckets:
            self.le, self.buckets = other.le, list(other.buckets)
        elif self.le == other.le:
            self.buckets = [a + b for a, b in zip(self.buckets, other.buckets, strict=True)]

    def quantile(self, share: float) -> tuple[float, float] | None:
        """The limits of the bucket in which this quantile lies; None without observations in buckets."""
        if not self.buckets or self.buckets[-1] <= 0:
            return None
        index = bisect.bisect_left(self.buckets, share * self.buckets[-1])
        return (self.le[index - 1] if index else 0.0), self.le[index]

    def estimate(self, share: float) -> float | None:
        """This quantile on a straight line within its bucket; the last finite limit when it lies above."""
        limits = self.quantile(share)
        if limits is None:
            return None
        low, high = limits
        index = self.le.index(high)
        below = self.buckets[index - 1] if index else 0.0
        inside = (share * self.buckets[-1] - below) / max(1e-9, self.buckets[index] - below)
        return low + (high - low) * inside if math.isfinite(high) else low


@dataclass
class Window:
    """Differences between the first and the last sample of a window; `restarts` were seen in between."""

    start_ns: int
    end_ns: int
    samples: int
    restarts: int
    deltas: dict[tuple[str, str], Delta]
    inside: bool  # False: too few samples inside, the nearest outside were taken

    @property
    def length_s(self) -> float:
        """Seconds between the two samples."""
        return (self.end_ns - self.start_ns) / 1e9

    def get(self, name: str, **labels: str | None) -> Delta | None:
        """All series of a metric added up, of those with these labels (None: any value but the empty one)."""
        total = None
        for (metric, text), delta in self.deltas.items():
            if metric == name and _fits(json.loads(text), labels):
                total = total or Delta()
                total.add(delta)
        return total


class Metrics:
    """The kept metrics of a run."""

    def __init__(self, points: dict[tuple[str, str], list[Point]]) -> None:
        self._points = points
        self.times_ns = sorted({point.at_ns for series in points.values() for point in series})

    def window(self, start_ns: int, end_ns: int) -> Window | None:
        """Differences over [start, end]; None where there are not two samples in it or next to it."""
        low, high = bisect.bisect_left(self.times_ns, start_ns), bisect.bisect_right(self.times_ns, end_ns)
        inside = high - low >= 2
        if not inside:
            low, high = max(0, low - 1), min(len(self.times_ns), high + 1)
        if high - low < 2:
            return None
        first, last = self.times_ns[low], self.times_ns[high - 1]
        return between(self._points, first, last, high - low, inside)

    def steps(self, name: str, **labels: str | None) -> list[tuple[int, Delta]]:
        """A metric's differences from sample to sample, for a time axis: (end of the step in ns, difference)."""
        steps: dict[int, Delta] = {}
        for (metric, text), series in self._points.items():
            if metric == name and _fits(json.loads(text), labels):
                for before, after in itertools.pairwise(series):
                    steps.setdefault(after.at_ns, Delta()).add(difference([before, after])[0])
        return sorted(steps.items(), key=lambda step: step[0])


def read(run_dir: Path, names: Iterable[str] = NAMES) -> Metrics:
    """The metrics of a run from its Parquet files; empty when none were kept."""
    points: dict[tuple[str, str], list[Point]] = {}
    with store.table(run_dir, "metrics") as db:
        rows = db.execute(
            'SELECT name, labels, at_ns, value, "sum", "count", le, buckets '
            "FROM metrics WHERE list_contains(?, name) ORDER BY at_ns",
            [list(names)],
        ).fetchall()
    for name, labels, at_ns, value, total, count, le, buckets in rows:
        point = Point(at_ns, value, total, count, tuple(le or ()), tuple(buckets or ()))
        points.setdefault((name, labels), []).append(point)
    return Metrics(points)


def between(
    points: Mapping[tuple[str, str], list[Point]], start_ns: int, end_ns: int, samples: int = 2, inside: bool = True
) -> Window:
    """The differences of all series over [start, end]; a series that appeared after the start grew from 0."""
    deltas, restarts = {}, 0
    for key, series in points.items():
        part = [point for point in series if start_ns <= point.at_ns <= end_ns]
        deltas[key], resets = difference(part, born=bool(series) and series[0].at_ns > start_ns)
        restarts = max(restarts, resets)
    return Window(start_ns, end_ns, samples, restarts, deltas, inside)


def difference(points: list[Point], born: bool = False) -> tuple[Delta, int]:
    """How much a series grew over its samples, and how often it began again at 0.

    Args:
        points: Samples in order of time.
        born: The series appeared inside the window, so its first sample is growth too.
    """
    total, resets = Delta(), 0
    if born and points:
        total.add(_growth(Point(points[0].at_ns), points[0]))
    for before, after in itertools.pairwise(points):
        fell = (after.value or 0.0) < (before.value or 0.0) or (after.count or 0.0) < (before.count or 0.0)
        resets += fell
        total.add(_growth(Point(before.at_ns) if fell else before, after))
    return total, resets


def _growth(before: Point, after: Point) -> Delta:
    same = before.le == after.le and len(before.buckets) == len(after.buckets)
    earlier = before.buckets if same else (0.0,) * len(after.buckets)
    return Delta(
        value=(after.value or 0.0) - (before.value or 0.0),
        sum=(after.sum or 0.0) - (before.sum or 0.0),
        count=(after.count or 0.0) - (before.count or 0.0),
        le=after.le,
        buckets=[b - a for a, b in zip(earlier, after.buckets, strict=True)],
        sum_step=10 ** (math.floor(math.log10(after.sum)) - 5) if after.sum and after.sum > 0 else 0.0,
    )


def _fits(labels: dict[str, str], wanted: dict[str, str | None]) -> bool:
    return all(labels.get(name) if value is None else labels.get(name) == value for name, value in wanted.items())
