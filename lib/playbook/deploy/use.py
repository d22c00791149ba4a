"""What the rehearsed server used while its level was held: cores, memory, and periods stopped by its CPU quota.

And what others used meanwhile: a rehearsal on a busy machine refutes nothing.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playbook.monitor import resources
from playbook.serve.handle import Handle

_EVERY_S = 0.1


@dataclass(frozen=True)
class Sample:
    """Counters of one moment (CLOCK_MONOTONIC)."""

    at_ns: int
    cpu_s: float
    rss_bytes: int
    periods: int | None  # of the quota, since its cgroup began; None without one
    throttled: int | None
    others_cpu_s: float  # of what is neither the server nor this process with its children


@dataclass
class Use:
    """Samples of a server, taken while a block runs."""

    samples: list[Sample] = field(default_factory=list)

    def over(self, start_ns: int, duration_s: float) -> dict[str, Any]:
        """Means over a window; None: it does not show.

        `cpu_cores` of the server, `rss_bytes` (its largest), `throttled_share`, `others_cores` of other processes.
        """
        end_ns = start_ns + int(duration_s * 1e9)
        inside = [sample for sample in self.samples if start_ns <= sample.at_ns <= end_ns]
        if len(inside) < 2:
            return dict.fromkeys(("cpu_cores", "rss_bytes", "throttled_share", "others_cores"))
        first, last = inside[0], inside[-1]
        seconds = (last.at_ns - first.at_ns) / 1e9
        return {
            "cpu_cores": (last.cpu_s - first.cpu_s) / seconds,
            "rss_bytes": max(sample.rss_bytes for sample in inside),
            "throttled_share": _share(first, last),
            "others_cores": max(0.0, last.others_cpu_s - first.others_cpu_s) / seconds,
        }


def _share(first: Sample, last: Sample) -> float | None:
    if first.periods is None or last.periods is None or last.periods == first.periods:
        return None
    return ((last.throttled or 0) - (first.throttled or 0)) / (last.periods - first.periods)


@contextmanager
def watched(handle: Handle) -> Iterator[Use]:
    """Sample the server ten times a second for as long as the block runs; a server elsewhere gives no samples."""
    use, over = Use(), threading.Event()
    pid = handle.pid or (resources.container_pid(handle.container_id) if handle.container_id else None)
    if pid is None:
        yield use
        return
    tree, ours = resources.ProcessTree("server", pid), resources.ProcessTree("ours", os.getpid())
    apart = handle.container_id is not None  # its server is no child of this process

    def sample() -> None:
        while not over.wait(_EVERY_S):
            usage = tree.sample()
            if usage is not None and usage.cpu_s is not None and usage.rss_bytes is not None:
                stat, known = quota(pid), ours.sample()
                counts = stat.get("nr_periods"), stat.get("nr_throttled")
                others_s = (resources.machine().cpu_s or 0.0) - ((known and known.cpu_s) or 0.0) - apart * usage.cpu_s
                use.samples.append(Sample(time.monotonic_ns(), usage.cpu_s, usage.rss_bytes, *counts, others_s))

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield use
    finally:
        over.set()
        thread.join()


def quota(pid: int) -> Mapping[str, int]:
    """`nr_periods` and `nr_throttled` of a process's cgroup; empty without a quota or off Linux."""
    path = resources.cgroup_stat(pid)
    if path is None:
        return {}
    try:
        lines = [line.split() for line in Path(path).read_text().splitlines()]
    except OSError:  # the server has just ended
        return {}
    counts = {words[0]: int(words[1]) for words in lines if len(words) == 2}
    return counts if counts.get("nr_periods") else {}
