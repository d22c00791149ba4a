"""Counters and histograms with TensorFlow's names, buckets and text format (no HELP, half-open buckets, 6 digits)."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

_MOST_NOTES = 256  # sorting them takes some 20 us, which a request has to wait for


def exponential(scale: float, growth: float, count: int) -> list[float]:
    """Bucket limits scale, scale * growth, ...: `count` of them (tensorflow/core/lib/monitoring/sampler.h)."""
    limits = [scale]
    for _ in range(count - 1):
        limits.append(limits[-1] * growth)
    return limits


class _Tally:
    """A count that one thread alone adds to: it needs no lock."""

    __slots__ = ("count",)

    def __init__(self):
        self.count = 0

    def one(self) -> None:
        """Count one more."""
        self.count += 1


class Counter:
    """A number that only grows, one for each combination of label values."""

    kind = "counter"
    lazy = False

    def __init__(self, name: str, labels: Sequence[str] = ()):
        self.name, self.labels = name, tuple(labels)
        self._shared: dict[tuple[str, ...], int] = {}
        self._tallies: dict[tuple[str, ...], _Tally] = {}
        self._lock = threading.Lock()

    def add(self, *values: str, by: int = 1) -> None:
        """Count `by` more under these label values; from any thread."""
        with self._lock:
            self._shared[values] = self._shared.get(values, 0) + by

    def at(self, *values: str) -> Callable[[], None]:
        """What counts one more under these label values, made once for many calls in the event loop's thread alone."""
        return self._tallies.setdefault(values, _Tally()).one

    @property
    def cells(self) -> dict[tuple[str, ...], int]:
        """Label values -> count."""
        with self._lock:
            cells = dict(self._shared)
        for values, tally in list(self._tallies.items()):
            cells[values] = cells.get(values, 0) + tally.count
        return cells

    def lines(self) -> list[str]:
        """The samples in Prometheus's text format."""
        name = exported(self.name)
        return [f"{name}{{{_labels(self.labels, values)}}} {cell}" for values, cell in sorted(self.cells.items())]


class Gauge(Counter):
    """A value that prints as 0 where TensorFlow Serving's is a bool or a string."""

    kind = "gauge"

    def set(self, *values: str, to: int = 0) -> None:
        """Set the value under these labels."""
        self._shared[values] = to


class _Samples:
    """What a histogram keeps under one combination of label values: `add` only notes, who looks has them sorted."""

    __slots__ = ("_edges", "_lock", "_most", "_notes", "_tell", "counts", "total")

    def __init__(self, edges: np.ndarray):
        self._edges, self._lock = edges, threading.Lock()
        self._notes: list[float] = []
        self._most = _MOST_NOTES
        self._tell: Callable[[float], None] | None = None
        self.counts, self.total = np.zeros(len(edges) + 1, np.int64), 0.0

    def add(self, sample: float) -> None:
        """Count one sample."""
        notes = self._notes
        notes.append(sample)
        if len(notes) > self._most:
            self._more((sample,))

    def add_all(self, samples: Sequence[float]) -> None:
        """Count several samples."""
        self._notes.extend(samples)
        if len(self._notes) > self._most:
            self._more(samples)

    def watch(self, tell: Callable[[float], None] | None) -> None:
        """Tell somebody of each sample from now on; None: nobody any more."""
        self._tell = tell
        self._most = _MOST_NOTES if tell is None else 0  # so that `add` needs to look at one number only

    def _more(self, samples: Sequence[float]) -> None:
        """There are notes to sort, or somebody to tell."""
        if (tell := self._tell) is not None:
            for sample in samples:
                tell(sample)
        if len(self._notes) > _MOST_NOTES:
            self.sort()

    def sort(self) -> None:
        """Sort what was noted into the buckets."""
        with self._lock:
            samples = self._notes[:]  # threads may append meanwhile: what is taken is cut off by its number
            del self._notes[: len(samples)]
            sizes = np.asarray(samples, np.float64)
            self.counts += np.bincount(np.searchsorted(self._edges, sizes, side="right"), minlength=len(self.counts))
            self.total += float(sizes.sum())


