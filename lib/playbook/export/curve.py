"""The batch curve: how long one batch of n rows takes on one core, and the line through it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from playbook import stopwatch
from playbook.records import record
from playbook.tfserving.reference import Arrays

Runner = Callable[[Mapping[str, np.ndarray]], Arrays]
MIN_RUNS, MAX_RUNS = 5, 200
BENT = 0.25  # a larger relative residual is worth a warning


def latency_ms(run: Runner, rows: Mapping[str, np.ndarray], size: int, budget_s: float) -> float:
    """Median milliseconds of one batch of `size` real rows, after two runs that do not count."""
    batch = take(rows, size)
    run(batch), run(batch)
    seen, end = [], time.perf_counter() + budget_s
    with stopwatch.measuring():
        while len(seen) < MIN_RUNS or (time.perf_counter() < end and len(seen) < MAX_RUNS):
            began = time.perf_counter()
            run(batch)
            seen.append(time.perf_counter() - began)
    return float(np.median(seen)) * 1e3


def measure(run: Runner, rows: Mapping[str, np.ndarray], sizes: Sequence[int], budget_s: float) -> dict[str, Any]:
    """The curve over batch sizes with its fit, as kept in export.json for the simulator.

    Args:
        run: Answers one batch, on one thread.
        rows: Real rows, taken over again where a batch is larger.
        sizes: Rows a batch, ascending.
        budget_s: Seconds for the whole curve; each size gets an equal part.
    """
    latencies = [latency_ms(run, rows, size, budget_s / len(sizes)) for size in sizes]
    return {"batch_sizes": list(sizes), "latency_ms": [round(ms, 5) for ms in latencies], "fit": fit(sizes, latencies)}


def fit(sizes: Sequence[int], latencies: Sequence[float]) -> dict[str, Any]:
    """Least squares for `a_ms + b_ms·n`, weighted by 1/latency so that small batches count as much as large ones.

    `residuals_ms` are measured minus fitted; `r2` is the share of variance explained, None for one size.
    """
    n, y = np.asarray(sizes, dtype=float), np.asarray(latencies, dtype=float)
    if len(n) < 2:
        return {"a_ms": float(y[0]), "b_ms": 0.0, "r2": None, "residuals_ms": [0.0], "max_relative_error": 0.0}
    design = np.stack([np.ones_like(n), n], axis=1) / y[:, None]
    a, b = np.linalg.lstsq(design, np.ones_like(y), rcond=None)[0]
    residuals = y - (a + b * n)
    spread = float(((y - y.mean()) ** 2).sum())
    return {
        "a_ms": round(float(a), 6),
        "b_ms": round(float(b), 6),
        "r2": round(1 - float((residuals**2).sum()) / spread, 5) if spread else None,
        "residuals_ms": [round(float(r), 5) for r in residuals],
        "max_relative_error": round(float(np.abs(residuals / y).max()), 4),
    }


def doubts(curve: Mapping[str, Any]) -> list[str]:
    """What makes the line a poor picture of the curve, as warnings for the record."""
    error = curve["fit"]["max_relative_error"]
    if error <= BENT:
        return []
    return [
        f"The batch curve lies up to {error:.0%} off its line of {curve['fit']['a_ms']:.3g} + "
        f"{curve['fit']['b_ms']:.3g}·n ms: the machine was busy, or the cost is no line. Repeat with a larger curve_s."
    ]


def take(rows: Mapping[str, np.ndarray], size: int) -> Arrays:
    """The first `size` rows, from the start again where there are fewer."""
    count = len(next(iter(rows.values())))
    return {alias: array[np.arange(size) % count] for alias, array in rows.items()}


def machine() -> dict[str, Any]:
    """The machine a curve holds for."""
    seen = record.environment()
    return {name: seen[name] for name in ("cpu_model", "cores", "memory_gib")}
