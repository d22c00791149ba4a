"""The figures of a record. Each returns a Picture: drawn when shown, in light or dark, with its numbers as alt text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from playbook.drawing.canvas import Picture

LATENCY_TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
PERCENTILE_TICKS = (0.0, 50.0, 90.0, 99.0, 99.9, 99.99, 99.999)


def throughput_p99(levels: Sequence[Mapping[str, Any]], limit_ms: float | None, title: str = "") -> Picture:
    """p99 latency over throughput, a point a level with its 95 % interval, and the limit as a line.

    Args:
        levels: Rows of stress.json `results.levels[]`; levels without a p99 are left out, INVALID ones are hollow.
        limit_ms: The limit of the p99 in ms, or None.
        title: What was measured, e.g. "digits on the embedded server".
    """
    shown = [level for level in levels if level.get("latency_p99_ms") is not None and level.get("throughput_rps")]

    def draw(figure: Any, colours: Mapping[str, Any]) -> None:
        axes = figure.add_subplot()
        for number, (arrival, group) in enumerate(_by_arrival(shown).items()):
            _draw_levels(axes, group, arrival, colours["series"][number], colours["page"])
        if not all(level.get("valid", True) for level in shown):
            axes.plot([], [], "o", color=colours["ink"], markerfacecolor=colours["page"], label="INVALID level")
        draw_limit(axes, limit_ms, colours)
        ends = ("latency_p99_ms", "latency_p99_low_ms", "latency_p99_high_ms")
        log_latency(axes, [limit_ms, *(level.get(name) for level in shown for name in ends)], "y")
        axes.set(xlabel="throughput (requests/s)", ylabel="p99 latency (ms)", title=title)
        axes.set_xlim(0, 1.18 * max((level["throughput_rps"] for level in shown), default=1.0))
        _name_levels(axes, shown, colours["muted"])
        if shown:
            figure.legend(loc="outside upper right", ncols=4)
        else:
            axes.text(0.5, 0.5, "no level has a p99", transform=axes.transAxes, ha="center")

    return Picture(draw, _levels_in_words(shown, limit_ms))


def latency_percentiles(samples: Mapping[str, np.ndarray], limit_ms: float | None = None) -> Picture:
    """Latency over percentile, an HDR-style plot: each tick to the right is ten times rarer.

    Args:
        samples: Latencies in ms of good answers, by the name of their level.
        limit_ms: The limit of the p99 in ms, or None.
    """
    sorted_ms = {name: np.sort(values) for name, values in samples.items() if len(values)}

    def draw(figure: Any, colours: Mapping[str, Any]) -> None:
        axes = figure.add_subplot()
        for (name, values), colour in zip(sorted_ms.items(), _cycled(colours["series"]), strict=False):
            rarity, latency = _hdr_curve(values)
            axes.plot(rarity, latency, label=name, color=colour)
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
    seen = [value for value in values if value and value > 0] or [1.0, 10.0]
    low, high = min(seen) / 1.3, max(seen) * 1.4
    ticks = [tick for tick in LATENCY_TICKS if low <= tick <= high]
    while len(ticks) > 9:
        ticks = ticks[::2]
    if len(ticks) < 2:
        ticks = [float(f"{value:.2g}") for value in np.geomspace(low, high, 4)]
    getattr(axes, f"set_{axis}scale")("log")
    getattr(axes, f"set_{axis}lim")(low, high)
    getattr(axes, f"set_{axis}ticks")(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()


def draw_limit(axes: Any, limit_ms: float | None, colours: Mapping[str, Any]) -> None:
    """The limit of the p99 as a dashed line with its value."""
    if limit_ms is not None:
        axes.axhline(limit_ms, color=colours["ink"], linestyle="--", linewidth=1.1)
        place = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "xytext": (2, 3)}
        axes.annotate(f"limit {limit_ms:g} ms", (0.0, limit_ms), fontsize=9, **place)


def level_name(level: Mapping[str, Any]) -> str:
    """A level in few words, e.g. `16 clients` or `1,800/s poisson`."""
    if level.get("arrival") == "closed":
        clients = level.get("concurrency")
        return f"{clients} client{'s' if clients != 1 else ''}"
    return f"{level.get('rate_rps') or 0:,.0f}/s {level.get('arrival') or ''}".strip()


def _draw_levels(axes: Any, group: Sequence[Mapping[str, Any]], arrival: str, colour: str, page: str) -> None:
    # In order of the load, so that a server that answers less under more load bends its curve back.
    group = sorted(group, key=lambda level: (level.get("concurrency") or 0, level.get("rate_rps") or 0.0))
    rate = [level["throughput_rps"] for level in group]
    p99 = [level["latency_p99_ms"] for level in group]
    low = [max(0.0, p - (level.get("latency_p99_low_ms") or p)) for p, level in zip(p99, group, strict=True)]
    high = [max(0.0, (level.get("latency_p99_high_ms") or p) - p) for p, level in zip(p99, group, strict=True)]
    label = "closed loop" if arrival == "closed" else f"open loop, {arrival}"
    axes.errorbar(rate, p99, yerr=[low, high], color=colour, capsize=3, label=label, elinewidth=1.2)
    for level in group:
        fill = colour if level.get("valid", True) else page
        axes.plot(level["throughput_rps"], level["latency_p99_ms"], "o", color=colour, markerfacecolor=fill)


def _name_levels(axes: Any, levels: Sequence[Mapping[str, Any]], colour: str) -> None:
    """Write each level's name beside its mark, on the first side where it covers neither a mark nor a name."""
    width, height = 0.0095, 0.05  # of one letter and one line, as shares of the axes
    right, (bottom, top) = axes.get_xlim()[1], np.log(axes.get_ylim())
    spots = [(v["throughput_rps"] / right, (np.log(v["latency_p99_ms"]) - bottom) / (top - bottom)) for v in levels]
    taken = [(x - 0.008, y - 0.02, x + 0.008, y + 0.02) for x, y in spots]
    for level, (x, y) in zip(levels, spots, strict=True):
        name = level_name(level)
        wide = width * len(name)
        beside = (x + 0.012, x - 0.012 - wide)
        sides = [(beside[0], y - 0.055), (beside[1], y + 0.015), (beside[0], y + 0.015), (beside[1], y - 0.055)]
        sides += [(x - wide / 2, y + step) for step in (0.04, -0.09, 0.1, -0.15, 0.16, -0.21)]
        boxes = [(left, low, left + wide, low + height) for left, low in sides]
        free = [box for box in boxes if box[0] > 0 and box[1] > 0 and not any(_overlap(box, other) for other in taken)]
        box = (free or boxes)[0]
        taken.append(box)
        axes.text(box[0], box[1], name, transform=axes.transAxes, fontsize=8, color=colour)


