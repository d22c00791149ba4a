"""When idle batch threads look for a batch whose time-out is over (shared_batch_scheduler.h, ThreadLogic).

There an idle thread looks, waits for a millisecond or until it is notified, and looks again; a task notifies a thread
when it makes a batch ready. A batch that is ready because of its time-out alone is seen at somebody's next look, so
that a time-out costs some half a millisecond more than it says.
"""

from __future__ import annotations

import math

import numpy as np

from playbook.tune.queues import EPS


class Looks:
    """The idle threads' looks.

    Args:
        every_ms: How often a thread looks; 0 where time-outs are seen at once.
        threads: Idle batch threads at the start, each with a phase of its own.
        seed: Of the phases.
    """

    def __init__(self, every_ms: float, threads: int, seed: int):
        self.every_ms = every_ms
        phases = np.random.default_rng(seed).uniform(-every_ms, 0, threads) if every_ms else np.empty(0)
        self._since: list[float] = phases.tolist()

    def seen(self, due_ms: float) -> float:
        """When a batch that is due then is seen: at the first look of any idle thread from then on."""
        if not self._since:
            return due_ms
        return min(self._next(since, due_ms) for since in self._since)

    def _next(self, since_ms: float, due_ms: float) -> float:
        return since_ms + self.every_ms * max(0, math.ceil((due_ms - since_ms - EPS) / self.every_ms))

    def leave(self, now_ms: float) -> None:
        """A thread has taken a batch: the one that looks now, else the one that looks next."""
        if self._since:
            self._since.remove(min(self._since, key=lambda since: self._next(since, now_ms)))

    def join(self, now_ms: float) -> None:
        """A thread has run its batch; it looks at once, and then again and again."""
        if self.every_ms:
            self._since.append(now_ms)
