"""What 70_adapt shows: who plays, who kept the promise, and load, latency and changes over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from playbook import markdown
from playbook.adapt.demonstration import ChoiceRun, Demonstration
from playbook.drawing.canvas import Picture
from playbook.drawing.figures import draw_limit, log_latency


def choices_table(prepared: Demonstration) -> str:
    """What is compared, as a Markdown table; or why nothing is."""
    if prepared.skipped:
        return f"Skipped: {prepared.skipped}"
    rows = [[c.name, "starts from" if c.governor else "stays", c.config.words()] for c in prepared.choices]
    return markdown.table(["choice", "", "configuration"], rows)


def table(played: Sequence[ChoiceRun]) -> str:
    """How each did, as a Markdown table."""
    if not played:
        return "Nothing was held; the verdict says why."
    rows = [
        [
            p.choice.name,
            f"{p.kept_s} of {len(p.seconds)}",
            p.summary["latency_ms"]["p99"],
            p.summary["latency_ms"]["max"],
            int(p.seconds["beyond"].sum()),
            int(p.seconds["errors"].sum()),
            len(p.adapted.switch_s) if p.adapted else None,
        ]
        for p in played
    ]
    return markdown.table(
        ["choice", "seconds kept", "p99 ms", "max ms", "beyond the limit", "of them failed", "live changes"], rows
    )


def changes_table(played: Sequence[ChoiceRun]) -> str:
    """Every live change as a Markdown table."""
    rows = [
        [p.choice.name, change["before"], change["after"], change["why"], change["effect"]]
        for p in played
        if p.adapted
        for change in p.adapted.changes
    ]
    return markdown.table(["policy", "from", "to", "why", "effect"], rows) if rows else "Nothing was changed."


def timeline(played: Sequence[ChoiceRun], limit_ms: float) -> Picture:
    """Offered rate, p99 and slowest answer of each second, batch parameters and changes over time, a row a choice."""

    if not played:
        return Picture(_nothing, "Nothing was held.")

    def draw(figure: Any, colours: Mapping[str, Any]) -> None:
        slowest = [ms for p in played for ms in p.seconds["slowest_ms"].dropna()]
        rows = figure.subplots(len(played), 1, sharex=True, squeeze=False)[:, 0]
        for axes, run in zip(rows, played, strict=True):
            _draw_one(axes, run, limit_ms, colours)
            log_latency(axes, [limit_ms, *slowest], "y")
        rows[-1].set(xlabel="time (s)")

    words = [f"{p.choice.name} kept {p.kept_s} of {len(p.seconds)} seconds" for p in played]
    return Picture(draw, f"Moving load over time. {'; '.join(words)}.", size_in=(8.0, 1.0 + 1.9 * len(played)))


def _nothing(figure: Any, colours: Mapping[str, Any]) -> None:
    figure.text(0.1, 0.5, "Nothing was held.")


def _draw_one(axes: Any, run: ChoiceRun, limit_ms: float, colours: Mapping[str, Any]) -> None:
    seconds = run.seconds
    rate = axes.twinx()
    rate.fill_between(seconds["second"] + 0.5, seconds["offered"], color=colours["faint"], alpha=0.6, step="mid")
    rate.set(ylabel="requests/s", ylim=(0, None))
    rate.grid(False)
    axes.set_zorder(rate.get_zorder() + 1)
    axes.patch.set_visible(False)
    at, first = seconds["second"] + 0.5, colours["series"][0]
    axes.plot(at, seconds["slowest_ms"], "o", color=first, markersize=3, fillstyle="none", label="slowest")
    axes.plot(at, seconds["p99_ms"], "o-", color=first, markersize=3, label="p99")
    draw_limit(axes, limit_ms, colours)
    axes.set(ylabel="latency (ms)", title=f"{run.choice.name} (dots: p99; rings: slowest answer)")
    began_ns = run.began_ns
    for number, change in enumerate(run.adapted.changes if run.adapted else []):
        at_s = (change["at_ns"] - began_ns) / 1e9
        axes.axvline(at_s, color=colours["series"][1], linewidth=1.0)
        place = (at_s, 0.96 - 0.13 * (number % 3))  # neighbours one below the other
        axes.annotate(f" {_short(change['after'])}", place, xycoords=("data", "axes fraction"), fontsize=7, va="top")


def _short(words: str) -> str:
    """Batching parameters as a label: `64, 2 ms` for max_batch_size 64 and batch_timeout_micros 2000."""
    parameters = dict(part.split(" ", 1) for part in words.split(", ") if " " in part)
    wait = float(parameters.get("batch_timeout_micros", 0)) / 1000
    return f"{parameters.get('max_batch_size', 'off')}" + (f", {wait:g} ms" if wait else "")
