"""How much a server carries: the rate at which p99 meets the limit, the knee, the law of the curve, the cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from playbook.promise import Promise

MILLION = 1_000_000
FEWEST_POINTS = 3  # the law has three parameters


@dataclass(frozen=True)
class Scalability:
    """Universal Scalability Law X(N) = rate1 N / (1 + contention (N - 1) + coherency N (N - 1)).

    Source: N. Gunther, Guerrilla Capacity Planning, ch. 6. `peak_in_flight` is None when the curve has no peak.
    """

    rate1_rps: float
    contention: float
    coherency: float
    peak_in_flight: float | None
    peak_rps: float | None
    r2: float

    def rate_rps(self, in_flight: np.ndarray) -> np.ndarray:
        """Throughput at so many requests in flight."""
        n = np.asarray(in_flight, dtype=float)
        return self.rate1_rps * n / (1 + self.contention * (n - 1) + self.coherency * n * (n - 1))


@dataclass(frozen=True)
class Capacity:
    """Rates in requests/s; None where the levels do not tell. `reached` is False when no level passed the limit."""

    rate_rps: float | None
    low_rps: float | None
    high_rps: float | None
    reached: bool
    knee: str | None
    knee_rps: float | None
    headroom: float | None
    scalability: dict[str, Any] | None
    text: str


def estimate(levels: Sequence[Mapping[str, Any]], promise: Promise) -> Capacity:
    """What the valid levels say about capacity.

    Args:
        levels: Rows of stress.json `results.levels[]`.
        promise: Levels with more failures than it allows count as beyond its limit; its rate gives the headroom.
    """
    # An open loop tells what users meet; a closed one waits for the server: with two open ones it does not count.
    usable = [v for v in levels if v.get("valid") and v.get("latency_p99_ms") is not None and v.get("throughput_rps")]
    opened = [v for v in usable if v["arrival"] != "closed"]
    curve = opened if len(opened) >= 2 else usable
    kind = "open loop" if curve is opened else "closed loop"
    curve, fell = _up_to_the_peak(curve, promise)
    rate, reached = crossing(curve, promise, "latency_p99_ms")
    bounded = all(v.get(name) is not None for v in curve for name in ("latency_p99_low_ms", "latency_p99_high_ms"))
    low, _ = crossing(curve, promise, "latency_p99_high_ms") if bounded else (None, False)
    high, high_reached = crossing(curve, promise, "latency_p99_low_ms") if bounded else (None, False)
    knee = max(usable, key=lambda v: v["throughput_rps"] / (v["latency_mean_ms"] or math.inf), default=None)
    # The law speaks of a fixed number in flight; the bursts of an open loop do not lie on its curve.
    counted = [v for v in usable if v.get("mean_in_flight")]
    closed = [v for v in counted if v["arrival"] == "closed"]
    points = closed if len(closed) >= FEWEST_POINTS else counted
    law = fit_scalability([v["mean_in_flight"] for v in points], [v["throughput_rps"] for v in points])
    ends = (low, high if high_reached else None) if bounded else None
    return Capacity(
        rate,
        low,
        high if high_reached else None,
        reached,
        _name(knee),
        knee["throughput_rps"] if knee else None,
        rate / promise.target_rate_rps - 1 if rate and promise.target_rate_rps else None,
        asdict(law) if law else None,
        _in_words(rate, ends, reached, fell, promise.p99_limit_ms, kind, _failing(curve, promise)),
    )


def _failing(levels: Sequence[Mapping[str, Any]], promise: Promise) -> bool:
    """Whether a level counts as beyond the limit by its failures alone."""
    fast = [level for level in levels if promise.p99_inside(level["latency_p99_ms"])]
    return any(not promise.p99_inside(_beyond(level, promise, "latency_p99_ms")) for level in fast)


def _up_to_the_peak(levels: Sequence[Mapping[str, Any]], promise: Promise) -> tuple[list[Mapping[str, Any]], bool]:
    """The curve without levels past its peak, and whether there were any.

    A level beyond the limit that carried less than another inside it is no point of the rising curve: with more load
    throughput fell. Pooled with the good one it would hide that the limit was kept.
    """
    inside = [v["throughput_rps"] for v in levels if promise.p99_inside(_beyond(v, promise, "latency_p99_ms"))]
    most = max(inside, default=0.0)
    rising = [
        v for v in levels if promise.p99_inside(_beyond(v, promise, "latency_p99_ms")) or v["throughput_rps"] > most
    ]
    return rising, len(rising) < len(levels)


def crossing(levels: Sequence[Mapping[str, Any]], promise: Promise, column: str) -> tuple[float | None, bool]:
    """Throughput at which `column` meets the limit, and whether a level beyond it was seen.

    None when even the lowest level is beyond. Not reached: the highest level's throughput.
    """
    if not levels:
        return None, False
    ms = np.array([[_beyond(level, promise, column) for level in levels]])
    rates = np.array([[level["throughput_rps"] for level in levels]])
    weights = np.array([float(max(1, level.get("requests") or 1)) for level in levels])
    rate, reached = (figure[0] for figure in crossings(rates, ms, promise.p99_limit_ms, weights))
    return (None if np.isnan(rate) else float(rate)), bool(reached)


def crossings(
    rates_rps: np.ndarray, ms: np.ndarray, limit_ms: float, weights: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The same for many curves at once, each a row of levels; NaN where even the lowest level is beyond.

    Latency is first made to rise with throughput (isotonic regression by the max-min formula); between two levels its
    logarithm is taken as linear.

    Source: R. Barlow et al., Statistical Inference under Order Restrictions, ch. 1.2.
    """
    order = np.argsort(rates_rps[0], kind="stable")
    rates, logs = rates_rps[:, order], np.log(ms[:, order])
    weight = np.ones(len(order)) if weights is None else weights[order]
    count = len(order)
    sums = np.concatenate([np.zeros((len(logs), 1)), np.cumsum(logs * weight, axis=1)], axis=1)
    total = np.concatenate([[0.0], np.cumsum(weight)])
    rising = np.full(logs.shape, -np.inf)
    for place in range(count):
        for start in range(place + 1):
            ends = np.arange(place, count) + 1
            means = (sums[:, ends] - sums[:, [start]]) / (total[ends] - total[start])
            rising[:, place] = np.maximum(rising[:, place], means.min(axis=1))
    over = rising > math.log(limit_ms)
    reached, first, row = over.any(axis=1), over.argmax(axis=1), np.arange(len(logs))
    low = np.maximum(first - 1, 0)
    step = np.maximum(rising[row, first] - rising[row, low], 1e-12)
    share = (math.log(limit_ms) - rising[row, low]) / step
    between = rates[row, low] + share * (rates[row, first] - rates[row, low])
    return np.where(reached, np.where(first == 0, np.nan, between), rates[:, -1]), np.asarray(reached)


