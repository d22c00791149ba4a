"""Not enough is not broken: can p99 be told from this window, and how long a window would it take?"""

from __future__ import annotations

import math
from typing import Any

from loadgen.rows import RequestRows

P99_SAMPLES = 1000  # good requests: ten lie beyond p99
MARGIN = 1.05  # chance may give a window 3 % fewer requests than its rate says (Poisson)
LOWER = ("p95", "p90", "p50")


def sufficiency(summary: dict[str, Any], rows: RequestRows) -> dict[str, Any]:
    """`enough`: the window holds a p99. `need_s`: length of a window that would, None where no rate is known.

    Args:
        summary: What `describe` and `little` told of the window.
        rows: All rows of the level: where no request was both due and answered, they tell how long one takes.
    """
    good = summary["requests"] - summary["errors"]
    rate_rps = good / summary["duration_s"] or summary["throughput_rps"] or _rate_by_littles_law(summary, rows)
    need_s = float(math.ceil(MARGIN * P99_SAMPLES / rate_rps)) if rate_rps else None
    return {"enough": good >= P99_SAMPLES, "need_s": need_s}


def _rate_by_littles_law(summary: dict[str, Any], rows: RequestRows) -> float:
    """Requests in flight by the mean latency of any that were answered, in requests/s; 0 where none was."""
    good = rows.take(rows.kind == 0)
    if not len(good):
        return 0.0
    return summary["mean_in_flight"] / (float((good.done_ns - good.scheduled_ns).mean()) / 1e9)


def shortage(summary: dict[str, Any]) -> str:
    """What is missing for a p99, and what can be told instead, in a sentence; empty where there is enough."""
    if summary["enough"]:
        return ""
    good, latency_ms = summary["requests"] - summary["errors"], summary["latency_ms"]
    longer = f"hold it {summary['need_s']:,.0f} s" if summary["need_s"] else "hold it longer"
    if not summary["requests"]:
        return f"not enough for p99: no request was due inside the window of {summary['duration_s']:g} s; {longer}"
    lower = next((f"; {name} is {latency_ms[name]:.4g} ms" for name in LOWER if latency_ms[name] is not None), "")
    text = f"not enough for p99: it needs {P99_SAMPLES:,} good requests (ten beyond it), the window has {good:,}"
    return f"{text}{lower}; {longer}"
