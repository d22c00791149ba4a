"""The batch curve: how long one batch of n rows takes on one core, and the line through it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from playbook import stopwatch
from playbook.records.environment import environment
from playbook.tfserving import ragged
from playbook.tfserving.reference import Arrays

Runner = Callable[[Mapping[str, np.ndarray]], Arrays]
MIN_RUNS, MAX_RUNS = 3, 200
UNCOUNTED = 1  # runs of each size that do not count, at least
SETTLING_RUNS, SETTLING_S = 10, 0.05  # more of them, where they are that quick
MOST_SHAPES, SHAPE_RUNS, SHAPES_S = 6, 15, 1.0  # lengths of rows that are timed, runs of each, seconds for all
BENT = 0.25  # a larger relative residual is worth a warning


def latency_ms(
    run: Runner, rows: Mapping[str, np.ndarray], size: int, budget_s: float, uncounted: int = 1, least: int = MIN_RUNS
) -> float:
    """Median milliseconds of one batch of `size` real rows, after runs that do not count.

    Args:
        run: Answers one batch.
        rows: Real rows; those of the most usual shape are taken.
        size: Rows.
        budget_s: Seconds.
        uncounted: Runs before.
        least: Runs that are counted however long they take.
    """
    batch = take(rows, size)
    settle(run, batch, uncounted)
    lasted_s: list[float] = []
    end = time.perf_counter() + budget_s
    with stopwatch.measuring():
        while len(lasted_s) < least or (time.perf_counter() < end and len(lasted_s) < MAX_RUNS):
            began = time.perf_counter()
            run(batch)
            lasted_s.append(time.perf_counter() - began)
    return float(np.median(lasted_s)) * 1e3


def settle(run: Runner, batch: Arrays, least: int = 1) -> None:
    """Runs that do not count: the first ones of a session and a shape are slower, by far with quick models."""
    end = time.perf_counter() + SETTLING_S
    for number in range(max(least, SETTLING_RUNS if least else 0)):
        if number >= least and time.perf_counter() > end:
            break
        run(batch)


def measure(run: Runner, rows: Mapping[str, np.ndarray], sizes: Sequence[int], budget_s: float) -> dict[str, Any]:
    """The curve over batch sizes with its fit, as kept in export.json for the simulator.

    Args:
        run: Answers one batch, on one thread.
        rows: Real rows, taken over again where a batch is larger.
        sizes: Rows a batch, ascending.
        budget_s: Seconds for the whole curve; each size gets an equal share of what is left, and three runs at least.
    """
    latencies: list[float] = []
    end = time.perf_counter() + budget_s
    for number, size in enumerate(sizes):
        share_s = max(0.0, end - time.perf_counter()) / (len(sizes) - number)
        latencies.append(latency_ms(run, rows, size, share_s))
    return {"batch_sizes": list(sizes), "latency_ms": [round(ms, 5) for ms in latencies], "fit": fit(sizes, latencies)}


Asked = tuple[str, Runner, Mapping[str, np.ndarray]]


def by_shape(asked: Sequence[Asked], budget_s: float = SHAPES_S) -> list[dict[str, Any]]:
    """What one row of each length and signature takes beside a usual row of the measured one, timed in turns.

    Args:
        asked: Name, call and rows of each signature, the measured one first.
        budget_s: Seconds; each is timed once at least.

    Returns:
        A length each, from the smallest to the largest, six a signature at most: `signature`, `share` of its rows,
        `row_ms`, and `of_usual`, its time over that of the usual row.
    """
    timed = [(name, run, *one) for name, run, rows in asked for one in _lengths(rows)]
    calls = [(asked[0][1], take(asked[0][2], 1)), *((run, batch) for _, run, _, batch in timed)]
    for run, batch in calls:
        settle(run, batch, UNCOUNTED)
    rounds: list[list[float]] = []
    end = time.perf_counter() + budget_s
    while not rounds or (len(rounds) < SHAPE_RUNS and time.perf_counter() < end):
        rounds.append([_once_ms(run, batch) for run, batch in calls])
    took_ms = np.array(rounds)
    of_usual = np.median(took_ms[:, 1:] / took_ms[:, :1], axis=0)
    row_ms = np.median(took_ms[:, 1:], axis=0)
    return [
        {"signature": name, "share": share, "row_ms": round(float(ms), 5), "of_usual": round(float(ratio), 4)}
        for (name, _, share, _), ms, ratio in zip(timed, row_ms, of_usual, strict=True)
    ]


def _lengths(rows: Mapping[str, np.ndarray]) -> list[tuple[float, Arrays]]:
    """Shares of the rows, by length, and a row that stands for each."""
    sizes = np.array([_elements(rows, row) for row in range(ragged.count(rows))])
    order, kinds = np.argsort(sizes, kind="stable"), len(np.unique(sizes))
    if kinds <= MOST_SHAPES:
        parts = np.split(order, np.flatnonzero(np.diff(sizes[order])) + 1)
    else:
        parts = np.array_split(order, MOST_SHAPES)
    return [(len(part) / len(order), ragged.pick(rows, part[len(part) // 2 :][:1])) for part in parts]


def _once_ms(run: Runner, batch: Arrays) -> float:
    began = time.perf_counter()
    run(batch)
    return 1e3 * (time.perf_counter() - began)


def _elements(rows: Mapping[str, np.ndarray], row: int) -> int:
    return sum(int(np.size(array[row])) for array in rows.values())


def fit(sizes: Sequence[int], latencies: Sequence[float]) -> dict[str, Any]:
    """Least squares for `a_ms + b_ms·n`, weighted by 1/latency so that small batches count as much as large ones.

    `residuals_ms` are measured minus fitted; `r2` is the share of variance explained, None where there is none (as with
    one size). One size says nothing of what a larger batch saves: then every row is taken to cost the same.
    """
    n, y = np.asarray(sizes, dtype=float), np.asarray(latencies, dtype=float)
    if len(n) < 2:
        return {"a_ms": 0.0, "b_ms": float(y[0] / n[0]), "r2": None, "residuals_ms": [0.0], "max_relative_error": 0.0}
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
    """The first `size` rows of one shape, the most usual, from the start again where there are fewer."""
    return ragged.pick(rows, np.resize(usual(rows), size))


def usual(rows: Mapping[str, np.ndarray]) -> np.ndarray:
    """The numbers of the rows that share the most frequent shape; of equally frequent ones the larger."""

    def rank(group: np.ndarray) -> tuple[int, int]:
        return len(group), sum(int(np.size(array[group[0]])) for array in rows.values())

    return max(ragged.alike(rows), key=rank)


def machine() -> dict[str, Any]:
    """The machine a curve holds for."""
    here = environment()
    return {name: here[name] for name in ("cpu_model", "cores", "memory_gib")}
