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
    `confidence`), and the size of the clusters in which hits come, or misses where those are rarer.

    Source: A. Law, Simulation Modeling and Analysis, ch. 9.5 (batch means); the cluster size is the reciprocal of the
    extremal index by runs, Embrechts et al., Modelling Extremal Events, ch. 8.1.
    """
    rarer = ~hits if 2 * np.count_nonzero(hits) > len(hits) else hits
    return max(1.0, _batch_means(hits, confidence), _clusters(rarer))


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
    """Size of the cluster a hit finds itself in, mean over hits; from few clusters, with a margin.

    Frequent hits fall into clusters by chance alone: the size is told beside the one that independent hits would have.
    """
    places = np.flatnonzero(hits)
    if len(places) < 2:
        return 1.0
    ends = np.flatnonzero(np.diff(places) > CLUSTER_GAP) + 1
    sizes = np.diff(np.concatenate(([0], ends, [len(places)]))).astype(float)
    size = float((sizes**2).sum() / sizes.sum())
    if size <= LONE_CLUSTER:
        return size
    goes_on = 1 - (1 - len(places) / len(hits)) ** (CLUSTER_GAP + 1)
    by_chance = max(LONE_CLUSTER, (1 + goes_on) / (1 - goes_on))  # of a geometric size, seen from a hit
    return size * (1 + 2 / math.sqrt(len(sizes))) * LONE_CLUSTER / by_chance


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


def lower_bound(misses: float, count: float, tau: float, confidence: float) -> float:
    """Lower confidence limit of a share of misses, of `count` dependent samples (Clopper-Pearson on count / tau)."""
    from scipy.special import betaincinv

    effective, misses = count / tau, misses / tau
    return 0.0 if misses <= 0 else float(betaincinv(misses, effective - misses + 1, 1 - confidence))


def requests_needed(miss_share: float, tau: float, share: float, confidence: float) -> int | None:
    """Requests after which a claim is decided if misses keep coming at `miss_share`; None if it never will be.

    Below `1 - share` it will then be proven, above refuted: 459 clean independent requests prove p99 at 99 %
    confidence, 4,603 prove p99.9; two misses among two refute p99.
    """

    def decided(count: int) -> bool:
        if miss_share < 1 - share:
            return upper_bound(round(miss_share * count), count, tau, confidence) <= 1 - share
        return lower_bound(math.floor(miss_share * count), count, tau, confidence) > 1 - share

    low, high = 1, 2
    while not decided(high):
        low, high = high, 2 * high
        if high > ENDLESS:
            return None
    while high - low > max(1, low // 1000):
        middle = (low + high) // 2
        low, high = (low, middle) if decided(middle) else (middle, high)
    return high


def claim(
    in_time_order_ms: np.ndarray,
    limit_ms: float,
    rate_rps: float,
    share: float = 0.99,
    confidence: float = 0.99,
    failed: int = 0,
) -> dict[str, Any]:
    """Is "the `share` quantile is at most `limit_ms`" proven by these latencies, or refuted? Failed ones are infinite.

    Args:
        in_time_order_ms: Latency of each request of one window in ms, in the order they were due.
        limit_ms: The limit claimed, ms.
        rate_rps: Requests/s of the window, for the words and for how much longer to hold.
        share: 0.99 for p99.
        confidence: One minus the chance that `proven` is said of a limit that does not hold; so too for `refuted`.
        failed: Further requests without an answer, of which it is not known when they were due.

    Returns `proven`, `refuted` (at most one of them), `text` (the answer in words, with the seconds still needed),
    `requests`, `misses`, `tau` (dependent requests worth one), `effective_requests`, `bound` and `low_bound` (upper
    and lower confidence limit of the share of misses), `confidence`, `hold_s` (seconds more after which it will be
    decided, one way or the other; 0 when proven, None when refuted or when more time would not help).
    """
    count, misses, tau = evidence(in_time_order_ms, limit_ms, failed)
    return _answer(count, misses, tau, limit_ms, rate_rps, share, confidence)


def evidence(in_time_order_ms: np.ndarray, limit_ms: float, failed: int = 0) -> tuple[int, int, float]:
    """Requests, those beyond the limit, and how many dependent ones are worth one independent one."""
    beyond = in_time_order_ms > limit_ms
    count, misses = len(beyond) + failed, int(np.count_nonzero(beyond)) + failed
    if not len(beyond):
        return count, misses, 1.0
    tau = inflation(beyond)
    if 2 * misses < count:  # with next to no misses their dependence shows in the slowest 1 % and 5 % instead
        slow, slower = (in_time_order_ms > np.quantile(in_time_order_ms, s, method="lower") for s in SLOWEST)
        tau = max(tau, inflation(slow), _batch_means(slower, 0.9))
    return count, misses, tau


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
    bounds = [limit(misses, count, tau, confidence) for limit in (lower_bound, upper_bound)] if count else [0.0, 1.0]
    low, high = bounds
    proven, refuted = high <= 1 - share, low > 1 - share
    figures = {"requests": count, "misses": misses, "tau": tau, "effective_requests": count / tau}
    figures |= {"bound": high, "low_bound": low, "confidence": confidence, "proven": proven, "refuted": refuted}
    name = f"p{100 * share:g} <= {limit_ms:g} ms at {rate_words(rate_rps)}/s"
    counted = f"{misses:,} of {count:,} beyond"
    if proven:
        return figures | {"hold_s": 0, "text": f"{name}: proven, {confidence:.0%} confidence ({counted})"}
    if refuted:
        text = f"{misses:,} of {count:,} requests ({misses / count:.2%}) were slower or failed"
        return figures | {"hold_s": None, "text": f"{name}: not met, {text}; {confidence:.0%} confidence"}
    if not count or rate_rps <= 0:
        return figures | {"hold_s": None, "text": f"{name}: not proven, there is no good answer at all"}
    needed = requests_needed(misses / count, tau, share, confidence)
    if needed is None:
        return figures | {"hold_s": None, "text": f"{name}: not proven ({counted}), and longer would not decide it"}
    hold_s = math.ceil(max(1.0, (needed - count) / rate_rps))
    return figures | {"hold_s": hold_s, "text": f"{name}: not proven ({counted}); hold {hold_s:,} s longer"}


def rate_words(rate_rps: float) -> str:
    """A rate as it is told: 1,800 or 9.9."""
    return f"{rate_rps:,.0f}" if rate_rps >= 100 or rate_rps == round(rate_rps) else f"{rate_rps:.3g}"
