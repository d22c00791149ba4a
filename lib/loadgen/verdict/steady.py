"""Was the window steady? Throughput and latency of its parts against one another, and Little's law over the whole."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from loadgen.rows import Rows

PARTS = 10
THROUGHPUT_TOLERANCE = 0.20
LATENCY_TOLERANCE = 0.25
RANK_CORRELATION = 0.8
FEWEST = 20  # requests a part needs to say anything


def unsteady(window: Rows, start_ns: int, duration_s: float, constant_rate: bool) -> str:
    """What was not steady, in words; empty when steady or when there is too little to tell.

    Throughput: no fifth of the window may differ from the mean by more than 20 % beyond four standard deviations of a
    Poisson count. Latency: the medians of tenths must not climb or fall in order (rank correlation 0.8) by over 25 %.
    """
    good = window.kind == 0
    done_s, due_s = ((t[good] - start_ns) / 1e9 for t in (window.done_ns, window.scheduled_ns))
    if len(due_s) < PARTS * FEWEST:
        return ""
    counts, _ = np.histogram(done_s, bins=PARTS // 2, range=(0.0, duration_s))
    mean = counts.mean()
    allowed = THROUGHPUT_TOLERANCE * mean + 4 * math.sqrt(mean)
    if constant_rate and np.abs(counts - mean).max() > allowed:
        low, high = counts.min() * PARTS / 2 / duration_s, counts.max() * PARTS / 2 / duration_s
        return f"throughput moved between {low:.0f} and {high:.0f} a second"
    latency = (window.done_ns - window.scheduled_ns)[good] / 1e6
    part = np.clip((due_s / duration_s * PARTS).astype(int), 0, PARTS - 1)
    medians = np.array([np.median(latency[part == i]) for i in range(PARTS) if np.count_nonzero(part == i) >= FEWEST])
    if constant_rate and len(medians) >= PARTS // 2:
        ranks = medians.argsort().argsort()
        first, last = medians[:3].mean(), medians[-3:].mean()
        moved = abs(last - first) / min(first, last)
        if abs(np.corrcoef(ranks, np.arange(len(ranks)))[0, 1]) > RANK_CORRELATION and moved > LATENCY_TOLERANCE:
            return f"median latency went from {first:.2f} to {last:.2f} ms"
    return ""


def little(rows: Rows, workers: list[dict[str, Any]]) -> dict[str, float | None]:
    """Little's law over each worker's window: requests in flight as counted live, against rate x mean latency.

    The second is the sum over rows of the time they spent inside the window, by its length: rate x mean latency with
    the requests that straddle an edge, or failed, taken at their share. The live count never sees the rows.
    """
    counted = from_rows = 0.0
    for result in workers:
        first, last = result["edges_ns"]
        mine = rows.worker == result["worker"]
        inside = np.minimum(rows.done_ns[mine], last) - np.maximum(rows.scheduled_ns[mine], first)
        if last > first:
            from_rows += float(np.maximum(inside, 0).sum()) / (last - first)
            counted += result["in_flight_s"] / result["edge_s"]
    error = abs(counted - from_rows) / counted if counted > 0 else None
    return {"mean_in_flight": counted, "rate_times_latency": from_rows, "error": error}
