"""The latency ledger as stacked bars; by matplotlib, as seaborn has no form for parts of a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from playbook import markdown
from playbook.analyze.ledger import STAGES
from playbook.drawing.canvas import Picture

# Neighbouring stages differ in lightness as well, so the bars read in grey too.
COLOURS = (3, 6, 5, 8, 0, 4, 9, 2, 1, 7)
SHOWN_NS = 1e3  # a part of less is no part in words
LETTER_OF_WHOLE, LETTER_OF_PARTS = 0.03, 0.018  # width of a letter inside a bar, as a share of the left and right axis


def ledger_bars(ledgers: Sequence[Mapping[str, Any]]) -> Picture:
    """Mean latency of each level by stage, one bar a level, in ms.

    Args:
        ledgers: Rows of analyze.json `results.ledger[]`.
    """
    shown = [entry for entry in ledgers if entry["total_ns"] > 0]

    def draw(figure: Any, colours: Mapping[str, Any]) -> None:
        whole, parts = figure.subplots(1, 2, sharey=True, width_ratios=(1, 1.6))
        widest = max((entry["total_ns"] for entry in shown), default=1) / 1e6
        for place, entry in enumerate(shown):
            _draw_bar(whole, place, entry, 1.0, LETTER_OF_WHOLE * widest, colours)
            _draw_bar(parts, place, entry, 100 * 1e6 / entry["total_ns"], LETTER_OF_PARTS * 100, colours)
        for axes in (whole, parts):
            axes.set_yticks(range(len(shown)), [entry["load"].replace(" in a closed loop", "") for entry in shown])
            axes.grid(axis="y", visible=False)
        whole.invert_yaxis()
        whole.set(xlabel="mean latency (ms)", xlim=(min(0.0, *_lows(shown)), widest * 1.05))
        parts.set(xlabel="share of it (%), with the milliseconds", xlim=(min(0.0, *_shares_below(shown)), 101))
        handles, names = parts.get_legend_handles_labels()
        unique = dict(zip(names, handles, strict=True))
        if unique:
            ordered = [name for name in STAGES.values() if name in unique]
            figure.legend([unique[name] for name in ordered], ordered, loc="outside upper left", ncols=4)
        else:
            parts.text(0.5, 0.5, "no level has an answer", transform=parts.transAxes, ha="center")

    return Picture(draw, _ledger_in_words(shown), (8.0, 1.5 + 0.42 * max(2, len(shown))))


def _draw_bar(
    axes: Any, place: int, entry: Mapping[str, Any], scale: float, letter: float, colours: Mapping[str, Any]
) -> None:
    left = 0.0
    for stage, index in zip(STAGES, COLOURS, strict=True):
        ms = entry["mean_ns"].get(stage, 0) / 1e6
        colour, width = colours["series"][index], abs(ms) * scale
        if ms == 0:
            continue
        start = left if ms > 0 else -width  # what is below zero does not fit: drawn to the left
        edge = {"edgecolor": colours["page"], "linewidth": 0.6}
        axes.barh(place, width, left=start, height=0.62, color=colour, label=STAGES[stage], **edge)
        text = _ms(1e6 * ms)
        if width > letter * (len(text) + 1):
            ink = colours["on"][index]
            axes.text(start + width / 2, place, text, ha="center", va="center", fontsize=8, color=ink)
        left += max(0.0, ms) * scale


def _lows(shown: Sequence[Mapping[str, Any]]) -> list[float]:
    return [1.05 * min([0, *entry["mean_ns"].values()]) / 1e6 for entry in shown] or [0.0]


def _shares_below(shown: Sequence[Mapping[str, Any]]) -> list[float]:
    return [100 * low * 1e6 / entry["total_ns"] for low, entry in zip(_lows(shown), shown, strict=False)] or [0.0]


def _ledger_in_words(shown: Sequence[Mapping[str, Any]]) -> str:
    lines = []
    for entry in shown:
        parts = [f"{STAGES[stage]} {_ms(ns)}" for stage, ns in entry["mean_ns"].items() if abs(ns) >= SHOWN_NS]
        lines.append(f"{entry['load']}: {_ms(entry['total_ns'])} ms = {' + '.join(parts)}")
    return f"Mean latency by stage in ms. {'; '.join(lines) or 'No level has an answer'}."


def _ms(ns: float) -> str:
    return markdown.number(round(ns / 1e6, 3))
