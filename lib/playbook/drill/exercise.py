"""What is drilled, and with what: the server as it was proven, the rate of one replica, its capacity, the time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from playbook.errors import ParameterError
from playbook.prove.candidate import Candidate, candidate_of

ALL = "all"
OVERLOAD = 10.0  # times its capacity
LEAST = 1.3  # times its capacity: less is no flood
CLIENT_SHARE = 0.8  # of what the load generator itself can send: more would measure the generator


@dataclass(frozen=True)
class Exercise(Candidate):
    """A candidate, and the drills that are asked for on it. Rates are of one server, in requests/s."""

    capacity_rps: float
    client_rps: float | None  # what the load generator can send of these requests; None: not measured
    drills: tuple[str, ...]
    remedies: bool
    drill_s: float
    budget_s: float
    soak_s: float
    skipped: str = ""  # why nothing is drilled

    @property
    def calm_s(self) -> float:
        """The promised rate is held for so long before anything happens."""
        return max(1.0, 0.25 * self.drill_s)

    @property
    def overload_rps(self) -> float:
        """The rate of a flood: ten times the capacity, or what the generator can send, 1.3 times at least."""
        wanted = OVERLOAD * self.capacity_rps
        able = CLIENT_SHARE * self.client_rps if self.client_rps else wanted
        return round(min(wanted, max(able, LEAST * self.capacity_rps)), 1)


def exercise_of(settings: Mapping[str, Any], known: Mapping[str, Any]) -> Exercise:
    """The exercise that a notebook's parameters ask for.

    Args:
        settings: The parameters of 75_drill.
        known: The drills there are, by name, in order.

    Raises:
        ParameterError: a drill that is none, or nothing to start (no export).
    """
    names, one = _names(settings["drills"], known), candidate_of(settings)
    proven = one.run.results("prove")
    rate = proven.get("rate_rps") or one.rate_rps
    load = replace(one.load, duration_s=settings["drill_s"], ramp_up_s=min(0.5, settings["drill_s"] / 8))
    exercise = Exercise(
        **vars(replace(one, rate_rps=rate, load=load)),
        capacity_rps=max(proven.get("carried_rps") or 0.0, one.expected_rps or 0.0, rate),
        client_rps=_client_rps([*one.run.levels, *one.run.levels_of("prove")]),
        drills=names,
        remedies=settings["remedies"],
        drill_s=settings["drill_s"],
        budget_s=60 * settings["drill_minutes"],
        soak_s=60 * settings["soak_minutes"],
        skipped=one.hopeless_because(),
    )
    if exercise.attached and not settings["drill_attached"]:
        why = "the server runs elsewhere and others may need it; drill_attached: true allows drills of load alone on it"
        return replace(exercise, skipped=why)
    if not exercise.drills and not exercise.soak_s:
        return replace(exercise, skipped="no drill was asked for (drills, soak_minutes)")
    return exercise


def _client_rps(levels: Iterable[Mapping[str, Any]]) -> float | None:
    """What the load generator can send in an open loop, by what such levels cost its cores; None: none was held."""
    opened = [level for level in levels if level.get("arrival") != "closed"]
    pairs = [(level.get("offered_rps"), level.get("client_cpu_share")) for level in opened]
    return max((rate / share for rate, share in pairs if rate and share), default=None)


def _names(asked: list[Any], known: Mapping[str, Any]) -> tuple[str, ...]:
    """The drills that are asked for, in the order of the table."""
    if wrong := [name for name in asked if name != ALL and name not in known]:
        raise ParameterError(
            f"drills names {wrong[0]!r}; the drills are {', '.join(known)}, or {ALL} for each of them."
        )
    return tuple(name for name in known if name in asked or ALL in asked)
