"""Measurements that belong together in pairs: two configurations in turns, two runs figure by figure; by seaborn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from playbook.drawing.canvas import Picture


def in_turns(pairs: Sequence[Sequence[float]], names: tuple[str, str], unit: str) -> Picture:
    """Two configurations measured in turns, a line a turn.

    Args:
        pairs: A pair of figures a turn.
        names: What the first and the second of each pair were measured on.
        unit: Of the figures, for the axis.
    """

    def draw(figure: Any, colours: Mapping[str, Any]) -> None:
        import seaborn

        axes = figure.add_subplot()
        told = {
            "what": [name for _ in pairs for name in names],
            "figure": [value for pair in pairs for value in pair],
            "turn": [f"turn {number}" for number, _ in enumerate(pairs, 1) for _ in names],
        }
        if pairs:
            palette = list(colours["series"][: len(pairs)]) if len(pairs) <= 10 else None
            seaborn.pointplot(
                told, x="figure", y="what", hue="turn", ax=axes, errorbar=None, palette=palette, markersize=6
            )
            axes.legend(title=None, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        else:
            axes.text(0.5, 0.5, "not measured in turns", transform=axes.transAxes, ha="center")
        axes.set(xlabel=unit, ylabel="")
        axes.set_xlim(0, None)

    words = "; ".join(f"turn {n}: {one:,.4g} and {two:,.4g}" for n, (one, two) in enumerate(pairs, 1))
    return Picture(draw, f"{names[0]} and {names[1]} in turns, {unit}: {words or 'not measured'}.", (8.0, 2.6))


def of_runs(rows: Sequence[Mapping[str, Any]], base: str, candidate: str) -> Picture:
    """The figures of two runs side by side, each as a share of the base's.

    Args:
        rows: Rows of a comparison, with `name`, `unit`, `base` and `candidate`.
        base: Name of the base run.
        candidate: Name of the candidate run.
    """
    shown = [row for row in rows if row.get("base") and row.get("candidate")]

    def draw(figure: Any, colours: Mapping[str, Any]) -> None:
        import seaborn

        axes = figure.add_subplot()
        axes.axvline(1.0, color=colours["muted"], linewidth=1, linestyle=":")
        told = {
            "figure": [row["name"] for row in shown for _ in range(2)],
            "share": [share for row in shown for share in (1.0, row["candidate"] / row["base"])],
            "run": [run for _ in shown for run in (base, candidate)],
        }
        if shown:
            seaborn.stripplot(
                told, x="share", y="figure", hue="run", ax=axes, jitter=False, size=8,
                palette=[colours["series"][6], colours["series"][0]],
            )  # fmt: skip
            axes.legend(title=None, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2)
        axes.set(xlabel=f"share of {base}'s figure", ylabel="")

    words = "; ".join(f"{r['name']} {r['base']:,.4g} and {r['candidate']:,.4g} {r['unit']}" for r in shown)
    return Picture(draw, f"{base} beside {candidate}: {words or 'nothing'}.", (8.0, 1.4 + 0.4 * max(2, len(shown))))
