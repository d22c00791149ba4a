"""What the levels of a load take, told before they begin."""

from __future__ import annotations

from pathlib import Path

from playbook.records import record
from playbook.records.batch_curve import bodies_s
from playbook.stage_plan import StagePlan, stretch
from playbook.stress.schedule import BETWEEN_S, Schedule

PASSPORT_S = 3.0


def stage(planned: Schedule, search_s: float = 0.0, run_dir: Path | None = None) -> StagePlan:
    """What the stage takes: the generator's own test, the levels, the search.

    Args:
        planned: The levels.
        search_s: Seconds of the search for the highest rate.
        run_dir: The run folder, with what export knows of the rows that are written as requests.
    """
    exported = record.load(run_dir, "export")["results"] if run_dir and record.has(run_dir, "export") else {}
    between_s = BETWEEN_S * planned.repeats * len(planned.levels) * (stretch() - 1)
    parts = [
        ("the load generator's own test", PASSPORT_S * stretch() ** 0.5),  # half of it waits
        (planned.words, planned.expected_s + between_s + bodies_s(exported)),
        ("the search", search_s),
    ]
    return StagePlan.of(parts, planned.left_out)
