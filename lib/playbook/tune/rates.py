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
FAR = 0.6  # of a rate that failed because it was not carried: the next one is not below this share
HALF = 0.5  # of the lowest rate that failed: the next one where several did, or two and by far
CALM = 0.5  # of the guess: where half of the requests are beyond the limit at so little load, none keeps it
LEAST = 0.1  # of the guess: the lowest rate that is tried
FEWEST = 100  # requests from which a p99 may be judged by the share of those beyond the limit

Row = Mapping[str, Any]


@dataclass
class Highest:
    """The highest rate that kept the limit, 0 when none did; with every window that was held."""

    rate_rps: float = 0.0
    row: Row | None = None
    failed_rps: float | None = None  # the lowest rate that did not keep it
    rows: list[Row] = field(default_factory=list)
    certain: str = ""  # why no lower rate was tried, where none kept the limit

    @property
    def width(self) -> float:
        """The lowest rate that failed over the highest that kept the limit; infinite until both are known."""
        return self.failed_rps / self.rate_rps if self.rate_rps and self.failed_rps else math.inf

    @property
    def nearest(self) -> Row | None:
        """The window with the lowest p99, for when none kept the limit."""
        known = [row for row in self.rows if row["latency_p99_ms"] is not None]
        return min(known, key=lambda row: row["latency_p99_ms"], default=None)


def kept(row: Row, promise: Promise) -> bool:
    """Whether a window kept the promise; one too short for a p99 is judged by the share beyond the limit."""
    if row["latency_p99_ms"] is not None:
        return promise.kept_by(row)
    requests, misses = beyond(row)
    failed = round((1.0 - (row["success_rate"] or 0.0)) * requests)
    return requests >= FEWEST and promise.kept_by_counting(misses, failed, requests)


def beyond(row: Row) -> tuple[int, int]:
    """Requests of a window, and those of them beyond the limit, failures included; (0, 0) where it is not known."""
    claim = row.get("claim") or {}
    return int(claim.get("requests") or 0), int(claim.get("misses") or 0)


def highest_rate(
    hold: Callable[[float], Row],
    guess_rps: float,
    promise: Promise,
    windows: int = 5,
    tolerance: float = 0.03,
    go_on: Callable[[], bool] = lambda: True,
) -> Highest:
    """Find the highest rate that keeps the limit: steps from the guess until it is bracketed, then bisection.

    A window that keeps the limit and is INVALID is held once more; the second one counts, marked as it is. One that
    breaks the limit counts at once: overload makes every window unsteady. Where half of the requests are beyond the
    limit at half of the guess, or p99 is at a tenth of it, no lower rate is tried.

    Args:
        hold: Holds one rate in requests/s for a window and returns its row (`latency_p50_ms, latency_p99_ms,
            success_rate, throughput_rps, valid`, and `claim` with its `requests` and `misses`).
        guess_rps: Where to begin.
        promise: What must be kept.
        windows: How many rates may be held; twice as many and four more only while the bracket is wide, so that a
            rate that merely was not surpassed is not taken for the highest.
        tolerance: Width of the bracket, as a share of the rate, at which the search ends.
        go_on: Asked before each window but the first; False ends the search with what it has.
    """
    result, rate, held = Highest(), guess_rps, 0
    while held < windows or (result.width > STEP and held < 2 * windows + 4):
        if held and not go_on():
            break
        row = one_rate(hold, rate, promise, result).rows[-1]
        held += 1
        result.certain = "" if result.rate_rps else _certain(row, rate, guess_rps, promise)
        if result.width <= 1 + tolerance or result.certain:
            break
        rate = _next(result, row, held, guess_rps, promise)
    return result


def one_rate(hold: Callable[[float], Row], rate_rps: float, promise: Promise, result: Highest | None = None) -> Highest:
    """Hold one rate, once more where it kept the limit but was INVALID, and add what was seen to `result`."""
    result = result or Highest()
    row = hold(rate_rps)
    if kept(row, promise) and not row["valid"]:
        result.rows.append(row)
        row = hold(rate_rps)
    result.rows.append(row)
    if kept(row, promise):
        result.rate_rps, result.row = rate_rps, row
    else:
        result.failed_rps = rate_rps
    return result


def _certain(row: Row, rate: float, guess_rps: float, promise: Promise) -> str:
    """Why no lower rate will keep the limit either; empty where one may."""
    middle = row["latency_p50_ms"]
    if rate <= CALM * guess_rps and middle is not None and middle > promise.p99_limit_ms:
        return f"half of the requests took {middle:,.0f} ms or more already at {rate:,.3g}/s"
    requests, misses = beyond(row)
    if rate <= CALM * guess_rps and requests >= 10 and misses > 0.9 * requests:
        return f"{misses} of {requests} requests were beyond the limit already at {rate:,.3g}/s"
    return f"p99 was beyond it already at {rate:,.3g}/s" if rate <= LEAST * guess_rps else ""


def _far(row: Row, promise: Promise) -> bool:
    """Whether a window was far beyond the limit: its p99 at twice of it, or a tenth of the requests beyond."""
    p99, (requests, misses) = row["latency_p99_ms"], beyond(row)
    return p99 > 2 * promise.p99_limit_ms if p99 is not None else misses > 0.1 * requests


def _next(result: Highest, row: Row, held: int, guess_rps: float, promise: Promise) -> float:
    """The rate to hold next; steps grow while the limit is not bracketed."""
    step = STEP ** (1 + held // 3)
    if result.failed_rps is None:
        return result.rate_rps * step
    if result.rate_rps:
        return math.sqrt(result.rate_rps * result.failed_rps)
    if held > 2 or (held > 1 and _far(row, promise)):  # soon to where it shows whether any rate keeps the limit
        return max(HALF * min(result.failed_rps, guess_rps), LEAST * guess_rps)
    served = row["throughput_rps"] or 0.0
    if served < 0.97 * result.failed_rps:  # overloaded: what it answered is what it can
        return max(served * 0.96, FAR * result.failed_rps)
    return result.failed_rps / step
