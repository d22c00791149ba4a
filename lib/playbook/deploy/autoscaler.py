"""Kubernetes' horizontal autoscaler as shipped, and the metrics it may look at.

Sync period, tolerance, scale-up policy (the larger of doubling and four pods a period), and the window over which
scale-down takes the highest recommendation are Kubernetes' own.
Source: kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale, "Algorithm details".
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

SYNC_S = 15
TOLERANCE = 0.1
UP_FACTOR, UP_PODS = 2, 4
DOWN_WINDOW_S = 300
METRIC_DELAY_S = 30  # metrics-server scrapes every 15 s and averages over one such window
# What each policy looks at, and over how many seconds it is averaged: CPU by the metrics server, the others by
# Prometheus over a minute, as the manifests ask.
WINDOWS_S = {"cpu": 15, "requests": 60, "in_flight": 60, "queue_depth": 60}
SHIPPED = "cpu"


@dataclass
class Autoscaler:
    """One fleet's autoscaler: its bounds, what it asked for, and the pods that still start."""

    least: int
    most: int
    count: int  # pods asked for
    up: int  # pods that answer
    recent: deque[tuple[int, int]] = field(default_factory=deque)  # (second, recommendation) inside the down window
    starting: list[tuple[int, int]] = field(default_factory=list)  # (second of readiness, pods)

    def decide(self, now: int, ratio: float) -> int:
        """Ask for pods; returns how many more (or fewer, below 0).

        Args:
            now: Second of the day.
            ratio: Metric over target, mean over the pods that answer.
        """
        wish = self._wish(ratio)
        self.recent.append((now, wish))
        while self.recent[0][0] < now - DOWN_WINDOW_S:
            self.recent.popleft()
        before = self.count
        self.count = self._bounded(wish)
        return self.count - before

    def _wish(self, ratio: float) -> int:
        """The recommendation; pods that still start count as idle when it would scale up."""
        up = max(self.up, 1)
        if ratio > 1 and self.count > up:
            ratio, up = max(ratio * up / self.count, 1.0), self.count
        return self.count if abs(ratio - 1) <= TOLERANCE else math.ceil(round(ratio * up, 9))

    def _bounded(self, wish: int) -> int:
        if wish > self.count:
            wish = min(wish, max(UP_FACTOR * self.count, self.count + UP_PODS))
        elif wish < self.count and self.count > self.least:
            wish = min(max(wish for _, wish in self.recent), self.count)
        return min(max(wish, self.least), self.most)

    def become_ready(self, now: int) -> None:
        """Count in the pods that have started by now."""
        self.up += sum(pods for when, pods in self.starting if when <= now)
        self.starting = [(when, pods) for when, pods in self.starting if when > now]

    def shrink(self, drop: int) -> None:
        """Take away `drop` pods, those that still start first, the youngest before all."""
        self.starting.sort()
        while drop and self.starting:
            when, pods = self.starting.pop()
            kept = max(pods - drop, 0)
            drop -= pods - kept
            if kept:
                self.starting.append((when, kept))
        self.up -= drop
