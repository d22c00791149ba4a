"""What a configuration is worth: by measurement on a server, or by prediction of the simulator, in the same terms."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from playbook.errors import ParameterError
from playbook.promise import Promise
from playbook.tfserving.config import Config
from playbook.tune.fit import at_rate, predict
from playbook.tune.rates import beyond, highest_rate, one_rate
from playbook.tune.request_path import RequestPath

OBJECTIVES = ("max_rate", "min_p99_at_rate", "min_cost_at_rate")


@dataclass(frozen=True)
class Objective:
    """What is wanted and what must be kept. A score is larger when better, and 0 when the limit is not kept.

    `max_rate`: the score is the highest rate inside the limit. `min_p99_at_rate`: 1000 / p99 in ms at the rate.
    `min_cost_at_rate`: requests a second of one core's time at the rate.
    """

    promise: Promise
    kind: str = "max_rate"
    rate_rps: float = 0.0
    windows: int = 5
    tolerance: float = 0.03

    def __post_init__(self) -> None:
        if self.kind not in OBJECTIVES:
            raise ParameterError(f"objective is {self.kind!r}; it must be one of {', '.join(OBJECTIVES)}.")
        if self.kind != "max_rate" and self.rate_rps <= 0:
            raise ParameterError(f"objective {self.kind} needs objective_rate_rps above 0, in requests/s.")

    def measured(
        self,
        hold: Callable[[float], Mapping[str, Any]],
        guess_rps: float,
        go_on: Callable[[], bool] = lambda: True,
    ) -> dict[str, Any]:
        """Measure with `hold`, which holds one Poisson rate and returns its row.

        Args:
            hold: Of one server.
            guess_rps: Where to begin.
            go_on: Whether there is time for one more window.
        """
        if self.kind == "max_rate":
            result = highest_rate(hold, guess_rps, self.promise, self.windows, self.tolerance, go_on)
        else:
            result = one_rate(hold, self.rate_rps, self.promise)
        row = result.row or result.nearest or result.rows[-1]
        requests, misses = beyond(row)
        measured = {
            "kept": result.row is not None,
            "rate_rps": result.rate_rps,
            "p99_ms": row["latency_p99_ms"],
            "p50_ms": row["latency_p50_ms"],
            "batch_rows": row.get("batch_rows"),
            "core_ms_per_request": row.get("core_ms_per_request"),
            "valid": bool(row["valid"]),
            "requests": requests or None,
            "beyond_limit": misses if requests else None,
            "warnings": list(row["warnings"]),
            "windows": len(result.rows),
            "nearest_rate_rps": row["rate_rps"],
            "certain": result.certain,
        }
        return measured | {"score": self.score(measured)}

    def predicted(self, path: RequestPath, config: Config) -> dict[str, Any]:
        """What the simulator says of a configuration, in the terms of `measured`."""
        if self.kind == "max_rate":
            figures = vars(predict(path, config, self.promise))
            figures = figures | {"batch_rows": figures["mean_batch_rows"], "kept": figures["rate_rps"] > 0}
        else:
            outcome = at_rate(path, config, self.rate_rps)
            p99 = outcome.percentile(99)
            figures = {
                "rate_rps": self.rate_rps,
                "p50_ms": outcome.percentile(50),
                "p99_ms": p99,
                "batch_rows": outcome.mean_batch_rows,
                "core_ms_per_request": outcome.core_ms_per_request,
                "kept": self.promise.inside(p99, outcome.error_share),
            }
        return figures | {"score": self.score(figures) or 0.0}

    def score(self, figures: Mapping[str, Any]) -> float | None:
        """The score of what was measured or predicted; None when it cannot be told (no metrics, no process)."""
        if not figures["kept"]:
            return 0.0
        value = {"max_rate": "rate_rps", "min_p99_at_rate": "p99_ms", "min_cost_at_rate": "core_ms_per_request"}
        figure = figures[value[self.kind]]
        if figure is None or not math.isfinite(figure):
            return None
        return float(figure) if self.kind == "max_rate" else 1000.0 / figure

    def words(self) -> str:
        """The objective in words."""
        limit = f"p99 inside {self.promise.p99_limit_ms:g} ms"
        return {
            "max_rate": f"the highest rate with {limit}",
            "min_p99_at_rate": f"the lowest p99 at {self.rate_rps:,.0f}/s",
            "min_cost_at_rate": f"the least core time a request at {self.rate_rps:,.0f}/s with {limit}",
        }[self.kind]
