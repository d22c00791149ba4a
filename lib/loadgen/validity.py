"""VALID or INVALID, with the failed check and what to change. Nothing is hidden: an invalid level is shown, marked."""

from __future__ import annotations

from typing import Any

import numpy as np

from loadgen.level import Level
from loadgen.rows import Rows

MAX_CLIENT_CPU = 0.90
MAX_LATENESS_US = 1000.0


def audit(
    level: Level, window: Rows, rows: Rows, summary: dict[str, Any], start_ns: int, target_rps: float
) -> dict[str, Any]:
    """The checks of one level: `valid`, `failed_checks` (names) and `warnings` (reason, then remedy)."""
    failed: dict[str, str] = {}
    share = summary["client_cpu_share"]
    if share is not None and share > MAX_CLIENT_CPU:
        failed["client_cpu"] = (
            f"the client used {share:.0%} of its core: the client is the limit here; add --processes or cores"
        )
    if level.open_loop and summary["offered_rps"] < 0.95 * target_rps:
        failed["offered_rate"] = (
            f"{summary['offered_rps']:.0f} of {target_rps:.0f} requests a second were offered; raise --connections"
        )
    if np.count_nonzero(window.kind == 0) < 1000:
        failed["samples"] = f"{len(window)} requests are too few for p99; hold the level longer"
    return {"valid": not failed, "failed_checks": sorted(failed), "warnings": list(failed.values())}
