"""A day of a fleet, second by second: demand, the autoscaler, pods that take time to start, queues, and the SLO."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr

from playbook.deploy.replica import Replica
from playbook.deploy.sizing import Demand, Sizing

# Kubernetes' horizontal autoscaler as shipped: sync period, tolerance, scale-up policy (the larger of doubling and
# four pods a period), and the window over which scale-down takes the highest recommendation.
# Source: kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale, "Algorithm details".
SYNC_S = 15
TOLERANCE = 0.1
UP_FACTOR, UP_PODS = 2, 4
DOWN_WINDOW_S = 300
METRIC_DELAY_S = 30  # metrics-server scrapes every 15 s and averages over one such window


@dataclass(frozen=True)
class Pods:
    """What the simulation knows of one pod and of the autoscaler's bounds."""

    slo_rps: float  # most a pod carries inside the limit
    saturation_rps: float  # most it answers at all
    target_rps: float  # load at which the autoscaler is content
    start_s: float  # from wanted to ready
    least: int
    most: int
    queue_s: float = 0.05  # work a pod may queue, in seconds of its saturation rate; more is refused
    curve: tuple[tuple[float, float], ...] = ()  # (requests/s, p99 in ms) of one pod, rates rising

    @classmethod
    def planned(cls, replica: Replica, sizing: Sizing, schedule_s: float, fixed: bool = False) -> Pods:
        """Pods as the manifests will run them; `fixed` holds the replica count, without autoscaler.

        Args:
            replica: What one was measured to carry and how long it takes to start.
            sizing: The autoscaler's bounds.
            schedule_s: Scheduling and image pull, before the server's own start.
        """
        least = sizing.replicas.value if fixed else sizing.min_replicas.value
        return cls(
            slo_rps=replica.rate_rps.value,
            saturation_rps=replica.saturation_rps.value,
            target_rps=sizing.planned_rps.value,
            start_s=schedule_s + (replica.start_s.value if replica.start_s else 0.0),
            least=least,
            most=least if fixed else sizing.max_replicas.value,
            queue_s=(replica.limit_ms.value if replica.limit_ms else 50.0) / 1e3,
            curve=tuple(replica.curve.value) if replica.curve else (),
        )


@dataclass(frozen=True)
class Day:
    """What happened in each second; every array has shape (seconds,)."""

    offered: np.ndarray  # requests that arrived
    served: np.ndarray
    refused: np.ndarray
    ready: np.ndarray  # pods
    wanted: np.ndarray  # pods the autoscaler asked for
    attained: np.ndarray  # share of the second's requests answered inside the limit
    p99_ms: np.ndarray  # of a pod with the mean load, from the measured curve, and the wait in its queue; NaN without

    def results(self, demand: Demand, cpus: int) -> dict[str, Any]:
        """The day in a dozen figures; shares are of all requests, money is for ready and starting pods."""
        total = max(float(self.offered.sum()), 1.0)
        pod_hours = float(np.maximum(self.ready, self.wanted).sum()) / 3600
        money = pod_hours * cpus * demand.price_per_cpu_hour
        return {
            "seconds": len(self.offered),
            "requests": total,
            "peak_rps": float(self.offered.max()),
            "slo_attainment": float((self.attained * self.offered).sum() / total),
            "refused_share": float(self.refused.sum() / total),
            "seconds_below_slo": int((self.attained < 0.99).sum()),
            "p99_ms_median": _known(np.median(self.p99_ms)),
            "p99_ms_worst": _known(self.p99_ms.max()),
            "pods_min": int(self.ready.min()),
            "pods_mean": float(self.ready.mean()),
            "pods_max": int(self.ready.max()),
            "pod_hours": pod_hours,
            "cost": money,
            "cost_per_million": money / total * 1e6,
        }


def simulate(rates_rps: np.ndarray, pods: Pods, seed: int = 7) -> Day:
    """Run a day of demand over the fleet.

    Arrivals are Poisson. A pod answers up to its saturation rate, queues `queue_s` of work and refuses the rest. A
    second's requests are inside the limit where their pod got no more than it was measured to carry: the balancer
    spreads at random, so a pod's load scatters around the mean by its square root.

    Args:
        rates_rps: Demand, shape (seconds,).
        pods: Of one kind.
        seed: Of the arrivals.
    """
    offered = np.random.default_rng(seed).poisson(rates_rps).astype(float)
    ready, wanted = _scale(offered, rates_rps, pods)
    served, queue = _serve(offered, ready * pods.saturation_rps, pods.queue_s)
    refused = np.maximum(offered + np.concatenate([[0.0], queue[:-1]]) - served - queue, 0.0)
    load = np.maximum((offered - refused) / ready, 1e-9)
    inside = ndtr((pods.slo_rps - load) / np.sqrt(load))
    waiting_s = queue / (ready * pods.saturation_rps)
    attained = np.where(waiting_s < pods.queue_s, inside, 0.0) * (1 - refused / np.maximum(offered, 1.0))
    return Day(offered, served, refused, ready, wanted, attained, _p99_ms(load, pods) + waiting_s * 1e3)


