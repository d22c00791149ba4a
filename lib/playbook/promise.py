"""The promise a server must keep, and the one question asked of it everywhere: are these figures inside?

Levels of stress, windows of tune, simulated rates, seconds of adapt and the rehearsal of deploy all ask it here. The
load generator knows nothing of the playbook and applies the same rule to its own summaries (`loadgen.search`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from playbook.errors import ParameterError

KEPT, NOT_KEPT, NOT_PROVEN = "KEPT", "NOT KEPT", "NOT PROVEN"  # the answers there are to a promise
BEYOND_P99 = 0.01  # the share of requests that p99 leaves beyond it
WRONG_SHARE = 1e-4  # before anything is called met, one wrong answer in so many must have shown with 95 % certainty
ROUNDING = 1e-9  # 1 - 0.999 is a little more than 0.001, and is not meant to be


@dataclass(frozen=True)
class Promise:
    """99 of 100 requests answered within a limit, few failures, and a rate that is carried where one was promised."""

    p99_limit_ms: float
    max_error_share: float = 0.001
    target_rate_rps: float | None = None  # None: no rate was promised

    def __post_init__(self) -> None:
        if not (math.isfinite(self.p99_limit_ms) and self.p99_limit_ms > 0):
            raise ParameterError(f"p99_limit_ms is {self.p99_limit_ms}; a limit above 0 ms is expected.")
        if not 0 <= self.max_error_share <= 1:
            raise ParameterError(f"max_error_share is {self.max_error_share}; a share from 0 to 1 is expected.")
        if self.target_rate_rps is not None and not (math.isfinite(self.target_rate_rps) and self.target_rate_rps > 0):
            raise ParameterError(f"target_rate_rps is {self.target_rate_rps}; a rate above 0 is expected.")

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Promise:
        """The promise in a notebook's flat parameters; a `target_rate_rps` of 0, or none, promises no rate.

        Raises:
            ParameterError: A limit, share or rate that none can be.
        """
        allowed = settings.get("max_error_share")
        share = cls.max_error_share if allowed is None else allowed
        return cls(settings["p99_limit_ms"], share, settings.get("target_rate_rps") or None)

    def inside(self, p99_ms: float | None, error_share: float | None, rate_rps: float | None = None) -> bool:
        """Whether these figures of a level or a window keep the promise; what is not known keeps nothing.

        Args:
            p99_ms: Of the answered requests; None where too few were.
            error_share: Failed over all requests.
            rate_rps: What was carried; compared with the promised rate only where it is given.
        """
        if p99_ms is None or error_share is None or not self.p99_inside(p99_ms):
            return False
        if rate_rps is not None and self.target_rate_rps is not None and rate_rps < self.target_rate_rps:
            return False
        return self.errors_inside(error_share)

    def p99_inside(self, p99_ms: float) -> bool:
        """The part of the question that latency alone answers; not a number is outside."""
        return p99_ms <= self.p99_limit_ms

    def errors_inside(self, error_share: float) -> bool:
        """The part of the question that failures alone answer."""
        return error_share <= self.max_error_share + ROUNDING

    def kept_by_counting(self, beyond: int, errors: int, requests: int) -> bool:
        """The same question where there are too few requests for a p99: at most one in a hundred beyond the limit.

        It is the best guess and no proof. No request keeps nothing.

        Args:
            beyond: Requests beyond the limit, those that failed included.
            errors: Of them failed.
            requests: All.
        """
        return requests > 0 and beyond <= BEYOND_P99 * requests and self.errors_inside(errors / requests)

    def kept_by(self, level: Mapping[str, Any]) -> bool:
        """Whether a level's row (`latency_p99_ms`, `success_rate`) keeps limit and errors."""
        success = level.get("success_rate")
        return self.inside(level.get("latency_p99_ms"), None if success is None else 1.0 - success)
