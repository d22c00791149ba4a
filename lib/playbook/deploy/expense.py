"""What the deploy stage takes: simulating days, a rehearsal of what ships, checks of its files."""

from __future__ import annotations

from pathlib import Path

from playbook.deploy.deploy import REQUESTS
from playbook.records import record
from playbook.records.batch_curve import asked_ms, bodies_s, request_ms
from playbook.serve.expense import END_S, compare_s, start_s
from playbook.stage_plan import StagePlan, stretch

DAYS_S = 3.0  # the days of fleets and the policies of the autoscaler
WRITTEN = 2  # times the bundle is written: as planned, and with what the rehearsal showed
CHECKS_S = 1.5
LEVELS = 1.5  # seconds of load for each of the window: ramp-up, and what is still under way
LATE = 3  # requests that are still answered after it


def stage(run_dir: Path, rehearsal_s: float) -> StagePlan:
    """The plan of the stage, where no image is built.

    Args:
        run_dir: The run folder; what export and stress timed there is counted in.
        rehearsal_s: Window of the rehearsal.
    """
    exported = record.load(run_dir, "export")["results"] if record.has(run_dir, "export") else {}
    asked = asked_ms(run_dir) or request_ms(exported, 1) or 0.0
    answers_s = compare_s(exported, asked_ms=asked)
    written_s = WRITTEN * bodies_s(exported, REQUESTS) + bodies_s(exported)
    held_s = LEVELS * rehearsal_s + LATE * asked / 1000
    rehearsed = start_s(run_dir) + END_S * stretch() + answers_s + written_s + held_s
    days_s, checks_s = DAYS_S * stretch(), CHECKS_S * stretch()
    return StagePlan.of(
        [("days of load simulated", days_s), ("a rehearsal of what ships", rehearsed), ("checks", checks_s)]
    )
