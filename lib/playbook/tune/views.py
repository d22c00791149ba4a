"""What 60_tune shows: the verdict in words, the tables, and predictions drawn against measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from playbook import markdown
from playbook.drawing.canvas import Picture
from playbook.stress.load import Load
from playbook.tfserving.mergeable import PAD
from playbook.tune import outlook
from playbook.tune.findings import figure
from playbook.tune.plan import Tuned, TuningPoint
from playbook.tune.request_path import LOOK_MS, RequestPath

#: How an objective's score is told on the axis of a figure.
_SCORES = {
    "max_rate": "requests/s inside the limit",
    "min_p99_at_rate": "1000 / p99 in ms",
    "min_cost_at_rate": "requests/s of one core's time",
}


def verdict(results: Mapping[str, Any]) -> str:
    """One sentence for each point: the winner in words, its gain over the default flags, and what earned it."""
    wrong = [text for point in results["points"] for text in point.get("failures") or []]
    died = [text for point in results["points"] for text in point.get("deaths") or []]
    failed = (f"WRONG ANSWERS {wrong[0]}. " if wrong else "") + (f"A SERVER ENDED: {died[0]}. " if died else "")
    return failed + " ".join(_sentence(point) for point in results["points"]) + _shared(results)


def plan_table(points: Sequence[TuningPoint], load: Load) -> str:
    """What is tuned for, the space, and what it will take, in Markdown."""
    plan = points[0].plan
    lines = [f"- {point.name}: {point.plan.objective.words()}, {point.spec.server} server" for point in points]
    size = len(plan.configs)
    knobs = markdown.table(["knob", "values"], [[name, ", ".join(map(str, v))] for name, v in plan.space.items()])
    notes = [f"{size} configuration{'s' * (size != 1)}, searched by `{plan.search}`."]
    notes += [f"Batching left the space: {plan.unbatched}."] if plan.unbatched else []
    notes += [f"Requests come in {plan.padded} shapes: {PAD} is on wherever batching is."] if plan.padded else []
    return "\n\n".join(["\n".join(lines), knobs, *notes, *_outlook(points, load)])


def _outlook(points: Sequence[TuningPoint], load: Load) -> list[str]:
    """What will be done and how long it takes, or why nothing will be, a paragraph a point."""
    paragraphs = []
    for point in points:
        table = outlook.planned(point, load, 60 * point.plan.budget.minutes / len(points))
        why = outlook.refusal(point, load, table)
        paragraphs.append(f"{point.name}: " + (f"skipped, {why}" if why else table.words()))
    return paragraphs


def _sentence(point: Mapping[str, Any]) -> str:
    who, best, default = f"'{point['model_name']}' on the {point['server']} server", point["best"], point["default"]
    if point.get("skipped"):
        return f"{who} was not tuned: {point['skipped']}"
    if not best["score"]:
        return f"{who}: {_which(point)} {point['objective']}. {_nearest(point)}"
    reached = figure(point["kind"], best)
    if point["trials"] == 1 and point["stopped"]:
        return f"{who}: only the default flags were measured ({reached}), so nothing is compared: {point['stopped']}."
    if best["config"] == default["config"]:
        again = f" {point['gain_words']}." if point["repeats"] else ""
        return (
            f"{who}: the default flags are the best of {point['trials']} measured ({reached}) for "
            f"{point['objective']}{';' if again else '.'}{again}"
        )
    doubt = "" if best["valid"] else " in an INVALID window, which proves nothing"
    gained = f"{point['gain_words']}{_earned(point)}"
    return f"{who}: {reached}{doubt} with {best['words']}: {gained}, for {point['objective']}."


def _earned(point: Mapping[str, Any]) -> str:
    steps = [step for step in point["ablation"] if step["factor"] and step["factor"] >= 1.05]
    if not point["gain_shown"] or not steps or len(point["ablation"]) < 2:
        return ""
    steps = sorted(steps, key=lambda step: -step["factor"])
    parts = ", ".join(f"{step['factor']:.1f} × from {step['knobs']}" for step in steps)
    return f"; of it, each step measured once, {parts}"


def _which(point: Mapping[str, Any]) -> str:
    """Who does not keep the objective: all of the space only where all of it was measured."""
    measured, space = point["trials"], point["configurations"]
    if measured >= space:
        return f"no configuration of {space} gives"
    if measured == 1:
        why = f" ({point['stopped']})" if point["stopped"] else ""
        return f"the default flags, which alone were measured of {space} configurations{why}, do not give"
    return f"none of the {measured} configurations measured (of {space}) gives"


def _nearest(point: Mapping[str, Any]) -> str:
    near = point["nearest"]
    if not (costs := point["simulator"]["paths"].get(point["default"]["config"]["protocol"])):
        return f"The nearest was {_where(near)}. Raise p99_limit_ms, lower the rate, or add cores."
    path = RequestPath(**costs)
    graph = path.run_ms(path.work_rows, batched=False)
    lone = path.shell_in_ms + graph + path.shell_out_ms + path.wire_ms
    return (
        f"The nearest was {_where(near)}. "
        f"What limits it: a request alone takes {lone:.2g} ms ({graph:.2g} ms "
        "of it the graph), and queueing at that rate comes on top. Raise p99_limit_ms, lower the rate, or add cores."
    )


def _where(near: Mapping[str, Any] | None) -> str:
    if not near:
        return "not told by any window: each had too few requests for a p99"
    certain = f" ({near['certain']})" if near.get("certain") else ""
    return f"p99 {near['p99_ms']:.3g} ms at {near['nearest_rate_rps']:,.3g}/s with {near['words']}{certain}"


def _shared(results: Mapping[str, Any]) -> str:
    shared = results.get("for_all")
    if not shared:
        return ""
    costs = ", ".join(f"{share:.0%} of the best at {name}" for name, share in shared["share_of_best"].items())
    left = f" ({', '.join(shared['unreached'])} left out, which nothing keeps)" if shared["unreached"] else ""
    return f" One configuration for all{left}: {shared['words']}, with {costs}."


def table(trials: pd.DataFrame) -> str:
    """The trials as a Markdown table, finalists first and the best of them on top, with what the simulator had said."""
    headers = ["trial", "from", "configuration", "score", "× default", "predicted", "p99 ms", "rows a batch", "valid"]
    if not len(trials):
        return "Nothing was tuned; the verdict says why."
    default = trials[trials["source"] == "default"].set_index("point")["score"]
    times = trials["score"] / trials["point"].map(default).replace(0.0, float("nan"))
    columns = ["trial", "source", "config", "score", "times", "predicted_score", "p99_ms", "batch_rows"]
    if trials["point"].nunique() > 1:
        headers, columns = ["point", *headers], ["point", *columns]
    again = trials["finalist"].map({True: ", median of 3", False: ""})
    shown = trials.assign(times=times, source=trials["source"] + again)
    shown = shown.sort_values(["finalist", "score"], ascending=False, na_position="last")
    rows = [[*(getattr(row, name) for name in columns), _word(row)] for row in shown.itertuples()]
    return markdown.table(headers, [[_plain(value) for value in row] for row in rows])


def wakeup_words(results: Mapping[str, Any]) -> str:
    """What the simulator took idle batch threads to do, and what a time-out then costs; "" where it was not asked."""
    wakeup = (results.get("simulator") or {}).get("batch_wakeup")
    if wakeup == "tensorflow":
        return (
            f"The simulator had idle batch threads look every {LOOK_MS[wakeup]:g} ms, as TensorFlow Serving's do "
            "(`batch_wakeup=tensorflow`): a time-out costs some half a millisecond more than it says."
        )
    if wakeup == "fast":
        return (
            "Idle batch threads wake at once on this server, and so they do in the simulator (`batch_wakeup=fast`). "
            "TensorFlow Serving's look every millisecond: there a time-out costs some half a millisecond more."
        )
    return ""


def ablation_table(tuned: Tuned) -> str:
    """What each change earned, from the default flags to the winner."""
    if not tuned.ablation:
        return "No ablation was measured (`ablation: 0`, or the default flags are best)."
    rows = [[f"+ {step['knobs']}", step["score"], step["factor"]] for step in tuned.ablation]
    return markdown.table(["change", "score", "times"], [["default", tuned.default["score"], None], *rows])


def predicted_against_measured(trials: pd.DataFrame, kind: str = "max_rate") -> Picture:
    """Each measured trial over its prediction, in the objective's score; on the line the simulator was right."""
    known = {"score", "predicted_score"} <= set(trials.columns)
    kept = trials.dropna(subset=["score", "predicted_score"]) if known else trials
    kept = kept[(kept["score"] > 0) & (kept["predicted_score"] > 0)] if known else kept
    pairs = list(zip(kept["predicted_score"], kept["score"], strict=True)) if known else []

    def draw(figure: Any, colours: Mapping[str, Any]) -> None:
        axes = figure.add_subplot()
        top = 1.1 * max((max(pair) for pair in pairs), default=1.0)
        axes.plot([0, top], [0, top], color=colours["muted"], linewidth=1.0, linestyle=":")
        for number, (source, group) in enumerate(kept.groupby("source") if pairs else ()):
            axes.plot(group["predicted_score"], group["score"], "o", color=colours["series"][number], label=source)
        axes.set(xlim=(0, top), ylim=(0, top), xlabel=f"predicted {_SCORES[kind]}", ylabel=f"measured {_SCORES[kind]}")
        if pairs:
            figure.legend(loc="outside upper right", ncols=4)

    off = sorted(abs(said / true - 1) for said, true in pairs)
    words = f"median error {off[len(off) // 2]:.0%}, worst {off[-1]:.0%}" if off else "no trial has both"
    return Picture(draw, f"Predicted against measured score of {len(pairs)} trials: {words}.")


def _plain(value: Any) -> Any:
    return None if value is None or value != value else value


def _word(row: Any) -> str:
    if isinstance(row.error, str):
        return "failed"
    return "VALID" if row.valid == True else "INVALID"  # noqa: E712 (pandas has its own booleans)
