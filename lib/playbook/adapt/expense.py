"""What the demonstration takes, told before it begins."""

from __future__ import annotations

from playbook.adapt.demonstration import Demonstration, probe_times
from playbook.serve.expense import load_s, start_s
from playbook.stage_plan import StagePlan, stretch
from playbook.tune.timetable import SWITCH_S

BETWEEN_S = 0.4  # of one choice beside its load: connections, rows, checks


def stage(prepared: Demonstration) -> StagePlan:
    """What the demonstration takes: a server, a probe where no rate is known, each choice and the change to it."""
    if prepared.skipped:
        return StagePlan((), (prepared.skipped.rstrip("."),))
    replay_s, count = prepared.replay_s, len(prepared.choices)
    policies = sum(choice.governor is not None for choice in prepared.choices)
    change_s = max(SWITCH_S + replay_s, load_s(prepared.run_dir))  # a server loads the version anew
    parts = [
        ("a server", start_s(prepared.run_dir) + replay_s),
        ("a probe of what it carries", 0.0 if prepared.highest_rps else sum(probe_times(prepared).values())),
        (f"{count} choices of {prepared.moving_s:g} s", count * (prepared.moving_s + BETWEEN_S * stretch())),
        ("changing the server", (count + policies - 1) * change_s),
    ]
    return StagePlan.of(parts, prepared.notes)
