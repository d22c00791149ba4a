"""Latency over percentile, and what figures of latency share: the axis, the line of the limit, the name of a level."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from playbook.drawing.canvas import Picture

LATENCY_TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
DASHES = ("solid", "dashed", "dashdot", "dotted", (0, (6, 1)), (0, (3, 1, 1, 1, 1, 1)))  # told apart without colour too
PERCENTILE_TICKS = (0.0, 50.0, 90.0, 99.0, 99.9, 99.99, 99.999)


def latency_percentiles(samples: Mapping[str, np.ndarray], limit_ms: float | None = None) -> Picture:
    """Latency over percentile, an HDR-style plot: each tick to the right is ten times rarer.

    Args:
        samples: Latencies in ms of good answers, by the name of their level.
        limit_ms: The limit of the p99 in ms, or None.
    """
    sorted_ms = {name: np.sort(values) for name, values in samples.items() if len(values)}

    def draw(figure: Any, colours: Mapping[str, Any]) -> None:
        axes = figure.add_subplot()
        looks = zip(_cycled(colours["series"]), _cycled(DASHES), strict=False)
        for (name, values), (colour, dashes) in zip(sorted_ms.items(), looks, strict=False):
            rarity, latency = _hdr_curve(values)
            axes.plot(rarity, latency, label=name, color=colour, linestyle=dashes)
        draw_limit(axes, limit_ms, colours)
        axes.set_xscale("log")
        most = max((len(values) for values in sorted_ms.values()), default=1000)
        ticks = [p for p in PERCENTILE_TICKS if 1 / (1 - p / 100) <= most]
        axes.set_xticks([1 / (1 - p / 100) for p in ticks], [f"p{p:g}" if p else "min" for p in ticks])
        axes.minorticks_off()
        log_latency(axes, [limit_ms, *(v for values in sorted_ms.values() for v in (values[0], values[-1]))], "y")
        axes.set(xlabel="percentile (each step right is ten times rarer)", ylabel="latency (ms)")
        if sorted_ms:
            handles, names = axes.get_legend_handles_labels()
            figure.legend(handles[::-1], names[::-1], loc="outside right upper")  # slowest on top, as the curves are
        else:
            axes.text(0.5, 0.5, "no answers", transform=axes.transAxes, ha="center")

    return Picture(draw, _percentiles_in_words(sorted_ms))


def log_latency(axes: Any, values: Iterable[float | None], axis: str) -> None:
    """A logarithmic latency axis with round ticks, wide enough for `values` (ms; None is passed over)."""
    positive = [value for value in values if value and value > 0] or [1.0, 10.0]
    low, high = min(positive) / 1.3, max(positive) * 1.4
    ticks = [tick for tick in LATENCY_TICKS if low <= tick <= high]
    while len(ticks) > 9:
        ticks = ticks[::2]
    if len(ticks) < 2:
        ticks = [float(f"{value:.2g}") for value in np.geomspace(low, high, 4)]
    getattr(axes, f"set_{axis}scale")("log")
    getattr(axes, f"set_{axis}lim")(low, high)
    getattr(axes, f"set_{axis}ticks")(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()


def draw_limit(axes: Any, limit_ms: float | None, colours: Mapping[str, Any], at_right: bool = False) -> None:
    """The limit of the p99 as a dashed line with its value, at its left end or its right one."""
    if limit_ms is not None:
        axes.axhline(limit_ms, color=colours["ink"], linestyle="--", linewidth=1.1)
        end, inwards, side = (1.0, -2, "right") if at_right else (0.0, 2, "left")
        place = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "xytext": (inwards, 3)}
        axes.annotate(f"limit {limit_ms:g} ms", (end, limit_ms), fontsize=9, ha=side, **place)


def level_name(level: Mapping[str, Any]) -> str:
    """A level in few words, e.g. `16 clients` or `1,800/s poisson`."""
    if level.get("arrival") == "closed":
        clients = level.get("concurrency")
        return f"{clients} client{'s' if clients != 1 else ''}"
    return f"{level.get('rate_rps') or 0:,.0f}/s {level.get('arrival') or ''}".strip()


def _hdr_curve(sorted_ms: np.ndarray, points: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Rarity 1/(1 - q) and latency, to the percentile that still has one sample beyond it."""
    most = max(2.0, float(len(sorted_ms)))
    rarity = np.geomspace(1.0, most, points)
    return rarity, np.quantile(sorted_ms, 1.0 - 1.0 / rarity, method="inverted_cdf")


def _cycled(looks: Sequence[Any]) -> Iterable[Any]:
    while True:
        yield from looks


def _percentiles_in_words(sorted_ms: Mapping[str, np.ndarray]) -> str:
    parts = []
    for name, values in sorted_ms.items():
        p50, p99 = np.quantile(values, [0.5, 0.99], method="inverted_cdf")
        parts.append(f"{name}: p50 {p50:.3g} ms, p99 {p99:.3g} ms, max {values[-1]:.3g} ms")
    return f"Latency over percentile. {'; '.join(parts) or 'No answers'}."
