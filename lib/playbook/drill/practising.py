"""All drills of an exercise, one after the other, inside the time there is."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from playbook import progress
from playbook.drill import observing
from playbook.drill.drill import Drill, Way
from playbook.drill.drills import DRILLS
from playbook.drill.exercise import Exercise, exercise_of
from playbook.errors import LoadFailed, PlaybookError, ServerError
from playbook.records.rows import DrillRow

START_S = 1.0  # of a server, where none was seen starting
AROUND_S = 1.0  # a load's processes, and the reading of its rows


@dataclass
class Practised:
    """What was drilled: rows, what was left out and why, the soak where there was one, and the time it took."""

    rows: list[DrillRow] = field(default_factory=list)
    left_out: list[dict[str, str]] = field(default_factory=list)
    soak: dict[str, Any] | None = None
    planned_s: float = 0.0
    took_s: float = 0.0


def prepare(settings: Mapping[str, Any]) -> Exercise:
    """The exercise that a notebook's parameters ask for; errors as `exercise_of` raises them."""
    return exercise_of(settings, DRILLS)


def planned(exercise: Exercise) -> list[tuple[Drill, bool, Way]]:
    """Every drill that can be held here, each way, in order."""
    able = [DRILLS[name] for name in exercise.drills if not DRILLS[name].hindered(exercise)]
    return [(drill, remedied, way) for drill in able for remedied, way in drill.ways(exercise)]


def planned_s(exercise: Exercise) -> float:
    """How long all of it takes, in s."""
    return len(planned(exercise)) * _each_s(exercise) + exercise.soak_s


def practise(exercise: Exercise) -> Practised:
    """Hold every drill. What the server fails is a finding; what could not be held is named with the reason."""
    done = Practised(planned_s=planned_s(exercise))
    if exercise.skipped:
        return done
    began, each_s = time.monotonic(), _each_s(exercise)
    hindered = {name: DRILLS[name].hindered(exercise) for name in exercise.drills}
    done.left_out = [{"drill": name, "why": why} for name, why in hindered.items() if why]
    steps = planned(exercise)
    with progress.live("drill", len(steps) * each_s) as bar:
        for number, (drill, remedied, way) in enumerate(steps):
            spent_s = time.monotonic() - began
            if spent_s + each_s > exercise.budget_s:
                done.left_out.append({"drill": _named(drill, remedied), "why": _no_time(exercise)})
                continue
            bar.update(number * each_s, drill.title + (f", with {drill.remedy}" if remedied else ""))
            try:
                done.rows.append(observing.hold(exercise, drill, way, remedied, number))
            except (LoadFailed, ServerError) as error:
                done.left_out.append({"drill": _named(drill, remedied), "why": _first_line(error)})
            each_s = (time.monotonic() - began) / (number + 1)
    done.took_s = time.monotonic() - began
    return done


def _each_s(exercise: Exercise) -> float:
    """How long one drill takes, in s: its load, the start of its server, and what surrounds them."""
    return exercise.drill_s + (exercise.run.results("serve").get("start_s") or START_S) + AROUND_S


def _named(drill: Drill, remedied: bool) -> str:
    return f"{drill.name} with its remedy" if remedied else drill.name


def _no_time(exercise: Exercise) -> str:
    return f"drill_minutes ({exercise.budget_s / 60:g}) were spent"


def _first_line(error: PlaybookError) -> str:
    return str(error).splitlines()[0]
