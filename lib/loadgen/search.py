"""The highest rate a server carries inside an SLO: doubling, bisection, replicates at the boundary, a monotone fit.

An estimate: it knows nothing beforehand, spends a budget on the boundary and answers with the rate at which the fitted
curve crosses the limit, its interval and the evidence. `playbook.tune.rates` is the other search there is: it compares
dozens of configurations, begins at a good guess and answers with the highest rate that was measured inside the limit.
They share no code on purpose: an interval needs replicates at both ends, which a trial cannot afford, and a tuner that
ranked by interpolated rates would rank by rates that no window held.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from loadgen.holding import hold
from loadgen.level import Level
from loadgen.verdict.boundary import crossing, is_cliff
from loadgen.verdict.evidence import pooled

NARROW = 1.05  # the bracket is narrow enough when its ends differ by 5 %
REPLICATES = 2  # further levels at each end of the bracket
SAMPLES = 1300  # requests a level needs at least: p99 wants 1000 good ones
AROUND_S = 0.3  # from one window to the next beside ramp-up: connections, rows, checks
OF_CLIENT = {"client_stood_still", "client_cpu", "client_late", "bad_passport", "little_law"}


class _RateSearch:
    """The levels held so far, and the budget they came from."""

    def __init__(
        self, level: Level, limit_ms: float, max_error_share: float, out_dir: Path, budget_s: float, holder: Callable
    ) -> None:
        self.level, self.limit_ms, self.max_error_share = level, limit_ms, max_error_share
        self.out_dir, self.holder = out_dir, holder
        self.until = time.monotonic() + budget_s
        self.trials: list[dict[str, Any]] = []

    def seconds(self, rate: float) -> float:
        """Wall time one level at `rate` takes."""
        return self.level.ramp_up_s + max(self.level.duration_s, SAMPLES / rate) + AROUND_S

    def affords(self, rate: float, levels: int = 1) -> bool:
        return time.monotonic() + levels * self.seconds(rate) <= self.until

    def passes(self, rate: float) -> bool:
        """Hold one level at `rate`; whether it kept the limit."""
        number = len(self.trials)
        level = self.level.with_(
            arrival="poisson",
            rate_rps=rate,
            concurrency=None,
            duration_s=max(self.level.duration_s, SAMPLES / rate),
            level=self.level.level + number,
        )
        summary = self.holder(level, self.out_dir / f"rate-{number:02d}", p99_limit_ms=self.limit_ms)
        failed = set(summary["failed_checks"])
        p99 = summary["latency_ms"]["p99"]
        errors = summary["errors"] / summary["requests"] if summary["requests"] else 1.0
        broken = (
            bool(failed & {"offered_rate", "server_dead", "stood_still", "wrong_answers"})
            or errors > self.max_error_share
        )
        inside = p99 is not None and p99 <= self.limit_ms and not broken
        self.trials.append(
            {
                "rate_rps": rate,
                "offered_rps": summary["offered_rps"],
                "throughput_rps": summary["throughput_rps"],
                "p99_ms": p99,
                "p99_low_ms": summary["latency_ms"]["p99_low"],
                "p99_high_ms": summary["latency_ms"]["p99_high"],
                "error_share": errors,
                "broken": broken,
                "passed": inside,
                "client_limited": bool(failed & OF_CLIENT),
                "failed_checks": sorted(failed),
                "claim": summary["claim"],
                "summary": summary,
            }
        )
        return inside


def find_max_rate(
    level: Level,
    p99_limit_ms: float,
    max_error_share: float,
    low_rps: float,
    high_rps: float,
    out_dir: Path,
    budget_s: float,
    holder: Callable[..., dict[str, Any]] = hold,
    on_trial: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Find the highest Poisson rate between `low_rps` and `high_rps` at which p99 stays within `p99_limit_ms`.

    Each level is `level` at another rate, its rows in `out_dir/rate-NN/`. Returns `status`, `rate_rps` (None unless
    something held), `low_rps` and `high_rps` (95 % interval), `text`, `claim` (evidence at the highest rate that held),
    `trials`, `spent_s`. `status`:

    - `found`: the limit is crossed between two rates 5 % apart or less;
    - `cliff`: the curve breaks there: below it all is well, above it requests fail or p99 is a multiple of the limit;
    - `not reached`: even `low_rps` does not hold; `above range`: even `high_rps` holds;
    - `client limited`: the generator gave out first; `budget spent`: the budget went before a level broke the limit, or
      while the bracket was wider than 5 %.
    """
    search = _RateSearch(level, p99_limit_ms, max_error_share, Path(out_dir), budget_s, holder)
    began = time.monotonic()

    def passes(rate: float) -> bool:
        inside = search.passes(rate)
        if on_trial:
            on_trial(search.trials[-1])
        return inside

    low, high = _bracket(search, passes, low_rps, high_rps)
    if low and high:
        while high / low > NARROW and search.affords(low):
            middle = math.sqrt(low * high)
            low, high = (middle, high) if passes(middle) else (low, middle)
        for rate in (low, high) * REPLICATES:
            if search.affords(rate):
                passes(rate)
    return _answer(search, low, high, high_rps) | {"spent_s": time.monotonic() - began}


def _bracket(
    search: _RateSearch, passes: Callable[[float], bool], low_rps: float, high_rps: float
) -> tuple[float | None, float | None]:
    """Double from `low_rps` until a rate fails; returns the last that held and the first that did not, or None."""
    held: float | None = None
    rate = low_rps
    while search.affords(rate) or not search.trials:
        if not passes(rate) and (held or not search.affords(rate) or not passes(rate)):
            return held, rate  # the first rate has a second chance: one bad moment must not end the search
        held = rate
        if rate >= high_rps:
            return held, None
        rate = min(rate * 2, high_rps)
    return held, None


def _answer(search: _RateSearch, low: float | None, high: float | None, top: float) -> dict[str, Any]:
    """The result; `low` held and `high` did not, and no rate above `top` was to be tried."""
    trials, limit = search.trials, search.limit_ms
    given: dict[str, Any] = {"limit_ms": limit, "rate_rps": low, "low_rps": low, "high_rps": low, "trials": trials}
    given["claim"] = None
    if low is None:
        worst = trials[0]["p99_ms"]
        p99_words = "no p99" if worst is None else f"p99 {worst:.1f} ms"
        return given | {
            "status": "not reached",
            "text": f"not reached: {p99_words} already at {trials[0]['rate_rps']:.0f}/s",
        }
    at_low = [t["claim"] for t in trials if t["rate_rps"] == low]
    given["claim"] = pooled(at_low, limit, low)
    if high is None:
        status = "above range" if low >= top else "budget spent"
        return given | {"status": status, "text": f"at least {low:.0f}/s: p99 stayed within {limit:g} ms"}
    if any(t["client_limited"] for t in trials if t["rate_rps"] == high):
        text = f"at least {low:.0f}/s; at {high:.0f}/s the generator itself gave out"
        return given | {"status": "client limited", "text": text}
    rate, interval = crossing(trials, limit)
    status = "cliff" if is_cliff(trials, low, high, limit) else "found" if high / low <= NARROW else "budget spent"
    if status == "cliff" or rate is None:  # between the two there is nothing to interpolate
        rate, interval = low, (low, high)
    words = f"{rate:.0f}/s within p99 <= {limit:g} ms (95 % interval {interval[0]:.0f} to {interval[1]:.0f})"
    if status == "cliff":
        words = f"cliff: {low:.0f}/s holds, {high:.0f}/s breaks"
    return given | {"status": status, "rate_rps": rate, "low_rps": interval[0], "high_rps": interval[1], "text": words}
