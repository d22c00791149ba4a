"""Days of fleets, second by second and all at once: arrivals, queues that queue, lost pods, nodes that take time.

Arrivals are Poisson. Connections spread unevenly, so a fleet is simulated as twentieths from its coolest to its hottest
pods. A pod answers up to its saturation rate; the rest waits until the client gives up. The autoscaler sees what its
metric would show: CPU and requests count what was answered, so an overload hides above saturation; requests in flight
and waiting do not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from playbook.deploy.autoscaler import METRIC_DELAY_S, SYNC_S, WINDOWS_S, Autoscaler
from playbook.deploy.fleet import Day, Loss, Pods
from playbook.deploy.imbalance import GROUPS, twentieths

_FULLEST = 0.98  # of a pod's saturation: nearer to it the model of a queue says nothing
_NODE_LINGERS_S = 600  # until an empty node is given back: pods may come back to it at once


def simulate(rates_rps: np.ndarray, pods: Pods, seed: int = 7, losses: Sequence[Loss] = ()) -> Day:
    """Run a day of demand over one fleet.

    Args:
        rates_rps: Demand, shape (seconds,).
        pods: Of one kind.
        seed: Of the arrivals.
        losses: Pods lost on the way.
    """
    return simulate_all([rates_rps], [pods], seed, losses)[0]


def simulate_all(
    rates: Sequence[np.ndarray], fleets: Sequence[Pods], seed: int = 7, losses: Sequence[Loss] = ()
) -> list[Day]:
    """Run several days at once, each its demand over its fleet; days with the same demand get the same arrivals.

    Args:
        rates: Demand of each, shape (seconds,), all equally long.
        fleets: One a day.
        seed: Of the arrivals.
        losses: Pods lost in each of them.
    """
    offered = np.array([np.random.default_rng(seed).poisson(demand) for demand in rates], dtype=float)
    run = _Run(offered, fleets, [float(demand[0]) for demand in rates])
    by_second = {loss.second: loss for loss in losses}
    for begin in range(0, offered.shape[1], SYNC_S):
        seconds = range(begin, min(begin + SYNC_S, offered.shape[1]))
        run.decide(begin)
        if by_second.keys().isdisjoint(seconds) and run.glides(seconds):
            continue
        for second in seconds:
            if second in by_second:
                run.lose(second, by_second[second])
            run.step(second)
    return [run.day(number) for number in range(len(fleets))]


@dataclass
class _Nodes:
    """Room on nodes that are there."""

    pods: int
    since: int = 0

    def provision(self, now: int, wanted: int, per_node: int) -> int:
        """How many of `wanted` pods find no room and wait for a node."""
        missing = max(0, wanted - self.pods)
        if missing:
            self.pods += math.ceil(missing / per_node) * per_node
            self.since = now
        elif now - self.since > _NODE_LINGERS_S:
            self.pods = math.ceil(wanted / per_node) * per_node
        else:
            return 0
        return missing


class _Run:
    """State of all fleets; arrays have the fleets first, then the twentieths."""

    def __init__(self, offered: np.ndarray, fleets: Sequence[Pods], begin_rps: Sequence[float]) -> None:
        self.fleets, self.offered = fleets, offered
        shape = offered.shape
        self.served, self.refused, self.ready, self.wanted = (np.zeros(shape) for _ in range(4))
        self.waiting_s = np.zeros((*shape, GROUPS), dtype=np.float32)
        self.metric = np.zeros((shape[0], shape[1] + 1))  # summed over the seconds before
        self.queue = np.zeros((shape[0], GROUPS))
        self.up = np.zeros(shape[0])
        self.saturation = np.array([pods.saturation_rps for pods in fleets])
        self.timeout_s = np.array([[pods.timeout_s] for pods in fleets])
        self.policies = {name: np.array([pods.policy == name for pods in fleets]) for name in WINDOWS_S}
        self.watches_queues = bool((self.policies["in_flight"] | self.policies["queue_depth"]).any())
        self.scalers = [_begin(rate, pods) for rate, pods in zip(begin_rps, fleets, strict=True)]
        self.nodes = [_Nodes(math.ceil(s.count / pods.pods_per_node) * pods.pods_per_node)
                      for s, pods in zip(self.scalers, fleets, strict=True)]  # fmt: skip
        self.targets = np.array([_target(pods) for pods in fleets])
        self._spread()

    def _spread(self) -> None:
        """Capacity and share of each twentieth, after pods came or went; what waits stays with the pods it waits at."""
        before, self.up = self.up, np.array([float(max(scaler.up, 0)) for scaler in self.scalers])
        for number in np.flatnonzero((self.up > before) & (before > 0) & self.queue.any(axis=1)):
            self.queue[number] = _crowded(self.queue[number], before[number] / self.up[number])
        shares = [twentieths(max(s.up, 1), pods.connections_per_pod)
                  for s, pods in zip(self.scalers, self.fleets, strict=True)]  # fmt: skip
        self.share = np.array(shares) / GROUPS
        self.capacity = np.maximum(np.repeat((self.up * self.saturation / GROUPS)[:, None], GROUPS, axis=1), 1e-9)
        self.soonest = min((when for s in self.scalers for when, _ in s.starting), default=math.inf)

    def decide(self, now: int) -> None:
        """Each autoscaler looks at its metric as it was a while ago."""
        changed = False
        for number, (scaler, pods) in enumerate(zip(self.scalers, self.fleets, strict=True)):
            if scaler.least == scaler.most:
                continue
            end = max(now - METRIC_DELAY_S + SYNC_S, 1)
            start = max(end - WINDOWS_S[pods.policy], 0)
            mean = (self.metric[number, min(end, now)] - self.metric[number, start]) / max(min(end, now) - start, 1)
            more = scaler.decide(now, mean / self.targets[number]) if now else 0
            if more > 0:
                self._start(number, now, more)
            elif more < 0:
                scaler.shrink(-more)
            changed = changed or more != 0
        if changed:
            self._spread()

    def _start(self, number: int, now: int, more: int, nodes_gone: bool = False) -> None:
        scaler, pods = self.scalers[number], self.fleets[number]
        late = more if nodes_gone else self.nodes[number].provision(now, scaler.count, pods.pods_per_node)
        late = min(late, more)
        for count, wait_s in ((more - late, pods.start_s), (late, pods.start_s + pods.node_s)):
            if count:
                scaler.starting.append((now + math.ceil(wait_s), count))

    def lose(self, now: int, loss: Loss) -> None:
        """Pods go with what waits in them, and are started again."""
        for number, scaler in enumerate(self.scalers):
            lost = min(scaler.up, math.ceil(loss.share * scaler.up) or 1)
            gone = self.queue[number] * (lost / max(scaler.up, 1))
            self.refused[number, now] += gone.sum()
            self.queue[number] -= gone
            scaler.up -= lost
            self._start(number, now, lost, loss.nodes_too)
        self._spread()

    def glides(self, seconds: range) -> bool:
        """All these seconds at once, where no pod comes or goes and nothing waits; False where that is not so."""
        if self.soonest < seconds.stop or self.queue.any():
            return False
        part = slice(seconds.start, seconds.stop)
        done = self.offered[:, part, None] * self.share[:, None]
        if (done > self.capacity[:, None]).any():
            return False
        self.served[:, part] = self.offered[:, part]
        self.ready[:, part] = self.up[:, None]
        self.wanted[:, part] = [[scaler.count] for scaler in self.scalers]
        shown = self._seen(done, self.offered[:, part])
        self.metric[:, part.start + 1 : part.stop + 1] = self.metric[:, part.start, None] + np.cumsum(shown, axis=1)
        return True

    def step(self, now: int) -> None:
        """One second of arrivals and answers."""
        if self.soonest <= now:
            for scaler in self.scalers:
                scaler.become_ready(now)
            self._spread()
        work = self.queue + self.offered[:, now, None] * self.share
        done = np.minimum(work, self.capacity)
        left = work - done
        self.queue = np.minimum(left, self.capacity * self.timeout_s)
        self.refused[:, now] += (left - self.queue).sum(axis=1)
        self.served[:, now] = answered = done.sum(axis=1)
        self.waiting_s[:, now] = self.queue / self.capacity
        self.ready[:, now] = self.up
        self.wanted[:, now] = [scaler.count for scaler in self.scalers]
        self.metric[:, now + 1] = self.metric[:, now] + self._seen(done[:, None], answered[:, None])[:, 0]

    def _seen(self, done: np.ndarray, answered: np.ndarray) -> np.ndarray:
        """What each policy's metric shows of a pod, mean over the pods: requests answered, in flight, or waiting.

        Args:
            done: Shape (fleets, seconds, GROUPS).
            answered: Shape (fleets, seconds), as what is returned.
        """
        pods = np.maximum(self.up, 1.0)[:, None]
        if not self.watches_queues:
            return answered / pods
        full = np.minimum(done / self.capacity[:, None], _FULLEST)
        in_flight = (full / (1 - full)).mean(axis=2) + self.queue.sum(axis=1)[:, None] / pods
        waits = in_flight - full.mean(axis=2)
        shown = np.where(self.policies["in_flight"][:, None], in_flight, answered / pods)
        return np.where(self.policies["queue_depth"][:, None], waits, shown)

    def day(self, number: int) -> Day:
        """What happened to one fleet."""
        pods, offered, ready = self.fleets[number], self.offered[number], np.maximum(self.ready[number], 1.0)
        late, p99_ms = _told(pods, offered, ready, self.waiting_s[number])
        lost = self.refused[number] / np.maximum(offered, 1.0)
        attained = np.clip((1 - late) * (1 - np.minimum(lost, 1.0)), 0.0, 1.0)
        return Day(
            offered=offered,
            served=self.served[number],
            refused=self.refused[number],
            ready=self.ready[number],
            wanted=self.wanted[number],
            attained=attained,
            p99_ms=p99_ms,
        )


def _told(pods: Pods, offered: np.ndarray, ready: np.ndarray, waiting_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of each second's requests beyond the limit, and its p99 in ms; both of shape (seconds,).

    Seconds in which nothing waits are alike where as many requests meet as many pods, and computed once.
    """
    alike = offered * (ready.max() + 1) + ready
    alike[waiting_s.any(axis=1)] = -1.0 - np.flatnonzero(waiting_s.any(axis=1))
    _, at, back = np.unique(alike, return_index=True, return_inverse=True)
    load, waiting = offered[at] / ready[at], waiting_s[at].astype(float)
    counts, where = np.unique(ready[at], return_inverse=True)
    over = np.array([twentieths(int(count), pods.connections_per_pod) for count in counts])[where]
    late = (pods.late_share(over * load[:, None], waiting) * over / GROUPS).sum(axis=1)
    known = pods.p99_ms(load) if pods.curve else np.full_like(load, np.nan)
    return late[back], (known + waiting.mean(axis=1) * 1e3)[back]


def _crowded(queue: np.ndarray, share: float) -> np.ndarray:
    """The queue of a fleet after pods without one came: it lies in the last `share` of it, in the same order."""
    edges = np.linspace(0, 1, GROUPS + 1)
    summed = np.concatenate([[0.0], np.cumsum(queue)])
    return np.diff(np.interp((edges - (1 - share)) / share, edges, summed))


def _begin(rate_rps: float, pods: Pods) -> Autoscaler:
    count = min(max(math.ceil(rate_rps / pods.target_rps), pods.least), pods.most)
    return Autoscaler(pods.least, pods.most, count, count)


def _target(pods: Pods) -> float:
    """The policy's metric of a pod at the planned load."""
    if pods.policy in ("cpu", "requests"):
        return pods.target_rps
    full = min(pods.target_rps / pods.saturation_rps, _FULLEST)
    return full / (1 - full) - (full if pods.policy == "queue_depth" else 0.0)
