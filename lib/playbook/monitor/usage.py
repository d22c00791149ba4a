"""What a process used over a window, from `data/resources`: cores, waits for a core, throttling, memory growth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from playbook.records import store

COLUMNS = ("at_ns", "cpu_s", "rss_bytes", "run_delay_s", "throttled_s")

WHOLE = ("machine", "gpu")  # who is sampled and is no process of the load's
QUIET = 0.1  # share of the machine's cores that may belong to somebody else


@dataclass(frozen=True)
class Used:
    """Means over a window; None is what was not sampled."""

    seconds: float
    cpu_s: float | None
    cores: float | None
    run_delay_share: float | None  # seconds ready without a core, for each second that ran
    throttled_share: float | None
    memory_growth_mib_s: float | None
    memory_growth_share: float | None
    rss_bytes: float | None


class Resources:
    """The kept samples of a run, by who."""

    def __init__(self, samples: dict[str, dict[str, np.ndarray]]) -> None:
        self._samples = samples

    def series(self, who: str, column: str) -> tuple[np.ndarray, np.ndarray]:
        """Times in ns and values of one column, where it was sampled."""
        samples = self._samples.get(who)
        if samples is None:
            return np.empty(0), np.empty(0)
        known = ~np.isnan(samples[column])
        return samples["at_ns"][known], samples[column][known]

    def used(self, who: str, start_ns: int, end_ns: int) -> Used | None:
        """Use over [start, end]; None where there are not two samples in it or next to it."""
        at_ns, cpu_s = self.series(who, "cpu_s")
        low, high = int(np.searchsorted(at_ns, start_ns, "left")), int(np.searchsorted(at_ns, end_ns, "right"))
        if high - low < 2:
            low, high = max(0, low - 1), min(len(at_ns), high + 1)
        if high - low < 2:
            return None
        start, end = at_ns[low], at_ns[high - 1]
        seconds, ran = float(end - start) / 1e9, float(cpu_s[high - 1] - cpu_s[low])
        delay, throttled = (self._grown(who, name, start, end) for name in ("run_delay_s", "throttled_s"))
        slope, share, mean = self._memory(who, start, end)
        return Used(
            seconds,
            ran,
            ran / seconds,
            delay / ran if delay is not None and ran > 0 else None,
            throttled / seconds if throttled is not None else None,
            slope,
            share,
            mean,
        )

    def others_cores(self, start_ns: int, end_ns: int) -> float | None:
        """Cores that neither server nor client used, nor the proxies between them, but somebody did; None where the
        machine was not sampled."""
        all_of_it = self.used("machine", start_ns, end_ns)
        if all_of_it is None or all_of_it.cores is None:
            return None
        known = [self.used(who, start_ns, end_ns) for who in self._samples if who not in WHOLE]
        return max(0.0, all_of_it.cores - sum(used.cores or 0.0 for used in known if used))

    def _grown(self, who: str, column: str, start: float, end: float) -> float | None:
        at_ns, values = self.series(who, column)
        inside = values[(at_ns >= start) & (at_ns <= end)]
        return float(inside[-1] - inside[0]) if len(inside) >= 2 else None

    def _memory(self, who: str, start: float, end: float) -> tuple[float | None, float | None, float | None]:
        """Slope in MiB/s by the median of pairwise slopes (Theil and Sen), growth as a share, and the mean."""
        at_ns, rss = self.series(who, "rss_bytes")
        inside = (at_ns >= start) & (at_ns <= end)
        seconds, mib = (at_ns[inside] - start) / 1e9, rss[inside] / 2**20
        if len(mib) < 4:
            return None, None, float(rss[inside].mean()) if inside.any() else None
        first, second = np.triu_indices(len(mib), 1)
        slope = float(np.median((mib[second] - mib[first]) / (seconds[second] - seconds[first])))
        return slope, slope * seconds[-1] / mib[0], float(rss[inside].mean())


def disturbance(others_cores: Iterable[float | None], cores: int) -> str | None:
    """That other processes used the machine, in words; None: next to nothing, or nothing was sampled.

    Args:
        others_cores: Cores that neither server nor client used, a figure a window; None where it was not sampled.
        cores: Cores of the machine.
    """
    worst = max((used for used in others_cores if used is not None), default=0.0)
    return f"other processes used {worst:.1f} of {cores} cores" if worst > QUIET * cores else None


def read(run_dir: Path) -> Resources:
    """The samples of a run from its Parquet files; empty when none were kept."""
    with store.table(run_dir, "resources") as db:
        rows = db.execute(f"SELECT who, {', '.join(COLUMNS)} FROM resources ORDER BY at_ns").fetchall()
    samples: dict[str, list[tuple]] = {}
    for who, *values in rows:
        samples.setdefault(who, []).append(tuple(values))
    return Resources(
        {
            who: dict(zip(COLUMNS, np.array(values, dtype=float).T, strict=True))  # None becomes NaN
            for who, values in samples.items()
        }
    )
