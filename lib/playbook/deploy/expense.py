"""What the deploy stage takes: simulating days, a rehearsal of what ships, checks of its files."""

from __future__ import annotations

from pathlib import Path

from playbook.records import record
from playbook.records.batch_curve import replay_s
from playbook.serve.expense import compare_s, start_s
from playbook.stage_plan import StagePlan, stretch

DAYS_S = 4.0  # the days of fleets and the policies of the autoscaler
CHECKS_S = 1.5
END_S = 1.5  # of the server of the rehearsal, and the reading of what it used
LEVELS = 1.5  # seconds of load for each of the window: ramp-up, and what is still under way


def stage(run_dir: Path, rehearsal_s: float) -> StagePlan:
    """The plan of the stage, where no image is built.

    Args:
        run_dir: The run folder; what export timed there is counted in.
        rehearsal_s: Window of the rehearsal.
    """
    exported = record.load(run_dir, "export")["results"] if record.has(run_dir, "export") else {}
    answers_s = replay_s(exported) + compare_s(exported)
    rehearsed = start_s(run_dir) + END_S * stretch() + answers_s + LEVELS * rehearsal_s
    days_s, checks_s = DAYS_S * stretch(), CHECKS_S * stretch()
    return StagePlan.of(
        [("days of load simulated", days_s), ("a rehearsal of what ships", rehearsed), ("checks", checks_s)]
    )
