"""The SLO certificate: "p99 <= 50 ms at 1,800/s, 99 % confidence", or how much longer the level must be held.

The rule is the load generator's (loadgen.verdict.evidence): a binomial bound on the share of requests beyond the
limit, with fewer samples than were counted where requests depend on one another.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from loadgen import claim


@dataclass(frozen=True)
class Certificate:
    """Whether a claim is proven, and the evidence: `hold_s` is 0 when proven, None when holding longer is no use."""

    proven: bool
    text: str
    requests: int
    beyond: int
    inflation: float  # so many requests are worth one independent one
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
    found = claim(latency_ms, limit_ms, rate_rps, quantile, confidence, failed)
    hold_s = None if found["hold_s"] is None else float(found["hold_s"])
    counts = found["requests"], found["misses"]
    return Certificate(found["proven"], found["text"], *counts, found["tau"], found["bound"], hold_s)
