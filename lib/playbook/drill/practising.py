"""All drills of an exercise, one after the other, inside the time there is."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from playbook import progress
from playbook.drill import flooding, observing
from playbook.drill import soak as soaking
from playbook.drill.drill import Drill, Way
from playbook.drill.drills import DRILLS
from playbook.drill.exercise import Exercise, exercise_of
from playbook.errors import LoadFailed, PlaybookError, ServerError, VersionChanged
from playbook.records.rows import DrillRow
from playbook.serve.expense import start_s
from playbook.stage_plan import StagePlan
from playbook.stress import stress

# What an open loop sends of real requests, as a share of a closed loop's empty ones (the example record's: 0.23).
OF_PASSPORT = 0.25
AROUND_S = 1.0  # a load's processes, and the reading of its rows


@dataclass
class Practised:
    """What was drilled: rows, what was left out and why, the soak where there was one, and the time it took, in s.

    `unheld` are those of the left out for which there was time: they failed, or cannot be held here.
    """

    rows: list[DrillRow] = field(default_factory=list)
    left_out: list[dict[str, str]] = field(default_factory=list)
    unheld: list[dict[str, str]] = field(default_factory=list)
    soak: dict[str, Any] | None = None
    planned_s: float = 0.0
    took_s: float = 0.0


def prepare(settings: Mapping[str, Any]) -> Exercise:
    """The exercise that a notebook's parameters ask for; errors as `exercise_of` and the passport raise them.

    Where a flood is asked for and no level has shown what the load generator can send, its passport tells (3 s): more
    than it can send would measure the generator.
    """
    exercise = exercise_of(settings, DRILLS)
    floods = any(DRILLS[name].way.load is flooding.flood for name in exercise.drills)
    if floods and exercise.client_rps is None and not exercise.skipped:
        return replace(exercise, client_rps=OF_PASSPORT * stress.passport(exercise.load)["max_rate_rps"])
    return exercise


def asked(settings: Mapping[str, Any]) -> Exercise:
    """The exercise before anything of it runs, not even a passport; errors as `exercise_of` raises them."""
    return exercise_of(settings, DRILLS)


def stage(exercise: Exercise) -> StagePlan:
    """What the stage takes: its drills inside `drill_minutes`, the soak; what cannot be held is named."""
    if exercise.skipped:
        return StagePlan((), (exercise.skipped.rstrip("."),))
    steps = planned(exercise)
    drills_s = sum(_each_s(exercise, way) for _, _, way in steps)
    parts = [
        (f"{len(steps)} drills of {exercise.drill_s:g} s", min(drills_s, exercise.budget_s)),
        (f"a soak of {exercise.soak_s / 60:g} min", exercise.soak_s),
    ]
    left_out = [f"{name}: {why}" for name in exercise.drills if (why := DRILLS[name].hindered(exercise))]
    return StagePlan.of(parts, left_out + ([_short(exercise)] if drills_s > exercise.budget_s else []))


def planned(exercise: Exercise) -> list[tuple[Drill, bool, Way]]:
    """Every drill that can be held here, each way, in order."""
    able = [DRILLS[name] for name in exercise.drills if not DRILLS[name].hindered(exercise)]
    return [(drill, remedied, way) for drill in able for remedied, way in drill.ways(exercise)]


def planned_s(exercise: Exercise) -> float:
    """How long all of it takes, in s."""
    return sum(_each_s(exercise, way) for _, _, way in planned(exercise)) + exercise.soak_s


def practise(exercise: Exercise) -> Practised:
    """Hold every drill, then the soak. What the server fails is a finding; what could not be held is named.

    Raises:
        VersionChanged: the model's folder holds another version than export wrote.
    """
    done = Practised(planned_s=planned_s(exercise))
    if exercise.skipped:
        return done
    began, hindered = time.monotonic(), {name: DRILLS[name].hindered(exercise) for name in exercise.drills}
    done.unheld = [{"drill": name, "why": why} for name, why in hindered.items() if why]
    done.left_out = list(done.unheld)
    with progress.live("drill", done.planned_s) as bar:
        steps, due_s = planned(exercise), 0.0
        for number, (drill, remedied, way) in enumerate(steps):
            spent_s, each_s = time.monotonic() - began, _each_s(exercise, way)
            slower = spent_s / due_s if due_s else 1.0  # than planned, so far
            if spent_s + slower * each_s > exercise.budget_s:
                done.left_out.append({"drill": _named(drill, remedied), "why": _no_time(exercise)})
                continue
            bar.update(due_s, drill.title + (f", with {drill.remedy}" if remedied else ""))
            with _left_out(done, _named(drill, remedied)):
                done.rows.append(observing.hold(exercise, drill, way, remedied, number))
            due_s += each_s
        bar.update(due_s, "soak" if exercise.soak_s else "")
        with _left_out(done, "soak"):
            done.soak = soaking.soak(exercise, len(steps))
    done.took_s = time.monotonic() - began
    return done


@contextmanager
def _left_out(done: Practised, name: str) -> Iterator[None]:
    """What could not be held is named with the reason, and the next drill goes on."""
    try:
        yield
    except VersionChanged:
        raise
    except (LoadFailed, ServerError) as error:
        done.unheld.append({"drill": name, "why": _first_line(error)})
        done.left_out.append(done.unheld[-1])


def _each_s(exercise: Exercise, way: Way) -> float:
    """How long one drill takes, in s: its load, the start of its servers, and what surrounds them."""
    return exercise.drill_s + way.servers * start_s(exercise.run.run_dir) + AROUND_S


def _named(drill: Drill, remedied: bool) -> str:
    return f"{drill.name} with its remedy" if remedied else drill.name


def _no_time(exercise: Exercise) -> str:
    return f"drill_minutes ({exercise.budget_s / 60:g}) were spent"


def _short(exercise: Exercise) -> str:
    return f"drills beyond drill_minutes ({exercise.budget_s / 60:g})"


def _first_line(error: PlaybookError) -> str:
    return str(error).splitlines()[0]
