"""Measurements that belong together in pairs: two configurations in turns, two runs figure by figure and as ratios with
their intervals; by seaborn."""

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
            axes.text(0.0, 0.5, "not measured in turns", transform=axes.transAxes)
            axes.set_axis_off()  # empty axes would look like a measurement of nothing
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


def forest(rows: Sequence[Mapping[str, Any]], base: str, candidate: str) -> Picture:
    """Ratios with their intervals around "no change"; right of the line the candidate is better.

    Args:
        rows: Each with `name`, `ratio`, `low`, `high` (above 1: candidate better).
        base: Name of the base run.
        candidate: Name of the candidate run.
    """
    shown = [row for row in rows if row.get("ratio") is not None]

    def draw(figure: Any, colours: Mapping[str, Any]) -> None:
        axes = figure.add_subplot()
        axes.axvline(1.0, color=colours["ink"], linewidth=1)
        if shown:
            _intervals(axes, shown, colours)
        ticks = _ratio_ticks(shown)
        axes.set_xscale("log")
        axes.set_xticks(ticks, [f"{tick:g} ×" for tick in ticks])
        axes.minorticks_off()
        axes.set(xlabel=f"times better than {base} (left: worse); 95 % intervals", ylabel="", title=candidate)

    words = "; ".join(f"{r['name']} {r['ratio']:.3g} ({r['low']:.3g} to {r['high']:.3g})" for r in shown)
    alt = f"How many times better {candidate} is than {base}: {words or 'nothing to compare'}."
    return Picture(draw, alt, (8.0, 1.4 + 0.4 * max(2, len(shown))))


# What an interval says, its series of the palette and its mark: told apart without colour as well.
JUDGED = {"better": (2, "o"), "no change shown": (6, "d"), "worse": (1, "X")}


def _intervals(axes: Any, shown: Sequence[Mapping[str, Any]], colours: Mapping[str, Any]) -> None:
    """A point and its bar a row: seaborn's median of low, ratio and high is the ratio, its whole reach the interval."""
    import seaborn

    told = {
        "row": [f"{place}" for place in range(len(shown)) for _ in range(3)],  # two rows may have one name
        "ratio": [row[key] for row in shown for key in ("low", "ratio", "high")],
        "judged": [_judged(row) for row in shown for _ in range(3)],
    }
    met = [name for name in JUDGED if name in told["judged"]]
    palette = [colours["series"][JUDGED[name][0]] for name in met]
    seaborn.pointplot(
        told, x="ratio", y="row", hue="judged", hue_order=met,
        estimator="median", errorbar=("pi", 100), linestyle="none", capsize=0.15, err_kws={"linewidth": 1.5},
        markers=[JUDGED[name][1] for name in met], palette=palette, ax=axes,
    )  # fmt: skip
    axes.set_yticks(range(len(shown)), [row["name"] for row in shown])
    axes.legend(title=None, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _judged(row: Mapping[str, Any]) -> str:
    return "better" if row["low"] > 1 else "worse" if row["high"] < 1 else "no change shown"


def _ratio_ticks(rows: Sequence[Mapping[str, Any]]) -> list[float]:
    low = min([0.9, *(row["low"] for row in rows)])
    high = max([1.1, *(row["high"] for row in rows)])
    steps = (0.1, 0.2, 0.5, 0.8, 0.9, 0.95, 1, 1.05, 1.1, 1.25, 1.5, 2, 3, 4, 5, 10, 20)
    ticks = [step for step in steps if low * 0.95 <= step <= high * 1.05]
    return [tick for tick in ticks if high / low < 1.5 or tick not in (0.95, 1.05)]
