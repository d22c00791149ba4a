"""What 70_adapt shows: who plays, who kept the promise, and load, latency and changes over time."""

from __future__ import annotations

from collections.abc import Sequence

from playbook import markdown
from playbook.adapt.demonstration import ChoiceRun, Demonstration
from playbook.drawing import moving
from playbook.drawing.canvas import Picture


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
    return moving.picture(
        [
            moving.Played(p.choice.name, p.kept_s, p.seconds, p.began_ns, p.adapted.changes if p.adapted else [])
            for p in played
        ],
        limit_ms,
    )
