"""How fast the machine is at this moment: one small piece of work, timed on a core again and again."""

from __future__ import annotations

import os
import threading
import time

import numpy as np

EVERY_S = 0.04  # a piece takes some 0.2 ms of the core
KEEP_S = 60.0


class Pulse:
    """Times a short loop and a gather over 8 MB on one core while the block runs.

    On a shared host a core's speed goes from 1 to 0.6 and back within seconds, so that no window beside another tells
    about it. What was timed within a window does: in 30 closed loops each, with batching and without, the server's core
    time of a request went with it (correlation of the logarithms 0.9, slope 0.75 to 1). It is the thread's own time, as
    a wait for the core would count as well.

    Args:
        core: Where the work is done; the process measured there loses half a percent of it.
    """

    def __init__(self, core: int):
        self.core, self._samples, self._ended = core, [], threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Pulse:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        self._thread.join()

    def since(self, began: float) -> float:
        """Microseconds the piece took at the median since `began` (time.monotonic)."""
        return float(np.median([took_us for at, took_us in list(self._samples) if at >= began]))

    def _beat(self) -> None:
        os.sched_setaffinity(0, {self.core})  # of this thread alone
        values, order = np.arange(1 << 20, dtype=np.int64), np.random.default_rng(0).integers(0, 1 << 20, 4096)
        while not self._ended.wait(EVERY_S):
            began = time.thread_time()
            values[order].sum()
            for _ in range(2500):
                pass
            self._samples.append((time.monotonic(), 1e6 * (time.thread_time() - began)))
            del self._samples[: -int(KEEP_S / EVERY_S)]
