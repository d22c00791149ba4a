"""The load curve: p99 over throughput, one configuration or two in one figure, with the limit and the promised rate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from playbook.drawing import labels
from playbook.drawing.canvas import Picture
from playbook.drawing.figures import draw_limit, level_name, log_latency

Levels = Sequence[Mapping[str, Any]]
MARKERS = {"closed": "o"}  # every open loop is a square: arrivals are told apart by shape, configurations by colour


def throughput_p99(
    levels: Levels | Mapping[str, Levels],
    limit_ms: float | None,
    title: str = "",
    promised_rps: float | None = None,
) -> Picture:
    """p99 latency over throughput, a point a level with its 95 % interval, the limit and the promised rate as lines.

    Args:
        levels: Rows of `results.levels[]`, or such rows by the name of their configuration; levels without a p99 are
            left out, INVALID ones are hollow.
        limit_ms: The limit of the p99 in ms, or None.
        title: What was measured, e.g. "digits on the embedded server".
        promised_rps: The promised rate of one server, or None.
    """
    given = levels if isinstance(levels, Mapping) else {"": levels}
    series = {name: _shown(rows) for name, rows in given.items()}
    everything = [level for rows in series.values() for level in rows]

    def draw(figure: Any, colours: Mapping[str, Any]) -> None:
        axes = figure.add_subplot()
        for place, (name, rows) in enumerate(series.items()):
            for number, (arrival, group) in enumerate(_by_arrival(rows).items()):
                colour = colours["series"][place if len(series) > 1 else number]
                _draw_levels(axes, group, arrival, name, colour, colours["page"])
        if not all(level.get("valid", True) for level in everything):
            axes.plot([], [], "o", color=colours["ink"], markerfacecolor=colours["page"], label="INVALID level")
        rates = [level["throughput_rps"] for level in everything] + ([promised_rps] if promised_rps else [])
        widest = 1.18 * max(rates, default=1.0)
        draw_limit(axes, limit_ms, colours, at_right=bool(promised_rps) and 2 * (promised_rps or 0.0) < widest)
        ends = ("latency_p99_ms", "latency_p99_low_ms", "latency_p99_high_ms")
        log_latency(axes, [limit_ms, *(level.get(name) for level in everything for name in ends)], "y")
        axes.set(xlabel="throughput (requests/s)", ylabel="p99 latency (ms)", title=title)
        axes.set_xlim(0, widest)
        axes.xaxis.set_major_formatter("{x:,.0f}")
        _draw_promised(axes, promised_rps, colours)
        _name_levels(axes, everything, colours)
        if everything:
            figure.legend(loc="outside upper right", ncols=2 if len(series) > 1 else 4)
        else:
            axes.text(0.5, 0.5, "no level has a p99", transform=axes.transAxes, ha="center")

    return Picture(draw, _in_words(series, limit_ms, promised_rps))


def _shown(levels: Levels) -> list[Mapping[str, Any]]:
    return [level for level in levels if level.get("latency_p99_ms") is not None and level.get("throughput_rps")]


def _draw_promised(axes: Any, promised_rps: float | None, colours: Mapping[str, Any]) -> None:
    if promised_rps:
        axes.axvline(promised_rps, color=colours["ink"], linestyle=":", linewidth=1.1)
        place = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "xytext": (4, -2)}
        axes.annotate(
            f"promised {promised_rps:,.0f}/s",
            (promised_rps, 1.0),
            fontsize=9,
            va="top",
            bbox=labels.behind(colours["page"]),
            **place,
        )


def _draw_levels(axes: Any, group: Levels, arrival: str, name: str, colour: str, page: str) -> None:
    # In order of the load, so that a server that answers less under more load bends its curve back.
    group = sorted(group, key=lambda level: (level.get("concurrency") or 0, level.get("rate_rps") or 0.0))
    rate = [level["throughput_rps"] for level in group]
    p99 = [level["latency_p99_ms"] for level in group]
    low = [max(0.0, p - (level.get("latency_p99_low_ms") or p)) for p, level in zip(p99, group, strict=True)]
    high = [max(0.0, (level.get("latency_p99_high_ms") or p) - p) for p, level in zip(p99, group, strict=True)]
    label = "closed loop" if arrival == "closed" else f"open loop, {arrival}"
    label = f"{name}, {label}" if name else label
    marker = MARKERS.get(arrival, "s")
    style = {"linestyle": "-" if arrival == "closed" else "--", "capsize": 3, "elinewidth": 1.2}
    axes.errorbar(rate, p99, yerr=[low, high], color=colour, **style)
    axes.plot([], [], marker=marker, linestyle=style["linestyle"], color=colour, label=label)
    for level in group:
        fill = colour if level.get("valid", True) else page
        axes.plot(level["throughput_rps"], level["latency_p99_ms"], marker, color=colour, markerfacecolor=fill)


def _name_levels(axes: Any, levels: Levels, colours: Mapping[str, Any]) -> None:
    """Write each level's name beside its mark; of open loops of one kind the rate alone, since the legend says more.

    Windows of one load that follow each other are named once.
    """
    kinds = {level.get("arrival") for level in levels} - {"closed"}
    names = [level_name(level) for level in levels]
    if len(kinds) == 1:
        names = [name.removesuffix(f" {next(iter(kinds))}") for name in names]
    first = [number for number, name in enumerate(names) if number == 0 or name != names[number - 1]]
    places = [(levels[number]["throughput_rps"], levels[number]["latency_p99_ms"]) for number in first]
    labels.write(axes, [names[number] for number in first], places, colours)


def _by_arrival(levels: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for level in levels:
        groups.setdefault(level.get("arrival") or "", []).append(level)
    return groups


def _in_words(series: Mapping[str, Levels], limit_ms: float | None, promised_rps: float | None) -> str:
    parts = []
    for name, rows in series.items():
        points = [f"{level_name(v)}: {v['throughput_rps']:,.0f}/s at p99 {v['latency_p99_ms']:.3g} ms" for v in rows]
        count = f"{len(rows)} level{'s' * (len(rows) != 1)}"
        parts.append(f"{name + ', ' if name else ''}{count}. {'; '.join(points) or 'No level has a p99'}")
    limit = f" The limit is {limit_ms:g} ms." if limit_ms is not None else ""
    promised = f" Promised are {promised_rps:,.0f}/s." if promised_rps else ""
    return f"p99 latency over throughput, {'. '.join(parts)}.{limit}{promised}"
