"""Two runs whose windows were held in turns: each window is compared with its neighbour, so that drift cancels out.

A machine that is half as fast for a minute is so for both of a pair. What is left is the ratio of neighbours, of which
a few are spoilt by something that met one window only; so the mean is trimmed. With nothing changed either sign of a
ratio's logarithm is as likely as the other, which gives the critical value without assuming a distribution.

Sources: K. Yuen, The two-sample trimmed t for unequal population variances, Biometrika 61 (1974), for the standard
error of a trimmed mean; P. Good, Permutation, Parametric and Bootstrap Tests of Hypotheses (2005), 3.2, for signs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from playbook.analyze import capacity
from playbook.records.run_folder import Rows

# What two servers of one configuration differ by however long they are loaded in turns (standard deviation of the
# logarithm of one): where its memory lies stays with a process from its start. Twenty pairs of embedded servers on a
# quiet machine showed 0.005 for p50, 0.006 for p99 and 0.004 for throughput, beyond what their windows scatter.
SERVER_TO_SERVER = 0.006
FEWEST = 12  # pairs of neighbours; with fewer the trimmed mean's error is itself too uncertain
TOGETHER = 0.98  # at 0.95, false alarms are 1 in 20 of simulated pairs: at most that many is the promise, so stay below
POWER = 0.84  # standard errors beyond the interval that a change must reach to be found four times of five
TRIMMED = 0.2  # share of the pairs left out at either end
FLIPS = 2000
Pairs = Mapping[str, tuple[Mapping[str, Any], Sequence[Rows], Sequence[Rows]]]


def enough(pairs: Pairs) -> bool:
    """Whether every load has as many windows in the one run as in the other, and enough of them."""
    counts = {len(windows) for _, *sides in pairs.values() for windows in sides}
    return len(counts) == 1 and counts.pop() >= FEWEST


def figures(pairs: Pairs, side: int, limit_ms: float | None) -> dict[str, np.ndarray]:
    """Logarithm of each figure in every turn, as the mean over the loads; `side` is 1 for the base, 2 for the other.

    The loads are closed loops: what `again` holds.
    """
    logs: dict[str, list[np.ndarray]] = {"p50": [], "p99": [], "throughput": []}
    curve = []
    for _, *sides in pairs.values():
        windows = sorted(sides[side - 1], key=lambda rows: int(rows.scheduled_ns.min()))
        p50, p99 = np.maximum([np.quantile(rows.latency_ms, (0.5, 0.99)) for rows in windows], 1e-6).T
        rates = np.array([_rate(rows) for rows in windows])
        logs["p50"].append(np.log(p50))
        logs["p99"].append(np.log(p99))
        logs["throughput"].append(np.log(rates))
        curve.append((rates, p99))
    figures = {name: np.mean(values, axis=0) for name, values in logs.items()}
    carried = None if limit_ms is None else _capacities(curve, limit_ms)
    if carried is not None:
        figures["capacity"] = np.log(carried)
    return figures


def estimate(differences: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Trimmed mean and its standard error for each figure, and the multiple of it all stay within, 98 times of 100.

    The error is of the windows and of the two servers: more turns make the former as small as wanted, the latter stays.

    Args:
        differences: Log ratios, turns x figures.
        seed: Of the flipped signs.
    """
    mean, error = _trimmed(differences[None])
    centred = differences - mean
    signs = np.random.default_rng(seed).choice((-1.0, 1.0), (FLIPS, len(differences), 1))
    flipped, spread = _trimmed(signs * centred)
    return (
        mean[0],
        np.hypot(error[0], np.sqrt(2) * SERVER_TO_SERVER),
        float(np.quantile(np.abs(flipped / spread).max(axis=1), TOGETHER)),
    )


def missing(rows: Sequence[Mapping[str, Any]], held: int, gate: float) -> int | None:
    """Turns to be held beside the `held` ones until each figure would show a change of `gate` percent.

    The windows' part of the error shrinks with the root of their number, the two servers' own part stays; a fifth more
    is asked for, since the error itself is an estimate.

    Args:
        rows: What `verdicts.judge` said of the turns so far.
        held: How many those are.
        gate: Percent.

    Returns:
        0 where all would show it already; None where two servers of one configuration differ by too much for that.
    """
    needed = 0.0
    for row in rows:
        if 100 * row["seen"] <= gate:
            continue
        reach = np.log(row["high"] / row["low"]) / 2
        error = (np.log1p(row["seen"]) - reach) / POWER
        wanted = np.log1p(gate / 100) / (reach / error + POWER)
        stays = 2 * SERVER_TO_SERVER**2
        if wanted**2 <= stays:
            return None
        needed = max(needed, held * (error**2 - stays) / (wanted**2 - stays))
    return max(0, int(np.ceil(1.2 * needed)) - held)


def _trimmed(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Trimmed mean and Yuen's standard error along axis 1."""
    number = samples.shape[1]
    cut = int(TRIMMED * number)
    ordered = np.sort(samples, axis=1)
    kept = ordered[:, cut : number - cut]
    winsorized = np.clip(samples, kept[:, :1], kept[:, -1:])
    error = winsorized.std(axis=1, ddof=1) / ((1 - 2 * cut / number) * np.sqrt(number))
    return kept.mean(axis=1), np.maximum(error, 1e-9)


def _rate(rows: Rows) -> float:
    """Good answers a second of a window."""
    return rows.ok.sum() / max(1e-9, (int(rows.done_ns.max()) - int(rows.scheduled_ns.min())) / 1e9)


def _capacities(curve: Sequence[tuple[np.ndarray, np.ndarray]], limit_ms: float) -> np.ndarray | None:
    """The rate inside the limit in every turn; None when a turn's curve does not cross the limit."""
    rates, p99 = (np.stack(column, axis=1) for column in zip(*curve, strict=True))
    crossed, reached = capacity.crossings(rates, p99, limit_ms)
    return crossed if np.all(reached) else None
