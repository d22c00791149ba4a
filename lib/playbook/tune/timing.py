"""What a tuning is planned by: the clock of its budget, and what is known of a server's time."""

from __future__ import annotations

import time
from dataclasses import dataclass

OPEN_SHARE = 0.7  # of a closed loop's throughput, that an open one carries inside a limit


class BudgetClock:
    """How much of a budget is gone, from the beginning of the stage: probes and default count as everything else."""

    def __init__(self, budget_s: float) -> None:
        self.given_s = self.budget_s = budget_s
        self._began = time.monotonic()

    def extend(self, budget_s: float) -> None:
        """Take more, where that is a little beyond what was given and nothing would be compared otherwise."""
        self.budget_s = max(self.budget_s, budget_s)

    @property
    def spent_s(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began

    @property
    def left_s(self) -> float:
        """Seconds of the budget that are left; below 0 when it is spent."""
        return self.budget_s - self.spent_s


@dataclass(frozen=True)
class Timing:
    """What is known of one server: a request alone (ms of one core), its cores, and the seconds of a start."""

    request_ms: float
    cores: int
    start_s: float
    kept_rps: float | None = None  # the rate inside the limit, once the default was measured
    busy: float = 1.0  # how many times as long computing takes as it has a core
    begun: int = 0  # servers that are up already: their starts are over
    in_batch: float = 1.0  # what a request costs in a full batch, as a share of what it costs alone

    @property
    def rate_rps(self) -> float:
        """The rate that windows are planned for: what was kept, or a share of what the cores carry at most."""
        return self.kept_rps or OPEN_SHARE * 1000.0 * self.cores / max(self.request_ms, 1e-6)
