"""The statistics of a comparison: ratios of p50, p99, throughput and capacity with intervals that hold together.

Every figure is the geometric mean over the levels both runs have. Where the windows of the two were held in turns, and
enough of them, neighbours are compared (`turns`). Elsewhere the uncertainty is the larger of what the block bootstrap
shows within the windows and how repeats of the same load differ; to that comes, unless the two were measured in turns,
what runs differ by when nothing was changed. The intervals are simultaneous: with nothing changed, one chance in twenty
at most that any of them leaves "no change" out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from playbook.analyze import bootstrap, capacity, turns
from playbook.records.run_folder import Rows

FEWEST = 100  # answers a level needs to be compared
TOGETHER = 0.975  # at 0.95 the bootstrap was too sure of p99: 22 false alarms in 520 simulated pairs, too near 1 in 20
CHANCE = 0.05  # that failures are called more although nothing changed
SEGMENTS = 8  # stretches of a window whose figures are compared when there are no repeats
UNITS = {"p50": "ms", "p99": "ms", "throughput": "requests/s", "capacity": "requests/s"}
LOWER_IS_BETTER = ("p50", "p99")
Pairs = Mapping[str, tuple[Mapping[str, Any], Sequence[Rows], Sequence[Rows]]]


def judge(
    pairs: Pairs, limit_ms: float | None = None, seed: int = 7, run_to_run: Mapping[str, float] | None = None
) -> list[dict[str, Any]]:
    """One row a figure: `name, unit, base, candidate, ratio, low, high, seen`.

    Args:
        pairs: Level name -> (level, windows of the base, windows of the candidate).
        limit_ms: Limit of the p99, for the capacity; None leaves it out.
        seed: Of the bootstrap.
        run_to_run: Relative standard deviation of each figure between runs that changed nothing; None where the
            windows of the two were held in turns, so that what changed with time met both.

    Returns:
        `ratio` above 1 means the candidate is better; `seen` is the relative change that would have been found in
        four of five cases.
    """
    if run_to_run is None and turns.enough(pairs):
        return _of_turns(pairs, limit_ms, seed)
    rng = np.random.default_rng(seed)
    sides = [_side(pairs, side, limit_ms, rng) for side in (1, 2)]
    names = [name for name in UNITS if all(name in side for side in sides)]
    if not names:
        return []
    logs = np.array([sides[1][n]["log"] - sides[0][n]["log"] for n in names])  # figures x (1 + replicates)
    signs = np.array([-1.0 if name in LOWER_IS_BETTER else 1.0 for name in names])
    estimate, spread = signs * logs[:, 0], signs[:, None] * (logs[:, 1:] - logs[:, :1])
    within = np.maximum(spread.std(axis=1, ddof=1), 1e-9)
    repeats = np.array([np.hypot(sides[0][n]["repeats_se"], sides[1][n]["repeats_se"]) for n in names])
    freedom = min(side[n]["freedom"] for side in sides for n in names)
    between = np.array([(run_to_run or {}).get(name, 0.0) for name in names])
    error = np.sqrt(np.maximum(within, repeats) ** 2 + 2 * between**2)
    critical = _critical(spread / within[:, None], freedom)
    bases, candidates = ([float(np.exp(side[name]["log"][0])) for name in names] for side in sides)
    return _rows(names, bases, candidates, estimate, error, critical)


def _of_turns(pairs: Pairs, limit_ms: float | None, seed: int) -> list[dict[str, Any]]:
    """The same from neighbouring windows."""
    sides = [turns.figures(pairs, side, limit_ms) for side in (1, 2)]
    names = [name for name in UNITS if all(name in side for side in sides)]
    signs = np.array([-1.0 if name in LOWER_IS_BETTER else 1.0 for name in names])
    logs = [np.stack([side[name] for name in names], axis=1) for side in sides]
    mean, error, critical = turns.estimate(signs * (logs[1] - logs[0]), seed)
    bases, candidates = (np.exp(np.median(side, axis=0)).tolist() for side in logs)
    return _rows(names, bases, candidates, mean, error, critical)


def _rows(
    names: Sequence[str],
    bases: Sequence[float],
    candidates: Sequence[float],
    estimate: np.ndarray,
    error: np.ndarray,
    critical: float,
) -> list[dict[str, Any]]:
    rows = []
    for place, name in enumerate(names):
        reach = critical * error[place]
        low, ratio, high = np.exp(estimate[place] + np.array([-reach, 0.0, reach]))
        shown = {"name": name, "unit": UNITS[name], "base": bases[place], "candidate": candidates[place]}
        interval = {"ratio": float(ratio), "low": float(low), "high": float(high)}
        rows.append({**shown, **interval, "seen": float(np.expm1(reach + turns.POWER * error[place]))})
    return rows


def by_chance(base: tuple[int, int], candidate: tuple[int, int]) -> bool:
    """Whether so many more failures come of requests that fail alike (Fisher's exact test).

    Args:
        base: Requests that failed, and all of them.
        candidate: The same of the run that is judged.
    """
    from scipy.stats import fisher_exact  # a second of imports, for the few comparisons that come here

    counts = [[failed, requests - failed] for failed, requests in (candidate, base)]
    return bool(fisher_exact(counts, alternative="greater").pvalue >= CHANCE)


def worse_by(row: Mapping[str, Any], percent: float) -> bool:
    """Whether a figure is surely worse, and may be worse by `percent`."""
    if row["ratio"] is None:
        return True
    return row["high"] < 1 and row["low"] < 1 - percent / 100


def in_words(
    base: str,
    candidate: str,
    rows: Sequence[Mapping[str, Any]],
    inputs: Sequence[str],
    disturbed: Sequence[str],
    gate: float | None,
    bad: bool,
    undecided: str | None = None,
) -> str:
    """The comparison in English, a line a figure; nothing is decided where the machine was not quiet."""
    lines = [f"{candidate} against {base}:"]
    lines += [f"- not decided: {text}; measure again on a quiet machine" for text in disturbed]
    lines += [f"- {words(row)}" for row in rows]
    lines += [f"- changed: {', '.join(inputs)}" if inputs else "- the same inputs in both"]
    if gate is not None:
        lines.append(f"Gate of {gate:g} %: {'a regression' if bad else undecided or 'passed'}.")
    return "\n".join(lines)


def words(row: Mapping[str, Any]) -> str:
    """One figure: `p99 1.32 × lower (95 %: 1.2 to 1.4)` or `p99: no significant difference (would have seen 6%)`."""
    if row["ratio"] is None:
        return f"{row['name']}: {row['candidate']:.2%} of the requests failed, {row['base']:.2%} before"
    if row["low"] <= 1 <= row["high"]:
        return f"{row['name']}: no significant difference (would have seen {row['seen']:.0%})"
    better = row["low"] > 1
    factor, low, high = (row["ratio"], row["low"], row["high"])
    if not better:
        factor, low, high = 1 / factor, 1 / high, 1 / low
    lower = (row["name"].split()[-1] in LOWER_IS_BETTER) == better
    return f"{row['name']} {factor:.3g} × {'lower' if lower else 'higher'} (95 %: {low:.3g} to {high:.3g})"


def _side(pairs: Pairs, side: int, limit_ms: float | None, rng: np.random.Generator) -> dict[str, dict[str, Any]]:
    """Each figure of one run: its log with replicates, and the standard error that repeats show."""
    logs: dict[str, list[np.ndarray]] = {"p50": [], "p99": [], "throughput": []}
    variance: dict[str, list[float]] = {name: [] for name in logs}
    freedom, curve = [], []
    for level, *windows in pairs.values():
        edges = bootstrap.edges([rows for some in windows for rows in some])
        figures, repeats = _level(windows[side - 1], edges, rng)
        for name in logs:
            if name != "throughput" or level["arrival"] == "closed":
                logs[name].append(np.log(figures[name]))
                variance[name].append(float(np.var(np.log(repeats[name]), ddof=1)) / len(repeats[name]))
        freedom.append(len(repeats["p50"]) - 1)
        curve.append((level, figures))
    levels = max(1, len(curve))
    side_figures = {
        name: {
            "log": np.mean(logs[name], axis=0),
            "repeats_se": float(np.sqrt(sum(variance[name])) / len(logs[name])),
            "freedom": min(freedom) * levels,
        }
        for name in logs
        if logs[name]
    }
    if limit_ms is not None and (rates := _capacities(curve, limit_ms)) is not None:
        side_figures["capacity"] = {"log": np.log(rates), "repeats_se": 0.0, "freedom": min(freedom) * levels}
    return side_figures


def _level(
    windows: Sequence[Rows], edges: np.ndarray, rng: np.random.Generator
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Figures of one load (row 0 measured, then replicates), and the same figures repeat by repeat."""
    cuts = [bootstrap.cut(rows, edges) for rows in windows]
    drawn = [window.replicates(rng) for window in cuts]
    pooled = np.sum([histograms for histograms, _ in drawn], axis=0)
    rates = np.mean([rate for _, rate in drawn], axis=0)
    figures = _figures(pooled, rates, edges)
    if len(cuts) >= 3:
        parts = [(w.counts.sum(axis=0), w.counts.sum() / (len(w.counts) * w.block_s)) for w in cuts]
    else:
        parts = [part for window in cuts for part in _segments(window)]
    repeats = _figures(np.array([h for h, _ in parts]), np.array([r for _, r in parts]), edges)
    return figures, repeats


def _segments(window: bootstrap.BlockWindow) -> list[tuple[np.ndarray, float]]:
    pieces = np.array_split(window.counts, SEGMENTS)
    return [(p.sum(axis=0), p.sum() / (len(p) * window.block_s)) for p in pieces if p.sum() > 0]


def _figures(histograms: np.ndarray, rates: np.ndarray, edges: np.ndarray) -> dict[str, np.ndarray]:
    p50, p99 = (np.maximum(bootstrap.quantile(histograms, edges, share), 1e-6) for share in (0.5, 0.99))
    return {"p50": p50, "p99": p99, "throughput": np.maximum(rates, 1e-9)}


def _capacities(curve: Sequence[tuple[Mapping, Mapping]], limit_ms: float) -> np.ndarray | None:
    """Capacity of the window and of each replicate; None when the curve does not cross the limit in nearly all."""
    opened = [entry for entry in curve if entry[0]["arrival"] != "closed"]
    chosen = opened if len(opened) >= 2 else list(curve)
    rates, p99 = (np.stack([figures[name] for _, figures in chosen], axis=1) for name in ("throughput", "p99"))
    crossed, reached = capacity.crossings(rates, p99, limit_ms)
    crossed = np.where(reached, crossed, np.nan)
    if np.isnan(crossed[0]) or np.isnan(crossed).mean() > 0.02:
        return None
    return np.where(np.isnan(crossed), crossed[0], crossed)


def _critical(standardized: np.ndarray, freedom: int) -> float:
    """The multiple of the standard error that all figures together stay within, 95 times of 100 at least."""
    from scipy.special import stdtrit

    normal = 1.959964
    together = float(np.quantile(np.abs(standardized).max(axis=0), TOGETHER))
    return max(together, normal) * float(stdtrit(max(freedom, 1), 0.975)) / normal
