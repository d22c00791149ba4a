"""From one measured replica to a fleet: replicas, autoscaler bounds and what a million predictions cost."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from playbook.deploy.autoscaler import TOLERANCE
from playbook.deploy.imbalance import hottest
from playbook.deploy.replica import Replica, rounded_up
from playbook.errors import ParameterError
from playbook.records.cited import Cited

GROWTH = (1, 2, 5)  # times the target, for which costs are shown
MANY_CORES = 4  # from which a server that uses half of them at most is told to be measured on fewer
FULL = 0.9  # of a replica's measured rate: beyond it no room is left, and ServingOverCapacity rings


@dataclass(frozen=True)
class Demand:
    """What is to be carried, and at what reserve and price."""

    target_rate_rps: float
    headroom: float = 0.3  # share of a replica's measured rate that is left free
    min_replicas: int = 2  # fewer cannot lose one
    price_per_cpu_hour: float = 0.04  # money for a core and hour
    currency: str = "USD"
    connections_per_pod: float = 8.0  # of all clients, which fall on pods at random; 0: requests are balanced

    def __post_init__(self) -> None:
        if not (math.isfinite(self.target_rate_rps) and self.target_rate_rps > 0):
            raise ParameterError(f"target_rate_rps is {self.target_rate_rps}; a rate above 0 is expected.")
        if not 0 <= self.headroom < 1:
            raise ParameterError(f"headroom is {self.headroom}; a share from 0 to below 1 is expected.")
        if self.min_replicas < 1 or self.price_per_cpu_hour < 0:
            raise ParameterError("min_replicas must be 1 or more and price_per_cpu_hour 0 or more.")
        if not (math.isfinite(self.connections_per_pod) and self.connections_per_pod >= 0):
            raise ParameterError(
                f"connections_per_pod is {self.connections_per_pod}; connections of all clients over the pods are "
                "expected, or 0 where a balancer spreads requests."
            )


@dataclass(frozen=True)
class Sizing:
    """A fleet. Every number names the record fields it came from."""

    planned_rps: Cited  # what one replica is planned to carry
    replicas: Cited
    replicas_balanced: Cited  # as many would do, were requests spread evenly
    min_replicas: Cited
    max_replicas: Cited
    cpu_limit: Cited  # cores
    cpu_request: Cited  # cores
    memory_request_mib: Cited
    memory_limit_mib: Cited
    cpu_target_percent: Cited  # of the request, for the autoscaler
    connections_per_pod: Cited  # that fall at random; 0: requests are balanced
    costs: list[dict[str, Any]]
    warnings: list[str]

    def results(self) -> dict[str, Any]:
        """As kept in deploy.json: plain values, with their sources beside them."""
        numbers = {name: value for name, value in vars(self).items() if isinstance(value, Cited)}
        kept = {name: value.value for name, value in numbers.items()}
        return {**kept, "costs": self.costs, "sources": {name: value.source for name, value in numbers.items()}}


def size(replica: Replica, demand: Demand) -> Sizing:
    """The fleet that carries `demand` with replicas like the measured one, also when one of them is lost.

    A replica is planned for its measured rate less the headroom, or for less where connections fall unevenly: the
    hottest pod must keep the promise too. It is never planned for more than was measured. That N replicas carry N
    times as much is an assumption and is said so. Requests equal limits, in whole cores: only then does Kubernetes'
    static CPU manager give a pod cores of its own.
    """
    replicas, balanced = _replicas(replica, demand), _replicas(replica, replace(demand, connections_per_pod=0.0))
    planned = _planned(replica, demand, replicas.value)
    floor = _floor(demand, replicas)
    twice = _needed(replica, replace(demand, target_rate_rps=2 * demand.target_rate_rps))
    cores = replica.cpus.as_(lambda cpus: max(1, math.ceil(cpus)), "whole cores, requests = limits")
    memory = _memory(replica)
    return Sizing(
        planned_rps=planned,
        replicas=replicas,
        replicas_balanced=balanced,
        min_replicas=floor,
        max_replicas=Cited(
            max(twice, replicas.value + 1), f"twice {_target(demand)} over ({_planned(replica, demand, twice).source})"
        ),
        cpu_limit=cores,
        cpu_request=cores,
        memory_request_mib=memory,
        memory_limit_mib=memory,
        cpu_target_percent=_cpu_target(replica, cores, planned),
        connections_per_pod=Cited(demand.connections_per_pod, "deploy.json params.connections_per_pod"),
        costs=[_cost(times, replica, cores.value, demand) for times in GROWTH],
        warnings=_warnings(replica, demand, replicas.value, balanced.value),
    )


def _target(demand: Demand) -> str:
    return f"target_rate_rps {demand.target_rate_rps:.10g}"


def _planned(replica: Replica, demand: Demand, pods: int) -> Cited:
    """What one of so many pods is planned to carry, on the mean over them.

    When the fleet is as far above the plan as the autoscaler tolerates, the hottest pod still has room.
    """
    over = hottest(pods, demand.connections_per_pod)
    share = FULL / over / (1 + TOLERANCE)
    if over == 1 or share >= 1 - demand.headroom:
        return replica.rate_rps.as_(lambda rate: rate * (1 - demand.headroom), f"less headroom {demand.headroom:g}")
    how = (
        f"times {share:.2f}: {demand.connections_per_pod:g} connections a pod fall at random on {pods}, the hottest "
        f"gets {over:.2f} times the mean and has a tenth free when the load is a tenth above the plan"
    )
    return replica.rate_rps.as_(lambda rate: rate * share, how)


def _replicas(replica: Replica, demand: Demand) -> Cited:
    """Enough at the planned rate, and enough at the measured rate when one is lost."""
    needed = _needed(replica, demand)
    wishes = [
        Cited(demand.min_replicas, "deploy.json params.min_replicas"),
        Cited(needed, f"{_target(demand)} over ({_planned(replica, demand, needed).source})"),
    ]
    if demand.min_replicas > 1:
        alone = f"{_target(demand)} over ({replica.rate_rps.source}), and one to lose"
        wishes.append(Cited(_needed_alone(replica, demand), alone))
    return max(wishes, key=lambda wish: wish.value)


def _needed(replica: Replica, demand: Demand) -> int:
    """The fewest pods that carry the target at what each of so many is planned for."""
    pods = _over(demand.target_rate_rps, replica.rate_rps.value * (1 - demand.headroom))
    while (more := _over(demand.target_rate_rps, _planned(replica, demand, pods).value)) > pods:
        pods = more
    return pods


def _needed_alone(replica: Replica, demand: Demand) -> int:
    """The fewest pods that keep the target inside the measured rate, the hottest too, when one of them is lost."""
    left = _over(demand.target_rate_rps, replica.rate_rps.value)
    while True:
        falling = demand.connections_per_pod * (left + 1) / left
        more = _over(demand.target_rate_rps * hottest(left, falling), replica.rate_rps.value)
        if more <= left:
            return left + 1
        left = more


def _over(rate_rps: float, pod_rps: float) -> int:
    return max(1, math.ceil(round(rate_rps / pod_rps, 9)))


def _floor(demand: Demand, replicas: Cited) -> Cited:
    """The least the autoscaler may leave: below 1 / headroom, a lost replica is more than the others' headroom."""
    asked = Cited(demand.min_replicas, "deploy.json params.min_replicas")
    share = math.ceil(1 / demand.headroom) if demand.headroom else replicas.value
    safe = min(replicas.value, share)
    if demand.min_replicas == 1 or safe <= demand.min_replicas:
        return asked
    return Cited(safe, f"1 of {safe} lost is within headroom {demand.headroom:g}, at most the sized replicas")


