"""Latency as distributions, by load level and by the size of the batches it was answered in; drawn by seaborn."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from playbook.drawing.canvas import Picture
from playbook.drawing.figures import log_latency
from playbook.records.run_folder import RunFolder

MOST = 5_000  # answers of a level that its shape is drawn from; more would not change it
FAR = 4  # a limit beyond so many times the slowest answer is left out of the drawing
STEPS = 80  # points of an outline, so that a figure of a million requests is as small as one of a thousand


def by_level(samples: Mapping[str, np.ndarray], limit_ms: float | None = None) -> Picture:
    """The distribution of each level's latency, one shape a level, with its quartiles.

    Args:
        samples: Latencies in ms of good answers, by the name of their level.
        limit_ms: The limit of the p99 in ms, or None.
    """
    known = {name: _thinned(values) for name, values in samples.items() if len(values) > 1}
    limit_ms = _near(limit_ms, known.values())

    def draw(figure: Any, colours: Mapping[str, Any]) -> None:
        axes = figure.add_subplot()
        if known:
            _shapes(axes, known, colours)
        else:
            axes.text(0.5, 0.5, "no answers", transform=axes.transAxes, ha="center")
        _limit(axes, limit_ms, colours)
        log_latency(axes, [limit_ms, *(end for values in known.values() for end in (values.min(), values.max()))], "x")
        axes.set(xlabel="latency (ms); inside each shape the quartiles", ylabel="")

    words = "; ".join(_quartiles(name, values) for name, values in known.items())
    height = 1.3 + 0.5 * max(2, len(known))
    return Picture(draw, f"Distribution of latency by level. {words or 'No answers'}.", (8.0, height))


def by_batch(rows: Sequence[tuple[str, float, np.ndarray]], limit_ms: float | None = None) -> Picture:
    """The distribution of latency over the mean rows of a batch, a box a level, in order of that size.

    Args:
        rows: Of each level: its name, the mean rows of its batches, latencies in ms of its good answers.
        limit_ms: The limit of the p99 in ms, or None.
    """
    ordered = sorted(((n, size, _thinned(values)) for n, size, values in rows if len(values) > 1), key=lambda r: r[1])
    limit_ms = _near(limit_ms, [values for _, _, values in ordered])

    def draw(figure: Any, colours: Mapping[str, Any]) -> None:
        axes = figure.add_subplot()
        if ordered:
            _boxes(axes, {f"{size:.3g} rows\n{name}": values for name, size, values in ordered}, colours)
        else:
            axes.text(0.5, 0.5, "no level was batched", transform=axes.transAxes, ha="center")
        _limit(axes, limit_ms, colours)
        log_latency(axes, [limit_ms, *(end for _, _, v in ordered for end in (v.min(), v.max()))], "x")
        axes.set(xlabel="latency (ms); box: the middle half, whiskers: p1 to p99", ylabel="mean rows of a batch")

    words = "; ".join(f"{size:.3g} rows ({_quartiles(name, values)})" for name, size, values in ordered)
    alt = f"Distribution of latency by rows a batch. {words or 'No level was batched'}."
    return Picture(draw, alt, (8.0, 1.4 + 0.55 * max(2, len(ordered))))


def _thinned(values: np.ndarray) -> np.ndarray:
    """At most MOST of the sorted values, evenly spaced, the ends among them: the shape stays, the drawing is small."""
    ordered = np.sort(np.asarray(values, float))
    return ordered[np.unique(np.linspace(0, len(ordered) - 1, MOST).astype(int))]


def _long(samples: Mapping[str, np.ndarray]) -> dict[str, Any]:
    return {
        "level": np.repeat(list(samples), [len(values) for values in samples.values()]),
        "latency_ms": np.concatenate(list(samples.values())),
    }


def _drawn(axes: Any, samples: Mapping[str, np.ndarray], colours: Mapping[str, Any], series: int) -> dict[str, Any]:
    """What seaborn is told of every distribution: latency to the right, a level a line."""
    own = {"color": colours["series"][series], "linecolor": colours["ink"], "saturation": 1}
    return {"data": _long(samples), "x": "latency_ms", "y": "level", "ax": axes, "log_scale": True, **own}


def _shapes(axes: Any, samples: Mapping[str, np.ndarray], colours: Mapping[str, Any]) -> None:
    import seaborn

    shown = _drawn(axes, samples, colours, 0)
    seaborn.violinplot(**shown, inner="quart", cut=0, density_norm="width", gridsize=STEPS)


def _boxes(axes: Any, samples: Mapping[str, np.ndarray], colours: Mapping[str, Any]) -> None:
    import seaborn
    from matplotlib import MatplotlibDeprecationWarning

    with warnings.catch_warnings():  # seaborn 0.13 asks matplotlib for `vert`, and a notebook would show that in red
        warnings.simplefilter("ignore", MatplotlibDeprecationWarning)
        seaborn.boxplot(**_drawn(axes, samples, colours, 2), whis=(1, 99), showfliers=False)


def batched(run: RunFolder, ledgers: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[tuple[str, float, np.ndarray]]:
    """The levels that were answered in batches, as `by_batch` takes them.

    Args:
        run: The run.
        ledgers: Rows of the latency ledger by the verb that held the levels; they know the rows of a batch.
    """
    known = [(verb, entry) for verb, rows in ledgers.items() for entry in rows if entry.get("batch_rows")]
    return [(e["load"], e["batch_rows"], run.rows(e["level"], verb).latency_ms) for verb, e in known]


def _near(limit_ms: float | None, samples: Iterable[np.ndarray]) -> float | None:
    """The limit, where it is near enough to the answers not to squeeze them."""
    slowest = max((values.max() for values in samples), default=0.0)
    return limit_ms if limit_ms and limit_ms < FAR * slowest else None


def _limit(axes: Any, limit_ms: float | None, colours: Mapping[str, Any]) -> None:
    if limit_ms is not None:
        axes.axvline(limit_ms, color=colours["ink"], linestyle="--", linewidth=1.1)


def _quartiles(name: str, values: np.ndarray) -> str:
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return f"{name}: half of them from {low:.3g} to {high:.3g} ms, median {middle:.3g} ms"
