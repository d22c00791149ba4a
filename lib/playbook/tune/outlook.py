"""What is known of a tuning before a server is started: what it will take, or why it is pointless."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from playbook.records import record
from playbook.records.batch_curve import asked_ms, bodies_s, request_ms
from playbook.serve.expense import start_s
from playbook.stage_plan import StagePlan, spoken, stretch
from playbook.stress.load import Load
from playbook.tune.hopeless import hopeless
from playbook.tune.plan import TuningPlan, TuningPoint
from playbook.tune.timetable import Timetable, timetable
from playbook.tune.timing import Timing

UNKNOWN_MS = 1.0  # of a request, where export has no batch curve
MOST_ROWS = 64  # that a batch is taken to have: few servers fill more
LEAST = 0.05  # of its cost alone, that a request in a batch is taken to cost


def planned(point: TuningPoint, load: Load, budget_s: float, spent_s: float = 0.0) -> Timetable:
    """The timetable by export's batch curve, or by what stress timed where that is more; the server will correct it.

    Raises:
        RecordUnreadable: the model was not exported.
    """
    exported = record.load(point.run_dir, "export")["results"]
    by_curve = load.mix.asked_ms(exported, load.protocol) or UNKNOWN_MS
    alone = max(load.mix.mean_ms(exported) or 0.0, asked_ms(point.run_dir) or by_curve)
    cheaper = in_batch(exported, point.plan, load, alone)
    timing = Timing(alone, point.cores, start_s(point.run_dir), busy=stretch(), in_batch=cheaper)
    return timetable(point.plan, load, timing, budget_s, spent_s + bodies_s(exported))


def in_batch(exported: Mapping[str, Any], plan: TuningPlan, load: Load, alone_ms: float) -> float:
    """What a request costs in the largest batch of the space, as a share of what it costs alone, by the batch curve.

    Reading and writing it costs the same in both. 1 where nothing is batched, or nothing is known.
    """
    sizes = [config.effective("max_batch_size") for config in plan.configs if config.enable_batching]
    graph_ms, rows = load.mix.mean_ms(exported), load.mix.mean_rows
    full_ms = request_ms(exported, min(MOST_ROWS, max(sizes, default=0))) if sizes else None
    if full_ms is None or graph_ms is None or rows < 1:
        return 1.0
    saved_ms = graph_ms - full_ms * rows / min(MOST_ROWS, max(sizes))
    return min(1.0, max(LEAST, 1 - saved_ms / max(alone_ms, graph_ms)))


def stage(points: Sequence[TuningPoint], load: Load) -> StagePlan:
    """What tuning all points takes; nothing for those that are refused, which are named as left out."""
    parts, left_out = [], list[str]()
    for point in points:
        table = planned(point, load, 60 * point.plan.budget.minutes / len(points))
        why = refusal(point, load, table)
        parts.append((f"{point.name}: {table.steps()}", 0.0 if why else table.planned_s))
        left_out += [f"{point.name}: {why.rstrip('.')}"] if why else table.left_out
    return StagePlan.of(parts, left_out)


def refusal(point: TuningPoint, load: Load, table: Timetable) -> str:
    """Why tuning is left out: a promise nothing keeps, or a budget that even the least does not fit; or nothing."""
    exported = record.load(point.run_dir, "export")["results"]
    why = hopeless(exported, point.plan.objective.promise, load.mix.usual_most(), point.cores)
    return why or ("" if table.nearly_fits else too_short(table))


def too_short(table: Timetable) -> str:
    """That the budget does not carry even the least, with the budget that does."""
    return (
        f"even the default and one configuration take about {spoken(table.planned_s)} with a model this slow, and "
        f"max_minutes allows {spoken(table.budget_s)}. Set max_minutes to {table.planned_s / 60 + 1:.0f} or more."
    )
