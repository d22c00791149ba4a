"""The search as a map: for each knob, what configurations were predicted to reach and what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from playbook.drawing import pairs
from playbook.drawing.canvas import Picture
from playbook.tfserving.config import Config
from playbook.tune.plan import Tuned

MEASURED, PREDICTED = "measured", "predicted"
MOST = 600  # predictions: of n times as many only every n-th of the space is drawn


def search_map(tuned: Tuned) -> Picture:
    """One panel a knob of the space: its values, and the scores above 0 of configurations that have them."""
    space = {name: values for name, values in tuned.plan.space.items() if len(values) > 1}
    rows = _rows(tuned, list(space)) if space else []
    panels = max(1, len(space))

    def draw(figure: Any, colours: Mapping[str, Any]) -> None:
        axes = figure.subplots(1, panels, sharey=True, squeeze=False)[0]
        for place, name in zip(axes, space or [""], strict=True):
            _panel(place, rows, name, colours) if rows else place.text(0.5, 0.5, "one configuration", ha="center")
            place.set(xlabel=name, ylabel="score" if place is axes[0] else "")
        if rows:
            handles, names = axes[0].get_legend_handles_labels()
            figure.legend(handles, names, loc="outside upper right", ncols=2)
            axes[0].set_ylim(0, None)
        for place in axes:
            if place.get_legend():
                place.get_legend().remove()

    return Picture(draw, _words(rows, list(space)), (max(4.0, min(10.0, 2.2 * panels + 1.2)), 3.6))


def default_beside_tuned(tuned: Tuned) -> Picture:
    """The default flags and the winner, measured in turns: what the gain was computed from."""
    scores = [
        (default["score"], best["score"]) for default, best in tuned.repeats if default["score"] and best["score"]
    ]
    return pairs.in_turns(scores, ("default flags", "tuned"), "score of the objective")


def _rows(tuned: Tuned, knobs: Sequence[str]) -> list[dict[str, Any]]:
    predicted = [(config, told.get("score")) for config, told in tuned.predicted.items()]
    step = max(1, len(predicted) // MOST)
    measured = [(trial.config, trial.score) for trial in tuned.searched.trials]
    told = [(PREDICTED, *pair) for pair in predicted[::step]] + [(MEASURED, *pair) for pair in measured]
    return [
        {"what": what, "score": score, **{name: _value(config, name) for name in knobs}}
        for what, config, score in told
        if score
    ]


def _value(config: Config, name: str) -> str:
    value = getattr(config, name)
    if value is None:
        return "default"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _panel(axes: Any, rows: Sequence[Mapping[str, Any]], name: str, colours: Mapping[str, Any]) -> None:
    import pandas as pd
    import seaborn

    seaborn.stripplot(
        pd.DataFrame(rows), x=name, y="score", hue="what", ax=axes, dodge=True, jitter=0.15, size=5,
        order=sorted({row[name] for row in rows}, key=_in_order), hue_order=[PREDICTED, MEASURED],
        palette=[colours["series"][6], colours["series"][1]],
    )  # fmt: skip


def _in_order(value: str) -> tuple[bool, float, str]:
    try:
        return (True, float(value), "")
    except ValueError:
        return (False, 0.0, value)


def _words(rows: Sequence[Mapping[str, Any]], knobs: Sequence[str]) -> str:
    parts = []
    for name in knobs:
        best = {
            v: max(r["score"] for r in rows if r[name] == v) for v in sorted({r[name] for r in rows}, key=_in_order)
        }
        parts.append(f"{name}: " + ", ".join(f"{value} up to {score:,.4g}" for value, score in best.items()))
    count = sum(row["what"] == MEASURED for row in rows)
    told = "; ".join(parts) or "the space has one configuration"
    return f"Score by knob, {len(rows) - count} predicted and {count} measured. {told}."
