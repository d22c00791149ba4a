"""What is tuned for and at what expense, and all that tuning showed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playbook.serve.spec import ServerSpec
from playbook.tfserving.config import DEFAULT, Config, expand
from playbook.tune.fit import Fit
from playbook.tune.gain import Gain, Pair, gain_of, lost_again
from playbook.tune.guess import Probe
from playbook.tune.objective import Objective
from playbook.tune.search import Budget, SearchResult, Trial


@dataclass(frozen=True)
class TuningPlan:
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
    unbatched: str = ""  # why batching left the space: requests of this model cannot be merged
    padded: int = 0  # shapes of requests that only padding merges: it is on wherever batching is

    @property
    def configs(self) -> list[Config]:
        """The whole space, laid out."""
        return expand(self.space, self.base)

    @property
    def simulated(self) -> bool:
        """Whether the simulator ranks the space: it is fitted to a batched and an unbatched server."""
        return not self.unbatched


@dataclass(frozen=True)
class TuningPoint:
    """One promise for one model: the run folder it was exported to, its server, its plan."""

    name: str
    run_dir: Path
    spec: ServerSpec
    plan: TuningPlan

    @property
    def cores(self) -> int:
        """Cores its server may use."""
        return len(self.spec.cpus) or len(os.sched_getaffinity(0))


@dataclass
class Tuned:
    """All that tuning one model for one promise showed."""

    plan: TuningPlan
    default: dict[str, Any]
    searched: SearchResult
    fits: dict[str, Fit]  # by protocol
    predicted: dict[Config, dict[str, Any]]
    repeats: list[Pair] = field(default_factory=list)  # (default, winner), each as measured again in turns
    ablation: list[dict[str, Any]] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    measured_s: float = 0.0
    planned_s: float | None = None  # what it was said to take, s
    took_s: float | None = None  # and what it took
    schedule: str = ""  # what was to be done, in words
    left_out: list[str] = field(default_factory=list)  # for want of time
    skipped: str = ""  # why nothing was tuned
    failures: list[str] = field(default_factory=list)  # configurations that answered wrongly
    deaths: list[str] = field(default_factory=list)  # servers that ended, and not by their configuration

    @classmethod
    def skip(cls, plan: TuningPlan, why: str) -> Tuned:
        """A tuning that was left out, and why."""
        return cls(plan, {}, SearchResult([], "skipped", 0), {}, {}, skipped=why)

    @property
    def winner(self) -> Trial:
        """The best trial of the search; the default when nothing else could be measured."""
        return self.searched.best or self.searched.trials[0]

    @property
    def best(self) -> Trial:
        """The winner; the default where the winner did not win again."""
        default = next((trial for trial in self.searched.trials if trial.config == self.plan.base.tidy()), None)
        return default if default and lost_again(self.repeats) else self.winner

    def gain(self) -> Gain:
        """Winner over default; from the repeats in turns where there are any. None where the default stays."""
        gain = gain_of(self.default, self.winner.measured, self.repeats)
        if self.best is self.winner:
            return gain
        why = gain.why_not or "the winner of the trials was no better when it was measured again"
        return Gain(None, None, None, gain.used, f"{why} ({self.winner.config.words()}); the default flags stay")
