"""The figure of 75_drill: each drill second by second, as it is and with the remedy, and what users lost in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from playbook.drawing.canvas import Picture
from playbook.records.rows import DrillRow

STATES = ("promise kept", "answers too late", "requests lost")
HATCHES = ("", "////", "xxxx")  # told apart without colour as well


def outages(rows: Sequence[DrillRow]) -> Picture:
    """A row a drill, a cell a second: whether the promise was kept, broken by lateness, or requests were lost.

    Args:
        rows: `results.drills[]` of drill.json.
    """

    def draw(figure: Any, colours: Mapping[str, Any]) -> None:
        axes = figure.add_subplot()
        fills = (colours["faint"], colours["series"][4], colours["series"][1])
        for place, row in enumerate(rows):
            for second, state in states(row):
                style = {"color": fills[state], "hatch": HATCHES[state], "edgecolor": colours["page"], "linewidth": 0.8}
                axes.barh(place, 1.0, left=second, height=0.7, **style)
            last = max(row["by_second"]["second"], default=0) + 1.2
            axes.text(last, place, _words(row), va="center", fontsize=8, color=colours["ink"])
        for state, name in enumerate(STATES):
            style = {"color": fills[state], "hatch": HATCHES[state], "edgecolor": colours["page"]}
            axes.barh(0, 0, left=0, label=name, **style)
        axes.axvline(0.0, color=colours["ink"], linewidth=1.1)
        axes.set_yticks(range(len(rows)), [_name(row) for row in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        ends = [second for row in rows for second in row["by_second"]["second"]] or [0]
        axes.set_xlim(min(ends) - 0.2, (max(ends) + 1) * 1.75 + 1)
        axes.set(xlabel="seconds since it happened")
        axes.grid(False)
        figure.legend(loc="outside upper right", ncols=3)

    return Picture(draw, _in_words(rows), (8.0, 1.4 + 0.34 * max(2, len(rows))))


def states(row: DrillRow) -> list[tuple[int, int]]:
    """Each second of a drill with its state: 0 kept, 1 broken with every request answered, 2 broken with requests lost.

    A second that lost fewer requests than the promise allows is kept.
    """
    seconds = row["by_second"]
    triples = zip(seconds["second"], seconds["kept"], seconds["lost"], strict=True)
    return [(second, 0 if kept else 2 if lost else 1) for second, kept, lost in triples]


def _name(row: DrillRow) -> str:
    return "… remedy" if row["remedied"] else row["drill"]


def _words(row: DrillRow) -> str:
    again = "not recovered" if row["recovery_s"] is None else f"recovered after {row['recovery_s']:.1f} s"
    doubt = " (doubtful)" if row["doubt"] else ""
    return f"{row['lost']:,} lost, {again if row['lost'] or row['seconds_outside'] else 'nothing outside'}{doubt}"


def _in_words(rows: Sequence[DrillRow]) -> str:
    parts = [f"{row['drill']}{' with the remedy' if row['remedied'] else ''}: {_words(row)}" for row in rows]
    return f"Drills second by second. {'; '.join(parts) or 'No drill was held'}."