def fit_scalability(in_flight: Sequence[float], rate_rps: Sequence[float]) -> Scalability | None:
    """Least squares fit of the Universal Scalability Law with no negative coefficient; None below three points."""
    from scipy.optimize import nnls

    n, x = np.asarray(in_flight, dtype=float), np.asarray(rate_rps, dtype=float)
    if len(np.unique(np.round(n, 3))) < FEWEST_POINTS:
        return None
    # N/X = 1/rate1 + (contention/rate1) (N-1) + (coherency/rate1) N (N-1) is linear; weights undo the division by X.
    design = np.stack([np.ones_like(n), n - 1, n * (n - 1)], axis=1)
    weight = x**2 / n
    (inverse, contention, coherency), _ = nnls(design * weight[:, None], n / x * weight)
    if inverse <= 0:
        return None
    law = Scalability(1 / inverse, contention / inverse, coherency / inverse, None, None, 0.0)
    residual = x - law.rate_rps(n)
    r2 = 1 - float(residual @ residual) / float(((x - x.mean()) ** 2).sum() or 1.0)
    peak = math.sqrt(max(0.0, 1 - law.contention) / law.coherency) if law.coherency > 1e-12 else None
    peak_rps = float(law.rate_rps(np.array(max(1.0, peak)))) if peak is not None else None
    return Scalability(law.rate1_rps, law.contention, law.coherency, peak, peak_rps, r2)


