"""A day of a fleet: what one pod is, what happens to fleets, and what a simulated day is told by."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from playbook.deploy import autoscaler
from playbook.deploy.replica import Replica
from playbook.deploy.sizing import Demand, Sizing

_TAIL = math.log(100)  # of an exponential tail: p99 is so many means


@dataclass(frozen=True)
class Loss:
    """Pods that are lost at a second of the day; they are started again, on new nodes where the old are gone."""

    second: int
    share: float = 0.0  # of the pods that answer; 0 is one pod
    nodes_too: bool = False


# A pod in the morning, and one of three zones at the diurnal peak.
LOSSES = (Loss(10 * 3600), Loss(15 * 3600, 1 / 3, nodes_too=True))


@dataclass(frozen=True)
class Pods:
    """What the simulation knows of one pod and of the autoscaler's bounds."""

    slo_rps: float  # most a pod carries inside the limit
    saturation_rps: float  # most it answers at all
    target_rps: float  # load at which the autoscaler is content
    start_s: float  # from wanted to ready, on a node that is there
    least: int
    most: int
    limit_ms: float = 50.0
    curve: tuple[tuple[float, float], ...] = ()  # (requests/s, p99 in ms) of one pod, rates rising
    timeout_s: float = 10.0  # after which a client gives up; until then its request waits
    connections_per_pod: float = 8.0  # the balancer spreads connections, not requests; 0 spreads requests
    node_s: float = 120.0  # further seconds where a node must be provisioned first
    pods_per_node: int = 4
    policy: str = autoscaler.SHIPPED  # of autoscaler.WINDOWS_S

    @classmethod
    def planned(cls, replica: Replica, sizing: Sizing, schedule_s: float, fixed: bool = False, **more: Any) -> Pods:
        """Pods as the manifests will run them; `fixed` holds the replica count, without autoscaler.

        Args:
            replica: What one was measured to carry and how long it takes to start.
            sizing: The autoscaler's bounds, and how connections fall.
            schedule_s: Scheduling and image pull, before the server's own start.
            fixed: Hold the sized count.
            more: Other fields, such as `policy`.
        """
        least = sizing.replicas.value if fixed else sizing.min_replicas.value
        return cls(
            slo_rps=replica.rate_rps.value,
            saturation_rps=replica.saturation_rps.value,
            target_rps=sizing.planned_rps.value,
            start_s=schedule_s + (replica.start_s.value if replica.start_s else 0.0),
            least=least,
            most=least if fixed else sizing.max_replicas.value,
            limit_ms=replica.limit_ms.value if replica.limit_ms else 50.0,
            curve=tuple(replica.curve.value) if replica.curve else (),
            **{"connections_per_pod": sizing.connections_per_pod.value, **more},
        )

    def p99_ms(self, load_rps: np.ndarray) -> np.ndarray:
        """p99 at a pod's load: the measured curve, not under the limit beyond the rate that kept it.

        Without a curve that goes so far: of a server whose response time grows as 1 / (saturation - load).
        """
        room = np.maximum(self.saturation_rps - load_rps, 0.02 * self.saturation_rps)
        least = max(self.saturation_rps - self.slo_rps, 0.02 * self.saturation_rps)
        modelled = self.limit_ms * least / room
        if not self.curve:
            return modelled
        rates, p99s = np.array(self.curve).T
        beyond = np.maximum(np.where(load_rps > rates[-1], modelled, 0.0), self.limit_ms)
        measured = np.interp(load_rps, rates, p99s)
        return np.where(load_rps > self.slo_rps, np.maximum(measured, beyond), measured)

    def late_share(self, load_rps: np.ndarray, waiting_s: np.ndarray) -> np.ndarray:
        """Share of a pod's requests beyond the limit: of an exponential tail with the p99 of its load, and its wait."""
        left = self.limit_ms - waiting_s * 1e3
        share = np.exp(-_TAIL * np.maximum(left, 0.0) / self.p99_ms(load_rps))
        return np.where(left <= 0, 1.0, share)


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


@dataclass(frozen=True)
class Day:
    """What happened in each second; every array has shape (seconds,)."""

    offered: np.ndarray  # requests that arrived
    served: np.ndarray
    refused: np.ndarray  # given up on after the client's time-out, or lost with their pod
    ready: np.ndarray  # pods
    wanted: np.ndarray  # pods the autoscaler asked for
    attained: np.ndarray  # share of the second's requests answered inside the limit
    p99_ms: np.ndarray  # of a pod with the mean load, and the wait in its queue; NaN without a measured curve

    def results(self, demand: Demand, cpus: int) -> dict[str, Any]:
        """The day in fourteen figures; shares are of all requests, money is for ready and starting pods."""
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