class Histogram:
    """Samples counted in buckets; a sample equal to a limit belongs to the next bucket, as in TensorFlow.

    Args:
        lazy: The page does not name it before its first sample.
    """

    kind = "histogram"

    def __init__(self, name: str, labels: Sequence[str], limits: Sequence[float], lazy: bool = False):
        self.lazy = lazy
        self.name, self.labels, self.limits = name, tuple(labels), list(limits)
        self._edges = np.array(self.limits, np.float64)
        self._samples: dict[tuple[str, ...], _Samples] = {}
        self._tell: Callable[[tuple[str, ...], float], None] | None = None

    def add(self, sample: float, *values: str) -> None:
        """Count one sample under these label values."""
        self._under(values).add(sample)

    def add_all(self, samples: Sequence[float], *values: str) -> None:
        """Count several samples under these label values."""
        self._under(values).add_all(samples)

    def at(self, *values: str) -> Callable[[float], None]:
        """What counts one sample under these label values, made once for many calls."""
        return self._under(values).add

    def watch(self, tell: Callable[[tuple[str, ...], float], None] | None) -> None:
        """Call `tell(label values, sample)` for each sample from now on, in the thread that counts it; None: stop."""
        self._tell = tell
        for values, samples in list(self._samples.items()):
            samples.watch(partial(tell, values) if tell else None)

    def _under(self, values: tuple[str, ...]) -> _Samples:
        return self._samples.get(values) or self._samples.setdefault(values, self._new(values))

    def _new(self, values: tuple[str, ...]) -> _Samples:
        samples = _Samples(self._edges)
        if self._tell is not None:
            samples.watch(partial(self._tell, values))
        return samples

    @property
    def cells(self) -> dict[tuple[str, ...], tuple[np.ndarray, float]]:
        """Label values -> counts of the buckets, and the sum of the samples."""
        for samples in list(self._samples.values()):
            samples.sort()
        return {values: (kept.counts, kept.total) for values, kept in list(self._samples.items()) if kept.counts.any()}

    def lines(self) -> list[str]:
        """The buckets (cumulative), `_sum` and `_count` in Prometheus's text format."""
        name, lines = exported(self.name), []
        for values, (counts, total) in sorted(self.cells.items()):
            labels = _labels(self.labels, values)
            prefix, cumulative = labels + "," if labels else "", 0
            for limit, count in zip((*self.limits, None), counts, strict=True):
                cumulative += count
                shown = "+Inf" if limit is None else f"{limit:.6g}"
                lines.append(f'{name}_bucket{{{prefix}le="{shown}"}} {cumulative}')
            lines += [f"{name}_sum{{{labels}}} {total:.6g}", f"{name}_count{{{labels}}} {cumulative}"]
        return lines


def exported(name: str) -> str:
    """The name Prometheus sees: `/tensorflow/serving/x` becomes `:tensorflow:serving:x`."""
    text = re.sub(r"[^A-Za-z0-9_]", ":", name)
    return "_" + text if text[:1].isdigit() else text


def _labels(names: Sequence[str], values: Sequence[str]) -> str:
    pairs = zip(names, values, strict=True)
    return ",".join(f'{re.sub(r"[^A-Za-z0-9_]", "_", n)}="{_escaped(v)}"' for n, v in pairs)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


_LATENCY = exponential(10, 1.8, 33)
_SIZES = exponential(1, 2, 14)
_T = "/tensorflow/serving/"

request_count = Counter(_T + "request_count", ("model_name", "status"))
request_latency = Histogram(_T + "request_latency", ("model_name", "API", "entrypoint"), _LATENCY)
runtime_latency = Histogram(_T + "runtime_latency", ("model_name", "API", "runtime"), _LATENCY)
request_example_counts = Histogram(_T + "request_example_counts", ("model",), exponential(1, 2, 15))
request_example_count_total = Counter(_T + "request_example_count_total", ("model",))
model_warmup_latency = Histogram(_T + "model_warmup_latency", ("model_path", "status"), _LATENCY)
model_warmup_records_read = Counter(_T + "model_warmup_records_read", ("model_path", "status"))
request_log_count = Counter(_T + "request_log_count", ("model_name", "status_code"))
mlmd_map = Gauge(_T + "mlmd_map", ("model_name", "version"))
queuing_latency = Histogram(_T + "batching_session/queuing_latency", ("thread_pool_name",), exponential(100, 1.2, 52))
wrapped_run_count = Counter(_T + "batching_session/wrapped_run_count")
# these three are registered by the first batch (batching_util.h), the others when the server starts
padding_size = Histogram(_T + "batching_session/padding_size", ("execution_batch_size",), _SIZES, lazy=True)
input_batch_size = Histogram(_T + "batching_session/input_batch_size", (), _SIZES, lazy=True)
processed_batch_size = Histogram(_T + "batching_session/processed_batch_size", (), _SIZES, lazy=True)
session_created = Gauge("/tensorflow/core/session_created")
direct_session_runs = Counter("/tensorflow/core/direct_session_runs")
graph_build_calls = Counter("/tensorflow/core/graph_build_calls")
graph_build_time_usecs = Counter("/tensorflow/core/graph_build_time_usecs")
graph_runs = Counter("/tensorflow/core/graph_runs")
graph_run_time_usecs = Counter("/tensorflow/core/graph_run_time_usecs")
graph_run_time_usecs_histogram = Histogram(
    "/tensorflow/core/graph_run_time_usecs_histogram", (), exponential(1000, 2, 20)
)
graph_run_input_tensor_bytes = Histogram("/tensorflow/core/graph_run_input_tensor_bytes", (), exponential(1, 4, 14))
graph_run_output_tensor_bytes = Histogram("/tensorflow/core/graph_run_output_tensor_bytes", (), exponential(1, 4, 14))
load_attempt_count = Counter("/tensorflow/cc/saved_model/load_attempt_count", ("model_path", "status"))
load_latency = Counter("/tensorflow/cc/saved_model/load_latency", ("model_path",))

_ALL = {metric.name: metric for metric in list(globals().values()) if isinstance(metric, (Counter, Histogram))}


def find(name: str) -> Counter | Histogram | None:
    """The metric with this raw name, for example `/tensorflow/serving/request_count`; None where there is none."""
    return _ALL.get(name)


def text() -> str:
    """The page a Prometheus scrapes: every metric in the order of its raw name."""
    lines = []
    for name in sorted(_ALL):
        metric = _ALL[name]
        samples = metric.lines()
        if samples or not metric.lazy:
            lines += [f"# TYPE {exported(name)} {metric.kind}", *samples]
    return "\n".join(lines) + "\n"