def goodput_rps(latency_ms: np.ndarray, limit_ms: float, duration_s: float) -> float | None:
    """Good answers inside the limit, a second."""
    return float(np.count_nonzero(latency_ms <= limit_ms)) / duration_s if duration_s > 0 else None


def cost(
    rate_rps: float,
    cores: float,
    cpu_s_per_request: float | None,
    core_hour: float,
    gpus: float = 0.0,
    gpu_hour: float = 0.0,
) -> dict[str, Any]:
    """CPU seconds used and money for a million predictions at `rate_rps`; the cores are paid for whether used or not.

    Args:
        rate_rps: Predictions a second one server carries inside the limit.
        cores: Cores the server has.
        cpu_s_per_request: CPU seconds the server used for one prediction; None when not sampled.
        core_hour: Price of one core for an hour, in any currency.
        gpus: GPUs the server has.
        gpu_hour: Price of one GPU for an hour.
    """
    hours = MILLION / rate_rps / 3600
    return {
        "rate_rps": rate_rps,
        "cpu_s_per_million": None if cpu_s_per_request is None else cpu_s_per_request * MILLION,
        "core_s_per_million": cores * MILLION / rate_rps,
        "money_per_million": hours * (cores * core_hour + gpus * gpu_hour),
    }


def _beyond(level: Mapping[str, Any], promise: Promise, column: str) -> float:
    """The level's latency; twice the limit at least when too many requests failed."""
    value = level.get(column) or level["latency_p99_ms"]
    success = level.get("success_rate")
    failed = 0.0 if success is None else 1.0 - success
    return value if promise.errors_inside(failed) else max(value, 2 * promise.p99_limit_ms)


def _name(level: Mapping[str, Any] | None) -> str | None:
    from playbook.stress.levels import described

    return described(level) if level else None


def _in_words(
    rate: float | None,
    ends: tuple[float | None, float | None] | None,
    reached: bool,
    fell: bool,
    limit_ms: float,
    kind: str,
    failing: bool = False,
) -> str:
    """The capacity in a sentence; `ends` is its interval, None where a level has none."""
    if rate is None and not reached:
        return "No valid level has a p99, so the capacity is not known."
    if failing:
        known = f"the most that keeps {limit_ms:g} ms and the failures promised is about {rate or 0.0:,.0f}/s"
        none = f"no level keeps {limit_ms:g} ms with as few failures as promised"
        return f"Levels inside the limit failed too many requests: {known if rate else none} ({kind})."
    if rate is None:
        return f"p99 is beyond {limit_ms:g} ms at every level ({kind}); the capacity inside the limit is below them."
    if not reached and fell:
        return f"The most inside {limit_ms:g} ms was {rate:,.0f}/s; with more load throughput fell ({kind})."
    if not reached:
        return f"p99 stayed within {limit_ms:g} ms at every level, so the capacity is at least {rate:,.0f}/s ({kind})."
    if ends is None:
        return (
            f"p99 meets {limit_ms:g} ms at about {rate:,.0f}/s (too few independent requests for an interval; {kind})."
        )
    low = f"{ends[0]:,.0f}" if ends[0] else "below the lowest level"
    high = f"{ends[1]:,.0f}/s" if ends[1] else "beyond the highest level"
    return f"p99 meets {limit_ms:g} ms at {rate:,.0f}/s (95 %: {low} to {high}, {kind})."
