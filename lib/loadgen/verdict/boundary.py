"""Where a noisy curve of p99 against rate crosses the limit: monotone fit, and an interval by resampling."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

DRAWS = 500
FAR = 10.0  # p99 of a level without one, in multiples of the limit: it broke
CLIFF = 3.0  # p99 beyond this multiple of the limit just above a rate that holds with room to spare
ROOM = 0.7


def _points(trials: list[dict[str, Any]], limit_ms: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rate, log p99 and its standard deviation for each trial, in order of rate."""
    ordered = sorted(trials, key=lambda t: t["rate_rps"])
    rate = np.array([t["rate_rps"] for t in ordered], dtype=float)
    log_p99 = np.array([math.log(_p99(t, limit_ms)) for t in ordered])
    noise = np.array([_noise(t) for t in ordered])
    for value in np.unique(rate):  # replicates tell more about the noise between levels than one level's rows can
        same = rate == value
        if np.count_nonzero(same) > 1:
            noise[same] = np.maximum(noise[same], log_p99[same].std(ddof=1))
    return rate, log_p99, noise


def _p99(trial: dict[str, Any], limit_ms: float) -> float:
    """p99 of a trial, above the limit where the trial broke."""
    measured = trial["p99_ms"] if trial["p99_ms"] is not None else FAR * limit_ms
    return max(measured, 2 * limit_ms) if trial["broken"] else max(measured, 1e-6)


def _noise(trial: dict[str, Any]) -> float:
    """Standard deviation of log p99 from its own 95 % interval; 10 % where an end is missing."""
    low, high = trial["p99_low_ms"], trial["p99_high_ms"]
    return max(0.02, math.log(high / low) / (2 * 1.96)) if low and high and high > low else 0.10


def _cross(rate: np.ndarray, log_p99: np.ndarray, limit: float) -> float:
    """Rate at which the monotone fit reaches `limit` (log ms); an end of the range when it lies outside."""
    from scipy.optimize import isotonic_regression

    fitted = isotonic_regression(log_p99).x
    if fitted[0] > limit:
        return float(rate[0])
    if fitted[-1] <= limit:
        return float(rate[-1])
    above = int(np.argmax(fitted > limit))
    left, right = fitted[above - 1], fitted[above]
    part = (limit - left) / (right - left)
    return float(math.exp(math.log(rate[above - 1]) + part * math.log(rate[above] / rate[above - 1])))


def crossing(trials: list[dict[str, Any]], limit_ms: float, seed: int = 0) -> tuple[float | None, tuple[float, float]]:
    """Rate at which p99 crosses `limit_ms`, with a 95 % interval; None when there is nothing to fit.

    Isotonic regression of log p99 on rate (pool adjacent violators); the interval repeats it on draws in which every
    level's p99 moves by its own noise.
    """
    if len(trials) < 2:
        return None, (math.nan, math.nan)
    rate, log_p99, noise = _points(trials, limit_ms)
    limit = math.log(limit_ms)
    rng = np.random.default_rng(seed)
    drawn = [_cross(rate, log_p99 + rng.normal(0, noise), limit) for _ in range(DRAWS)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    best = _cross(rate, log_p99, limit)
    return best, (float(min(low, best)), float(max(high, best)))


def is_cliff(trials: list[dict[str, Any]], low: float, high: float, limit_ms: float) -> bool:
    """Whether the server breaks between `low` and `high` rather than slowing down."""
    below = [_p99(t, limit_ms) for t in trials if t["rate_rps"] == low]
    above = [t for t in trials if t["rate_rps"] == high]
    breaks = all(t["broken"] for t in above) or min(_p99(t, limit_ms) for t in above) > CLIFF * limit_ms
    return breaks and max(below) < ROOM * limit_ms