def _p99_ms(load_rps: np.ndarray, pods: Pods) -> np.ndarray:
    """The measured curve at a pod's load; beyond the rate that kept the limit it is not under the limit."""
    if not pods.curve:
        return np.full_like(load_rps, np.nan)
    rates, p99s = np.array(pods.curve).T
    return np.where(load_rps > pods.slo_rps, np.maximum(np.interp(load_rps, rates, p99s), pods.queue_s * 1e3),
                    np.interp(load_rps, rates, p99s))  # fmt: skip


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _scale(offered: np.ndarray, rates_rps: np.ndarray, pods: Pods) -> tuple[np.ndarray, np.ndarray]:
    """Ready and wanted pods a second; decisions fall every SYNC_S from load METRIC_DELAY_S ago."""
    seconds = len(offered)
    ready, wanted = np.empty(seconds), np.empty(seconds)
    count = min(max(math.ceil(rates_rps[0] / pods.target_rps), pods.least), pods.most)
    up = count  # pods that answer
    starting: deque[tuple[int, int]] = deque()  # (second of readiness, pods)
    recent: deque[tuple[int, int]] = deque()  # (second, recommendation) inside the scale-down window
    sums = np.concatenate([[0.0], np.cumsum(offered)])
    for now in range(0, seconds, SYNC_S):
        seen = max(now - METRIC_DELAY_S, 0), max(now - METRIC_DELAY_S + SYNC_S, 1)
        load = (sums[min(seen[1], seconds)] - sums[seen[0]]) / (seen[1] - seen[0])
        used = min(load, up * pods.saturation_rps)
        wish = _wish(used, up, count, pods)
        recent.append((now, wish))
        while recent[0][0] < now - DOWN_WINDOW_S:
            recent.popleft()
        before, count = count, _bounded(wish, count, max(wish for _, wish in recent), pods)
        if count > before:
            starting.append((now + math.ceil(pods.start_s), count - before))
        elif count < before:
            up = _shrink(starting, up, before - count)
        for second in range(now, min(now + SYNC_S, seconds)):
            while starting and starting[0][0] <= second:
                up += starting.popleft()[1]
            ready[second] = up
        wanted[now : now + SYNC_S] = count
    return ready, wanted


def _wish(used_rps: float, up: int, count: int, pods: Pods) -> int:
    """The autoscaler's recommendation; pods that still start count as idle when it would scale up."""
    ratio = used_rps / (up * pods.target_rps)
    if ratio > 1 and count > up:
        ratio, up = max(used_rps / (count * pods.target_rps), 1.0), count
    return count if abs(ratio - 1) <= TOLERANCE else math.ceil(round(ratio * up, 9))


def _bounded(wish: int, count: int, highest_recent: int, pods: Pods) -> int:
    if wish > count:
        wish = min(wish, max(UP_FACTOR * count, count + UP_PODS))
    elif wish < count:
        wish = min(highest_recent, count)
    return min(max(wish, pods.least), pods.most)


def _shrink(starting: deque[tuple[int, int]], up: int, drop: int) -> int:
    """Take away `drop` pods, those that still start first; returns the pods that answer."""
    while drop and starting:
        when, number = starting.pop()
        kept = max(number - drop, 0)
        drop -= number - kept
        if kept:
            starting.append((when, kept))
    return up - drop


def _serve(offered: np.ndarray, capacity: np.ndarray, queue_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Requests answered and left waiting in each second; the queue of a second is bounded by `queue_s` of capacity."""
    served, queue = np.empty_like(offered), np.empty_like(offered)
    waiting = 0.0
    for second, (arrived, can) in enumerate(zip(offered.tolist(), capacity.tolist(), strict=True)):
        work = waiting + arrived
        done = work if work < can else can
        waiting = min(work - done, can * queue_s)
        served[second], queue[second] = done, waiting
    return served, queue
