"""What the demonstration takes, told before it begins."""

from __future__ import annotations

from playbook.adapt.demonstration import Demonstration, probe_times
from playbook.records import record
from playbook.records.batch_curve import bodies_s, replay_s
from playbook.serve.expense import END_S, load_s, start_s
from playbook.stage_plan import StagePlan, stretch
from playbook.tune.timetable import SWITCH_S

BETWEEN_S = 0.4  # of one choice beside its load: connections, rows, checks
LATE = 3  # requests that are still answered after a load that moves ends low


def stage(prepared: Demonstration) -> StagePlan:
    """What the demonstration takes: a server, a probe where no rate is known, each choice and the change to it.

    A probe is held on the last fixed choice, so that the first one needs a change too; a policy makes one of its own.
    """
    if prepared.skipped:
        return StagePlan((), (prepared.skipped.rstrip("."),))
    run_dir, count = prepared.run_dir, len(prepared.choices)
    exported = record.load(run_dir, "export")["results"]
    policies = sum(choice.governor is not None for choice in prepared.choices)
    probed = not prepared.highest_rps
    change_s = max(SWITCH_S + replay_s(exported), load_s(run_dir))  # a server loads the version anew
    each_s = prepared.moving_s + BETWEEN_S * stretch() + LATE * prepared.request_ms / 1000
    parts = [
        ("a server", start_s(run_dir) + END_S * stretch() + bodies_s(exported)),
        ("a probe of what it carries", _probe_s(prepared) if probed else 0.0),
        (f"{count} choices of {prepared.moving_s:g} s", count * each_s),
        ("changing the server", (count - 1 + probed + policies) * change_s),
    ]
    return StagePlan.of(parts, prepared.notes)


def _probe_s(prepared: Demonstration) -> float:
    """Of the closed loop: ramp-up, window, and the last answer to each client, which takes as long as the ramp-up."""
    times = probe_times(prepared)
    return times["duration_s"] + 2 * times["ramp_up_s"] + BETWEEN_S * stretch()
