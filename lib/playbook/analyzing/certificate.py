"""The SLO certificate: "p99 <= 50 ms at 1,800/s, 99 % confidence", or how much longer the level must be held.

The rule is a binomial bound on the share of requests beyond the limit, with fewer samples than were counted where
requests depend on one another: a queue makes slow requests come together.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

MOST_BATCHES = 30
SLOWEST = (0.99, 0.95)  # thresholds at which dependence is looked for besides the limit itself
CLUSTER_GAP = 5  # good requests in between that do not yet end a cluster of slow ones
LONE_CLUSTER = 1.5  # mean cluster size that independent requests reach by chance


@dataclass(frozen=True)
class Certificate:
    """Whether a claim is proven, and the evidence: `hold_s` is 0 when proven, None when holding longer is no use."""

    proven: bool
    text: str
    requests: int
    beyond: int
    inflation: float
    bound: float  # upper confidence limit of the share beyond the limit
    hold_s: float | None

    def to_json(self) -> dict[str, Any]:
        """The certificate as plain JSON values."""
        return asdict(self)


def certify(
    latency_ms: np.ndarray,
    limit_ms: float,
    rate_rps: float,
    failed: int = 0,
    quantile: float = 0.99,
    confidence: float = 0.99,
) -> Certificate:
    """Judge "the `quantile` of latency is at most `limit_ms`" from the requests of one level.

    Args:
        latency_ms: Latencies of good answers in order of time.
        limit_ms: The limit claimed.
        rate_rps: Requests a second in the window, for the words and for how much longer to hold.
        failed: Requests without a good answer; each counts as beyond the limit.
        quantile: 0.99 for p99.
        confidence: One minus the chance of a false certificate.
    """
    count = len(latency_ms) + failed
    name = f"p{100 * quantile:g} <= {limit_ms:g} ms at {rate_rps:,.0f}/s"
    if count == 0:
        return Certificate(False, f"{name}: not proven, there is no request at all", 0, 0, 1.0, 1.0, None)
    hits = latency_ms > limit_ms
    beyond = int(np.count_nonzero(hits)) + failed
    factor = inflation(latency_ms, hits)
    bound = upper_bound(beyond, count, factor, confidence)
    if bound <= 1 - quantile:
        text = f"{name}, {confidence:.0%} confidence ({beyond} of {count:,} beyond)"
        return Certificate(True, text, count, beyond, factor, bound, 0.0)
    needed = requests_needed(beyond / count, factor, quantile, confidence)
    if needed is None:
        share = f"{beyond:,} of {count:,} requests ({beyond / count:.2%}) were beyond"
        return Certificate(False, f"{name}: not met, {share}", count, beyond, factor, bound, None)
    hold_s = math.ceil(max(1.0, (needed - count) / rate_rps)) if rate_rps > 0 else None
    text = f"{name}: not proven ({beyond} of {count:,} beyond); hold {hold_s:,} s longer"
    return Certificate(False, text, count, beyond, factor, bound, float(hold_s) if hold_s is not None else None)


def inflation(latency_ms: np.ndarray, hits: np.ndarray) -> float:
    """How many requests are worth one independent one (>= 1).

    Two looks, the worse one counts: batch means of "slower than a threshold", for the claim itself and for the slowest
    1 % and 5 % (the claim says little when next to nothing is beyond it); and the size of the clusters in which slow
    requests come. Both are estimates, so their upper limits are used.

    Source: A. Law, Simulation Modeling and Analysis, ch. 9.5 (batch means); the cluster size is the reciprocal of the
    extremal index by runs, Embrechts et al., Modelling Extremal Events, ch. 8.1.
    """
    if len(latency_ms) < MOST_BATCHES * 4:
        return 1.0
    slow = [latency_ms > threshold for threshold in np.quantile(latency_ms, SLOWEST)]
    return max(1.0, *(_batch_means(one) for one in (*slow, hits)), *(_cluster(one) for one in (slow[0], hits)))


def upper_bound(beyond: int, count: int, factor: float, confidence: float) -> float:
    """Upper confidence limit of a share, of `count` dependent samples (Clopper-Pearson on the effective ones)."""
    from scipy.special import betaincinv

    effective, misses = count / factor, beyond / factor
    return 1.0 if misses >= effective else float(betaincinv(misses + 1, effective - misses, confidence))


def requests_needed(share: float, factor: float, quantile: float, confidence: float) -> int | None:
    """Requests after which the claim stands if the share beyond stays; None when it never will (within 100 million)."""
    if share >= 1 - quantile:
        return None
    low, high = 1, 2
    while upper_bound(round(share * high), high, factor, confidence) > 1 - quantile:
        low, high = high, 2 * high
        if high > 10**8:
            return None
    while high - low > max(1, low // 1000):
        middle = (low + high) // 2
        proven = upper_bound(round(share * middle), middle, factor, confidence) <= 1 - quantile
        low, high = (low, middle) if proven else (middle, high)
    return high


def _batch_means(hits: np.ndarray) -> float:
    """Variance of batch means over that of independent samples, for two batch lengths; upper 90 % limit."""
    from scipy.special import chdtri

    count, share = len(hits), float(hits.mean())
    if share in (0.0, 1.0):
        return 1.0
    worst = 1.0
    for batches in {MOST_BATCHES, int(math.sqrt(count))}:
        length = count // batches
        means = hits[: batches * length].reshape(batches, length).mean(axis=1)
        ratio = float(means.var(ddof=1)) * length / (share * (1 - share))
        worst = max(worst, ratio * (batches - 1) / float(chdtri(batches - 1, 0.9)))
    return worst


def _cluster(hits: np.ndarray) -> float:
    """Size of the cluster a slow request finds itself in, mean over slow requests; from few clusters, with a margin."""
    places = np.flatnonzero(hits)
    if len(places) < 2:
        return 1.0
    ends = np.flatnonzero(np.diff(places) > CLUSTER_GAP) + 1
    sizes = np.diff(np.concatenate(([0], ends, [len(places)]))).astype(float)
    size = float((sizes**2).sum() / sizes.sum())
    return size * (1 + 2 / math.sqrt(len(sizes))) if size > LONE_CLUSTER else size