def _overlap(one: tuple[float, ...], two: tuple[float, ...]) -> bool:
    return one[0] < two[2] and two[0] < one[2] and one[1] < two[3] and two[1] < one[3]


def _by_arrival(levels: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for level in levels:
        groups.setdefault(level.get("arrival") or "", []).append(level)
    return groups


def _hdr_curve(sorted_ms: np.ndarray, points: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Rarity 1/(1 - q) and latency, to the percentile that still has one sample beyond it."""
    most = max(2.0, float(len(sorted_ms)))
    rarity = np.geomspace(1.0, most, points)
    return rarity, np.quantile(sorted_ms, 1.0 - 1.0 / rarity, method="inverted_cdf")


def _cycled(colours: Sequence[str]) -> Iterable[str]:
    while True:
        yield from colours


def _levels_in_words(levels: Sequence[Mapping[str, Any]], limit_ms: float | None) -> str:
    points = [f"{level_name(v)}: {v['throughput_rps']:,.0f}/s at p99 {v['latency_p99_ms']:.3g} ms" for v in levels]
    limit = f" The limit is {limit_ms:g} ms." if limit_ms is not None else ""
    return f"p99 latency over throughput, {len(points)} levels. {'; '.join(points) or 'No level has a p99'}.{limit}"


def _percentiles_in_words(sorted_ms: Mapping[str, np.ndarray]) -> str:
    parts = []
    for name, values in sorted_ms.items():
        p50, p99 = np.quantile(values, [0.5, 0.99], method="inverted_cdf")
        parts.append(f"{name}: p50 {p50:.3g} ms, p99 {p99:.3g} ms, max {values[-1]:.3g} ms")
    return f"Latency over percentile. {'; '.join(parts) or 'No answers'}."
