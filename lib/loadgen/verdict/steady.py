"""Was the window steady? Throughput and latency of its parts against one another, and Little's law over the whole."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from loadgen.rows import RequestRows

PARTS = 10
THROUGHPUT_TOLERANCE = 0.20
LATENCY_TOLERANCE = 0.25
RANK_CORRELATION = 0.8
FEWEST = 20  # requests a part needs to say anything


def unsteady(rows: RequestRows, start_ns: int, duration_s: float, constant_rate: bool) -> str:
    """What was not steady, from all rows of a level; empty when steady, or when there is too little to tell."""
    if not constant_rate:
        return ""
    good = rows.take(rows.kind == 0)
    due_inside = (good.scheduled_ns >= start_ns) & (good.scheduled_ns < start_ns + int(duration_s * 1e9))
    window = good.take(due_inside)
    if len(window) < PARTS * FEWEST:
        return ""
    latency_s = (window.done_ns - window.scheduled_ns) / 1e9
    return _throughput_moved((good.done_ns - start_ns) / 1e9, duration_s, float(latency_s.mean())) or _latency_moved(
        (window.scheduled_ns - start_ns) / 1e9, latency_s * 1e3, duration_s
    )


def _throughput_moved(done_s: np.ndarray, duration_s: float, latency_s: float) -> str:
    """Says so where a fifth of the window differs from the mean by more than 20 % and what chance allows.

    Chance: four standard deviations of a Poisson count, and the requests in flight (rate x latency), as each client's
    answers may fall on either side of an edge: all of them together where the server answers in step.
    """
    counts, _ = np.histogram(done_s, bins=PARTS // 2, range=(0.0, duration_s))
    mean = counts.mean()
    in_flight = counts.sum() / duration_s * latency_s
    if np.abs(counts - mean).max() <= THROUGHPUT_TOLERANCE * mean + 4 * math.sqrt(mean) + in_flight:
        return ""
    low, high = counts.min() * PARTS / 2 / duration_s, counts.max() * PARTS / 2 / duration_s
    return f"throughput moved between {low:.0f} and {high:.0f} a second"


def _latency_moved(due_s: np.ndarray, latency_ms: np.ndarray, duration_s: float) -> str:
    """Says so where the medians of tenths climb or fall in order (rank correlation 0.8) by over 25 %."""
    part = np.clip((due_s / duration_s * PARTS).astype(int), 0, PARTS - 1)
    enough = [i for i in range(PARTS) if np.count_nonzero(part == i) >= FEWEST]
    medians = np.array([np.median(latency_ms[part == i]) for i in enough])
    if len(medians) < PARTS // 2:
        return ""
    ranks = medians.argsort().argsort()
    first, last = medians[:3].mean(), medians[-3:].mean()
    moved = abs(last - first) / min(first, last)
    if abs(np.corrcoef(ranks, np.arange(len(ranks)))[0, 1]) > RANK_CORRELATION and moved > LATENCY_TOLERANCE:
        return f"median latency went from {first:.2f} to {last:.2f} ms"
    return ""


def little(rows: RequestRows, workers: list[dict[str, Any]]) -> dict[str, float | None]:
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
