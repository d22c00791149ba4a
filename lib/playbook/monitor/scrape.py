"""One page of Prometheus text becomes one row a series; a histogram is kept whole, with its buckets.

prometheus-client reads the format (13 ms a page of 470 lines in pure Python). Only the part before the value is
given to it, once for each distinct series; a later page costs a dictionary look-up and a `float()` a line.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

from playbook.errors import MonitorError

ADVICE = "TensorFlow Serving answers metrics only with --monitoring_config_file; its path is in that file."
SUFFIXES = {"_bucket": "bucket", "_sum": "sum", "_count": "count"}


@dataclass
class Series:
    """One series of one page. `value` of counters and gauges; `sum, count, le, buckets` of histograms (cumulative)."""

    name: str
    kind: str
    labels: dict[str, str]
    value: float | None = None
    sum: float | None = None
    count: float | None = None
    le: list[float] = field(default_factory=list)
    buckets: list[float] = field(default_factory=list)

    @property
    def key(self) -> str:
        """Name and labels, the identity of a series over time."""
        return self.name + json.dumps(self.labels, sort_keys=True)


@dataclass(frozen=True)
class Part:
    """What stands before the value on a line: which series, and which part of it."""

    series: str
    name: str
    labels: dict[str, str]
    role: str
    le: float | None


class Parser:
    """Reads pages of one endpoint; remembers the series it has seen."""

    def __init__(self) -> None:
        self._parts: dict[str, Part] = {}
        self._kinds: dict[str, str] = {}
        self.newest_timestamp_ms: float | None = None

    def parse(self, text: str) -> tuple[list[Series], list[str]]:
        """The series of a page, and a sentence for each thing that is wrong with it.

        Raises:
            MonitorError: the text is HTML, has no sample, or a line that is not Prometheus text.
        """
        if text.lstrip()[:1] == "<":
            raise MonitorError(f"Prometheus text was expected, an HTML page came. {ADVICE}")
        page: dict[str, Series] = {}
        stamps: list[float] = []
        for number, line in enumerate(text.splitlines(), 1):
            if line.startswith("#"):
                self._note_kind(line)
            elif line.strip():
                self._take(line, number, page, stamps)
        if not page:
            raise MonitorError(f"Prometheus text was expected, a page without one sample came. {ADVICE}")
        problems = [sentence for series in page.values() for sentence in check_histogram(series)]
        return list(page.values()), problems + self._check_clock(stamps)

    def _note_kind(self, line: str) -> None:
        words = line.split()
        if len(words) == 4 and words[1] == "TYPE":
            self._kinds[words[2]] = words[3]

    def _take(self, line: str, number: int, page: dict[str, Series], stamps: list[float]) -> None:
        cut = line.rfind("}") + 1 or line.find(" ")
        head, rest = line[:cut], line[cut:].split()
        try:
            value = float(rest[0])
            part = self._parts.get(head) or self._learn(head)
        except (ValueError, IndexError, KeyError) as error:
            raise MonitorError(
                f"Prometheus text was expected; line {number} reads {line[:80]!r} ({error or 'no value'}). {ADVICE}"
            ) from None
        if len(rest) > 1:
            stamps.append(float(rest[1]))
        series = page.get(part.series)
        if series is None:
            kind = self._kinds.get(part.name, "untyped")
            series = page[part.series] = Series(part.name, kind, part.labels)
        if part.le is not None:
            series.le.append(part.le)
            series.buckets.append(value)
        else:
            setattr(series, part.role, value)

    def _learn(self, head: str) -> Part:
        """Let prometheus-client read the name and labels of a line, with their escapes."""
        family = next(iter(text_string_to_metric_families(f"{head} 0\n")), None)
        if family is None or not family.samples:
            raise ValueError("no metric name")
        sample = family.samples[0]
        labels = dict(sample.labels)
        for suffix, role in SUFFIXES.items():
            base = sample.name.removesuffix(suffix)
            if base != sample.name and self._kinds.get(base) in ("histogram", "summary"):
                le = float(labels.pop("le")) if role == "bucket" else None
                return self._keep(head, base, labels, role, le)
        return self._keep(head, sample.name, labels, "value", None)

    def _keep(self, head: str, name: str, labels: dict[str, str], role: str, le: float | None) -> Part:
        identity = name + json.dumps(labels, sort_keys=True)
        part = self._parts[head] = Part(identity, name, labels, role, le)
        return part

    def _check_clock(self, stamps: list[float]) -> list[str]:
        """A page may carry its own times; they are not used, but a clock that steps back is worth knowing."""
        if not stamps:
            return []
        before, self.newest_timestamp_ms = self.newest_timestamp_ms, max(stamps)
        if before is None or max(stamps) >= before:
            return []
        back_s = (before - max(stamps)) / 1e3
        return [f"the server's clock went back {back_s:.3f} s; times here are this machine's and are not affected"]


def check_histogram(series: Series) -> list[str]:
    """Complete what can be completed and drop buckets that cannot be trusted; one sentence for each."""
    if series.kind != "histogram":
        return []
    problems = []
    if series.buckets and not math.isinf(series.le[-1]):
        if series.count is None:
            problems.append(f'{series.name} has no le="+Inf" bucket and no count; left out of percentiles')
            series.le, series.buckets = [], []
        else:
            problems.append(f'{series.name} has no le="+Inf" bucket; taken from its count')
            series.le.append(math.inf)
            series.buckets.append(series.count)
    if series.count is None and series.buckets:
        series.count = series.buckets[-1]
    if series.buckets != sorted(series.buckets) or series.le != sorted(series.le):
        problems.append(f"{series.name} has buckets that do not grow; left out of percentiles, means still hold")
        series.le, series.buckets = [], []
    if series.count is not None and not series.buckets and not problems:
        problems.append(f"{series.name} has no buckets: means only, no percentiles")
    return problems
