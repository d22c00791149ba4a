"""The highest rate inside a limit, found with few windows around a guess: measured, never interpolated.

The estimate of that rate, with its interval and its evidence, is `loadgen.find_max_rate`'s; why the two are not one is
said there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from playbook.promise import Promise

STEP = 1.12  # from one rate to the next while the limit has not been bracketed
FAR = 0.6  # after a failure that is far above the limit, the next rate is this share


@dataclass
class Highest:
    """The highest rate that kept the limit, 0 when none did; with every window that was held."""

    rate_rps: float = 0.0
    row: Mapping[str, Any] | None = None
    failed_rps: float | None = None  # the lowest rate that did not keep it
    rows: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def width(self) -> float:
        """The lowest rate that failed over the highest that kept the limit; infinite until both are known."""
        return self.failed_rps / self.rate_rps if self.rate_rps and self.failed_rps else math.inf

    @property
    def nearest(self) -> Mapping[str, Any] | None:
        """The window with the lowest p99, for when none kept the limit."""
        told = [row for row in self.rows if row["latency_p99_ms"] is not None]
        return min(told, key=lambda row: row["latency_p99_ms"], default=None)


def highest_rate(
    hold: Callable[[float], Mapping[str, Any]],
    guess_rps: float,
    promise: Promise,
    windows: int = 5,
    tolerance: float = 0.03,
) -> Highest:
    """Find the highest rate that keeps the limit: steps from the guess until it is bracketed, then bisection.

    A window that keeps the limit and is INVALID is held once more; the second one counts, marked as it is. One that
    breaks the limit counts at once: overload makes every window unsteady.

    Args:
        hold: Holds one rate in requests/s for a window and returns its row (`latency_p99_ms, success_rate, valid`).
        guess_rps: Where to begin.
        promise: What must be kept.
        windows: How many rates may be held; more only while the bracket is wide, so that a rate that merely
            was not surpassed is never taken for the highest.
        tolerance: Width of the bracket, as a share of the rate, at which the search ends.
    """
    found, rate, held = Highest(), guess_rps, 0
    while held < windows or (found.width > STEP and held < 2 * windows + 4):
        row = one_rate(hold, rate, promise, found).rows[-1]
        held += 1
        if found.width <= 1 + tolerance:
            break
        rate = _next(found, row, held)
    return found


def one_rate(
    hold: Callable[[float], Mapping[str, Any]], rate_rps: float, promise: Promise, found: Highest | None = None
) -> Highest:
    """Hold one rate, once more where it kept the limit but was INVALID, and add what was seen to `found`."""
    found = found or Highest()
    row = hold(rate_rps)
    if promise.kept_by(row) and not row["valid"]:
        found.rows.append(row)
        row = hold(rate_rps)
    found.rows.append(row)
    if promise.kept_by(row):
        found.rate_rps, found.row = rate_rps, row
    else:
        found.failed_rps = rate_rps
    return found


def _next(found: Highest, row: Mapping[str, Any], held: int) -> float:
    """The rate to hold next; steps grow while the limit is not bracketed."""
    step = STEP ** (1 + held // 3)
    if found.failed_rps is None:
        return found.rate_rps * step
    if found.rate_rps:
        return math.sqrt(found.rate_rps * found.failed_rps)
    served = row["throughput_rps"] or 0.0
    if served < 0.97 * found.failed_rps:  # overloaded: what it answered is what it can
        return max(served * 0.96, FAR * found.failed_rps)
    return found.failed_rps / step