def _memory(replica: Replica) -> Cited:
    if replica.memory_bytes is None:
        return Cited(2048, "assumed: memory was not measured")
    how = "twice: old and new version side by side, in steps of 64 MiB"
    return replica.memory_bytes.as_(lambda used: int(rounded_up(64)(used * 2 / 2**20)), how)


def _cpu_target(replica: Replica, request: Cited, planned: Cited) -> Cited:
    """CPU use at the planned rate, in percent of the request: as rehearsed, else in proportion to the rate."""
    if replica.planned_cpu_cores is not None:
        used, how, share = replica.planned_cpu_cores, "in percent of the request", 1.0
    else:
        used, share = replica.cpu_cores or request, planned.value / replica.rate_rps.value
        how = f"times {share:.2f} for the planned rate, in percent of the request"
    percent = round(100 * min(used.value / request.value, 1.0) * share)
    return used.as_(lambda _: min(max(percent, 10), 95), how)


def _cost(times: int, replica: Replica, cpus: int, demand: Demand) -> dict[str, Any]:
    rate_rps = times * demand.target_rate_rps
    replicas = _replicas(replica, replace(demand, target_rate_rps=rate_rps)).value
    per_hour = replicas * cpus * demand.price_per_cpu_hour
    return {
        "times_target": times,
        "rate_rps": rate_rps,
        "replicas": replicas,
        "cost_per_hour": round(per_hour, 6),
        "cost_per_million": round(per_hour / (rate_rps * 3600) * 1e6, 6),
    }


def _idle(replica: Replica) -> list[str]:
    """What pods of the cores that the server was measured on would pay for without using it."""
    used = max((seen.value for seen in (replica.cpu_cores, replica.planned_cpu_cores) if seen), default=None)
    cores = replica.cpus.value
    if used is None or cores < MANY_CORES or used > cores / 2:
        return []
    fewer = list(range(max(1, math.ceil(used))))
    return [
        f"The server used {used:.1f} of its {cores:g} cores under load, and every pod asks for {cores:g}: measure it "
        f"on fewer (server_cpus={fewer}), and pods and their cost shrink."
    ]


def _warnings(replica: Replica, demand: Demand, replicas: int, balanced: int) -> list[str]:
    words = list(replica.warnings)
    if replicas > balanced:
        words.append(
            f"{replicas - balanced} of the {replicas} replicas are there because connections fall unevenly "
            f"({demand.connections_per_pod:g} a pod): {balanced} would do behind a balancer that spreads requests (an "
            "ingress, a mesh, gRPC's round_robin); then deploy with connections_per_pod 0."
        )
    words += _idle(replica)
    if demand.target_rate_rps > replica.rate_rps.value:
        words.append(
            f"EXTRAPOLATED: {demand.target_rate_rps:,.0f} requests/s was asked for, {replica.rate_rps.value:,.0f}/s "
            f"was measured, on one replica. {replicas} replicas carry it only if load falls no less evenly than told "
            "and they share nothing; run the load-test Job before you rely on it."
        )
    if (replica.planned_cpu_cores or replica.cpu_cores) is None or replica.memory_bytes is None:
        words.append(
            "CPU and memory of the server were not measured (data/resources): requests and limits are assumed."
        )
    return words
