"""How far a percentile may be trusted: intervals from order statistics, and the evidence a claim needs.

Requests follow one another through one queue, so their latencies are not independent draws. Every count here is
divided by the inflation `tau` of the variance that this dependence causes, before a binomial bound is taken.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Z95 = 1.959964
MOST_BATCHES = 30
FEWEST = 4 * MOST_BATCHES  # requests below which dependence cannot be seen
SLOWEST = (0.99, 0.95)  # thresholds at which dependence is looked for besides the limit itself
CLUSTER_GAP = 5  # good requests in between that do not yet end a cluster of slow ones
LONE_CLUSTER = 1.5  # cluster size that independent requests reach by chance
ENDLESS = 10**8  # requests; a claim that needs more will never stand


def inflation(hits: np.ndarray, confidence: float = 0.9) -> float:
    """How many dependent samples are worth one independent one (>= 1), from a 0/1 series in time order.

    Two looks, the worse one counts: the variance of batch means over that of independent samples (its upper limit, with
    `confidence`), and the size of the clusters in which hits come.

    Source: A. Law, Simulation Modeling and Analysis, ch. 9.5 (batch means); the cluster size is the reciprocal of the
    extremal index by runs, Embrechts et al., Modelling Extremal Events, ch. 8.1.
    """
    return max(1.0, _batch_means(hits, confidence), _clusters(hits))


def _batch_means(hits: np.ndarray, confidence: float) -> float:
    """The larger one of two batch lengths."""
    from scipy.special import chdtri

    count, share = len(hits), float(np.mean(hits)) if len(hits) else 0.0
    if count < FEWEST or share in (0.0, 1.0):
        return 1.0
    worst = 1.0
    for batches in {MOST_BATCHES, int(math.sqrt(count))}:
        length = count // batches
        means = hits[: batches * length].reshape(batches, length).mean(axis=1)
        ratio = float(means.var(ddof=1)) * length / (share * (1 - share))
        worst = max(worst, ratio * (batches - 1) / float(chdtri(batches - 1, confidence)))
    return worst


def _clusters(hits: np.ndarray) -> float:
    """Size of the cluster a hit finds itself in, mean over hits; from few clusters, with a margin."""
    places = np.flatnonzero(hits)
    if len(hits) < FEWEST or len(places) < 2:
        return 1.0
    ends = np.flatnonzero(np.diff(places) > CLUSTER_GAP) + 1
    sizes = np.diff(np.concatenate(([0], ends, [len(places)]))).astype(float)
    size = float((sizes**2).sum() / sizes.sum())
    return size * (1 + 2 / math.sqrt(len(sizes))) if size > LONE_CLUSTER else size


def percentile_interval(
    in_time_order: np.ndarray, share: float, corrected: bool = True
) -> tuple[float | None, float | None]:
    """95 % interval of the `share` quantile, by order statistics; None at an end the samples do not reach.

    Source: normal approximation of the binomial ranks, David and Nagaraja, Order Statistics, ch. 7.1.
    """
    count = len(in_time_order)
    if count == 0:
        return None, None
    ordered = np.sort(in_time_order)
    above = in_time_order > ordered[min(count - 1, int(share * count))]
    tau = inflation(above, confidence=0.5) if corrected else 1.0
    half = Z95 * math.sqrt(count * share * (1 - share) * tau)
    low, high = math.floor(count * share - half), math.ceil(count * share + half)
    return (
        float(ordered[low - 1]) if low >= 1 else None,
        float(ordered[high - 1]) if high <= count else None,
    )


def upper_bound(misses: float, count: float, tau: float, confidence: float) -> float:
    """Upper confidence limit of a share of misses, of `count` dependent samples (Clopper-Pearson on count / tau)."""
    from scipy.special import betaincinv

    effective, misses = count / tau, misses / tau
    return 1.0 if misses >= effective else float(betaincinv(misses + 1, effective - misses, confidence))


def requests_needed(miss_share: float, tau: float, share: float, confidence: float) -> int | None:
    """Requests after which a claim stands if misses keep coming at `miss_share`; None if it never will.

    459 clean independent requests prove p99 at 99 % confidence, 4,603 prove p99.9.
    """
    if miss_share >= 1 - share:
        return None

    def proven(count: int) -> bool:
        return upper_bound(round(miss_share * count), count, tau, confidence) <= 1 - share

    low, high = 1, 2
    while not proven(high):
        low, high = high, 2 * high
        if high > ENDLESS:
            return None
    while high - low > max(1, low // 1000):
        middle = (low + high) // 2
        low, high = (low, middle) if proven(middle) else (middle, high)
    return high


def claim(
    in_time_order_ms: np.ndarray,
    limit_ms: float,
    rate_rps: float,
    share: float = 0.99,
    confidence: float = 0.99,
    failed: int = 0,
) -> dict[str, Any]:
    """Is "the `share` quantile is at most `limit_ms`" proven by these latencies? Failed requests come as infinity.

    Args:
        failed: Further requests without an answer, of which it is not known when they were due.

    Returns `proven`, `text` (the answer in words, with the seconds still needed), `requests`, `misses`, `tau`
    (dependent requests worth one), `effective_requests`, `bound` (upper confidence limit of the share of misses),
    `hold_s` (0 when proven, None when more time would not help).
    """
    beyond = in_time_order_ms > limit_ms
    tau = inflation(beyond)
    if len(beyond):  # with next to no misses their dependence shows in the slowest 1 % and 5 % instead
        slow, slower = (in_time_order_ms > np.quantile(in_time_order_ms, s, method="lower") for s in SLOWEST)
        tau = max(tau, inflation(slow), _batch_means(slower, 0.9))
    count, misses = len(beyond) + failed, int(np.count_nonzero(beyond)) + failed
    return _answer(count, misses, tau, limit_ms, rate_rps, share, confidence)


def pooled(
    claims: list[dict[str, Any]], limit_ms: float, rate_rps: float, share: float = 0.99, confidence: float = 0.99
) -> dict[str, Any]:
    """One claim from those of several windows at the same rate."""
    count, misses = (sum(c[name] for c in claims) for name in ("requests", "misses"))
    tau = max((c["tau"] for c in claims), default=1.0)
    return _answer(count, misses, tau, limit_ms, rate_rps, share, confidence)


def _answer(
    count: int, misses: int, tau: float, limit_ms: float, rate_rps: float, share: float, confidence: float
) -> dict[str, Any]:
    bound = upper_bound(misses, count, tau, confidence) if count else 1.0
    proven = bound <= 1 - share
    name = f"p{100 * share:g} <= {limit_ms:g} ms at {rate_rps:,.0f}/s"
    seen = f"{misses:,} of {count:,} beyond"
    found = {"requests": count, "misses": misses, "tau": tau, "effective_requests": count / tau, "bound": bound}
    if proven:
        return found | {"proven": True, "hold_s": 0, "text": f"{name}: proven, {confidence:.0%} confidence ({seen})"}
    if not count or rate_rps <= 0:
        return found | {"proven": False, "hold_s": None, "text": f"{name}: not proven, there is no good answer at all"}
    needed = requests_needed(misses / count, tau, share, confidence)
    if needed is None:
        text = f"{name}: not met, {misses:,} of {count:,} requests ({misses / count:.2%}) were slower or failed"
        return found | {"proven": False, "hold_s": None, "text": text}
    hold_s = math.ceil(max(1.0, (needed - count) / rate_rps))
    text = f"{name}: not proven ({seen}); hold {hold_s:,} s longer"
    return found | {"proven": False, "hold_s": hold_s, "text": text}
