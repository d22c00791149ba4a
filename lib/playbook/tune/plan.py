"""What is tuned for and at what expense, and all that tuning showed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import stats

from playbook.tfserving.config import DEFAULT, Config, expand
from playbook.tune.fit import Fit, Probe
from playbook.tune.objective import Objective
from playbook.tune.search import Budget, Found, Trial


@dataclass(frozen=True)
class Plan:
    """What to tune for, over which space, and at what expense."""

    space: Mapping[str, Sequence[Any]]
    objective: Objective
    base: Config = DEFAULT  # the default flags, over the protocol of the requests
    search: str = "simulate"
    budget: Budget = field(default_factory=Budget)
    frontier: int = 4  # configurations of the simulator's frontier that are measured
    finalists: int = 3  # of the best trials that are near one another: measured twice more, in turns
    probe_clients: int = 32
    repeats: int = 3  # winner against default, in turns; 0: no interval
    ablation: int = 3  # steps from the default to the winner that are measured one by one
    seed: int = 7

    @property
    def configs(self) -> list[Config]:
        """The whole space, laid out."""
        return expand(self.space, self.base)


@dataclass
class Tuned:
    """All that tuning one model for one promise showed."""

    plan: Plan
    default: dict[str, Any]
    found: Found
    fits: dict[str, Fit]  # by protocol
    predicted: dict[Config, dict[str, Any]]
    repeats: list[tuple[float, float]] = field(default_factory=list)  # scores (default, winner)
    ablation: list[dict[str, Any]] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    measured_s: float = 0.0

    @property
    def best(self) -> Trial:
        """The best trial; the default when nothing else could be measured."""
        return self.found.best or self.found.trials[0]

    def gain(self) -> tuple[float | None, float | None, float | None]:
        """Best over default and its 95 % interval; from the repeats in turns, where both kept the limit in each."""
        told = ratio(self.repeats)
        return told if told[0] else ratio([(self.default["score"] or 0.0, self.best.score or 0.0)])


def ratio(pairs: Sequence[tuple[float, float]]) -> tuple[float | None, float | None, float | None]:
    """Geometric mean of second over first, and its 95 % interval (Student's t on the logarithms, pairs in turns).

    None where it does not exist: a score of 0 has no ratio, one pair has no interval.
    """
    if not pairs or any(a <= 0 or b <= 0 for a, b in pairs):
        return None, None, None
    logs = np.log([b / a for a, b in pairs])
    middle = float(logs.mean())
    if len(logs) < 2:
        return math.exp(middle), None, None
    half = float(stats.t.ppf(0.975, len(logs) - 1) * logs.std(ddof=1) / math.sqrt(len(logs)))
    return math.exp(middle), math.exp(middle - half), math.exp(middle + half)
