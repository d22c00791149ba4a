"""What 75_drill shows: the plan, the table of what was lost, what TensorFlow Serving does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from playbook import markdown
from playbook.drill.drills import DRILLS
from playbook.drill.exercise import Exercise
from playbook.drill.practising import planned_s
from playbook.records.rows import DrillRow


def plan_table(exercise: Exercise) -> str:
    """What is going to be drilled, as a Markdown table."""
    if exercise.skipped:
        return f"Nothing is drilled: {exercise.skipped}."
    rows: list[list[Any]] = [
        [name, DRILLS[name].title, DRILLS[name].remedy or None, DRILLS[name].hindered(exercise) or None]
        for name in exercise.drills
    ]
    words = f"At {exercise.rate_rps:,.0f} requests/s, {exercise.drill_s:g} s each; all of it takes about "
    words += f"{planned_s(exercise):,.0f} s, and at most {exercise.budget_s:,.0f} s."
    return f"{words}\n\n{markdown.table(['drill', 'what happens', 'remedy', 'not held here, because'], rows)}"


def drills_table(rows: Sequence[DrillRow]) -> str:
    """What users lost in each drill, as it is and with the remedy, as a Markdown table."""
    cells: list[list[Any]] = [
        [
            row["title"] if not row["remedied"] else f"… with {row['remedy']}",
            f"{row['requests']:,}",
            _codes(row["lost_by_code"]),
            row["seconds_outside"],
            _recovery(row),
            row["slowest_ms"],
            row["wrong"],
            "; ".join(text for text in (row["seen"], row["doubt"] and f"DOUBTFUL: {row['doubt']}") if text) or None,
        ]
        for row in rows
    ]
    headers = ["drill", "requests", "lost", "s outside", "recovered after s", "slowest ms", "wrong answers", "seen"]
    return markdown.table(headers, cells) if cells else "No drill was held."


def there_table(rows: Sequence[DrillRow]) -> str:
    """What TensorFlow Serving does in each drill, and where that can be read, as a Markdown table."""
    cells = {row["drill"]: [row["title"], row["there"], row["source"], _how(row["drill"])] for row in rows}
    return markdown.table(["drill", "TensorFlow Serving", "source", "remedy"], cells.values()) if cells else ""


def left_out_table(results: Mapping[str, Any]) -> str:
    """What was not held, and why."""
    cells = [[one["drill"], one["why"]] for one in results["left_out"]]
    return markdown.table(["not held", "because"], cells) if cells else "Every drill that was asked for was held."


def _how(name: str) -> str | None:
    known = DRILLS.get(name)
    return f"{known.remedy}: {known.how}" if known and known.how else None


def _codes(lost: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {code}" for code, count in lost.items()) or "none"


def _recovery(row: DrillRow) -> Any:
    return f"not within {row['seconds']:g}" if row["recovery_s"] is None else row["recovery_s"]
