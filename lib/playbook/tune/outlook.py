"""What is known of a tuning before a server is started: what it will take, or why it is pointless."""

from __future__ import annotations

from collections.abc import Sequence

from playbook.records import record
from playbook.serve.expense import start_s
from playbook.stage_plan import StagePlan, spoken, stretch
from playbook.stress.load import Load
from playbook.tune.hopeless import hopeless
from playbook.tune.plan import TuningPoint
from playbook.tune.timetable import Timetable, Timing, timetable

UNKNOWN_MS = 1.0  # of a request, where export has no batch curve


def planned(point: TuningPoint, load: Load, budget_s: float, spent_s: float = 0.0) -> Timetable:
    """The timetable by export's batch curve; what the server shows will correct it.

    Raises:
        RecordUnreadable: the model was not exported.
    """
    exported = record.load(point.run_dir, "export")["results"]
    alone = load.mix.mean_ms(exported) or UNKNOWN_MS
    timing = Timing(alone, point.cores, start_s(point.run_dir), busy=stretch())
    return timetable(point.plan, load, timing, budget_s, spent_s)


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
    return why or ("" if table.fits else too_short(table))


def too_short(table: Timetable) -> str:
    """That the budget does not carry even the least, with the budget that does."""
    return (
        f"even the default and one configuration take about {spoken(table.planned_s)} with a model this slow, and "
        f"max_minutes allows {spoken(table.budget_s)}. Set max_minutes to {table.planned_s / 60 + 1:.0f} or more."
    )
