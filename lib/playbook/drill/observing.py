"""Hold one drill: users call at the promised rate, something happens to the server, every request is kept."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import loadgen
from loadgen import temporary
from playbook import stopwatch
from playbook.drill.drill import Drill, Way
from playbook.drill.exercise import Exercise
from playbook.drill.ground import Ground, ground
from playbook.drill.outage import Calls, by_second, outage
from playbook.errors import LoadFailed, PlaybookError
from playbook.monitor import beside
from playbook.monitor.resources import container_pid, family, process_state
from playbook.prove.answer import disturbance
from playbook.records import record
from playbook.records.rows import DrillRow
from playbook.serve.handle import Handle
from playbook.stress.stress import level_of
from playbook.tfserving.requests import write_mix

FIRST_WORD_S = 0.5  # from the window's start to the load's first word
BEGUN_WITHIN_S = 60.0  # the load's first word; processes start and connections open before it


def hold(exercise: Exercise, drill: Drill, way: Way, remedied: bool, number: int) -> DrillRow:
    """Hold one drill one way and return its row. A server that fails it is a finding.

    Raises:
        ServerNotReady: it did not come up to begin with.
        LoadFailed: nothing could be measured.
    """
    name = f"{drill.name}-remedy" if remedied else drill.name
    with (
        temporary.folder("bodies-") as bodies,
        ground(exercise, name, way.config(exercise), way.flags(exercise), way.prepare) as place,
        way.front(place) if way.front else nullcontext(place.handle) as called,
        _others(place) as others_cores,
    ):
        summary, moments, said = _held(exercise, way, place, called, bodies, number)
    calls = Calls.read(_folder(exercise, number) / "requests.parquet")
    began_ns, end_ns = moments["began_ns"], summary["start_ns"] + int(summary["duration_s"] * 1e9)
    lost = outage(calls, began_ns, end_ns, exercise.promise)
    answers = summary.get("answers") or {}
    return DrillRow(
        drill=drill.name,
        title=drill.title,
        remedied=remedied,
        remedy=drill.remedy if remedied else None,
        level=number,
        rate_rps=moments["rate_rps"],
        requests=lost["requests"],
        lost=lost["lost"],
        lost_by_code=lost["lost_by_code"],
        wrong=answers.get("wrong"),
        compared=answers.get("checked"),
        seconds=lost["seconds"],
        seconds_outside=lost["seconds_outside"],
        recovery_s=lost["recovery_s"],
        slowest_ms=lost["slowest_ms"],
        seen=(way.after(exercise, calls, began_ns) if way.after else said) or None,
        doubt=_doubt(summary, lost, others_cores),
        there=drill.there,
        source=drill.source,
        began_s=round((began_ns - summary["start_ns"]) / 1e9, 2),
        by_second=by_second(calls, began_ns, exercise.promise),
    )


def _held(
    exercise: Exercise, way: Way, place: Ground, called: Handle, bodies: Path, number: int
) -> tuple[dict[str, Any], dict[str, Any], str]:
    """The summary of the load, when it happened at which rate, and what was seen beside it."""
    settings = way.load(exercise, bodies)
    level = _level(exercise, way, called, bodies, level=number, **settings)
    started = threading.Event()
    with _loading(level, _folder(exercise, number), started) as held:
        calm_s = 0.0 if way.at_start else exercise.calm_s
        _wait(started, held, calm_s - FIRST_WORD_S)
        began_ns = time.monotonic_ns()
        said = _acted(way, place)
        try:
            summary = held.result()
        except loadgen.LoadgenError as error:
            raise LoadFailed(f"The load of a drill could not be held: {error}") from error
    stopwatch.add(level.duration_s + level.ramp_up_s)
    if way.at_start or settings["arrival"] == "trace":  # the load itself is what happens
        began_ns = summary["start_ns"] + int(calm_s * 1e9)
    return summary, {"began_ns": began_ns, "rate_rps": settings.get("rate_rps", exercise.rate_rps)}, said


def _level(exercise: Exercise, way: Way, called: Handle, bodies: Path, **settings: Any) -> loadgen.Level:
    load = exercise.load
    load = replace(load, timeout_s=way.timeout_s(exercise)) if way.timeout_s else load
    load = replace(load, ramp_up_s=0.0) if way.at_start else load
    write_mix(bodies, exercise.run.run_dir, load.mix, load.protocol, called.model_name)
    level = level_of(called, load, bodies, **settings)
    return level.with_(to_the_end=True, metrics_url=None)


def _acted(way: Way, place: Ground) -> str:
    """What was seen of the act; one that failed is a finding as well."""
    try:
        return way.act(place)
    except PlaybookError as error:
        return str(error).splitlines()[0]


@contextmanager
def _loading(level: loadgen.Level, folder: Path, started: threading.Event) -> Iterator[Future]:
    """The load in a thread of its own, for the length of the block; `started` is set with its first word."""

    def tell(so_far: Mapping[str, Any]) -> None:
        if so_far["elapsed_s"] > 0:
            started.set()

    with ThreadPoolExecutor(1, "drill-load") as pool:
        yield pool.submit(loadgen.hold, level, folder, tell)


def _wait(started: threading.Event, held: Future, calm_s: float) -> None:
    """Wait until the load has begun and its calm time is over."""
    end = time.monotonic() + BEGUN_WITHIN_S
    while not started.wait(0.01) and not held.done() and time.monotonic() < end:
        pass
    time.sleep(max(0.0, calm_s))


def _folder(exercise: Exercise, number: int) -> Path:
    return record.data_dir(exercise.run.run_dir) / "requests" / f"drill_{number:03d}"


def _doubt(summary: Mapping[str, Any], lost: Mapping[str, Any], others_cores: list[float]) -> str | None:
    """Why the row says little of the server: the machine was busy, or it was no better before; None: it may be read."""
    cores = int(record.environment().get("cores") or 1)
    if disturbed := disturbance(others_cores, cores, [summary]):
        return disturbed
    if not lost["requests"]:
        return "no request was due after it happened"
    return None if lost["calm_before"] in (True, None) else "the promise was not kept in the seconds before either"


@contextmanager
def _others(place: Ground) -> Iterator[list[float]]:
    """A list that holds, after the block, how many cores neither servers nor clients nor this process used in it.

    Nothing where the server is somebody else's: whether it runs on this machine is not known.
    """
    if place.exercise.attached:
        yield []
        return
    known, seen = (place.handle.container_id,), list[float]()
    with beside.sampled(beside.ours(place.handle.container_id)) as used_s:
        before, began = used_s(), time.monotonic()
        yield seen
        after = used_s()
    renewed = place.handle.container_id if place.handle.container_id not in known else None
    if renewed and (pid := container_pid(renewed)):  # a container that was started meanwhile: all it has used
        after = after[0], after[1] + sum(state["cpu_s"] for one in family(pid) if (state := process_state(one)))
    seen.append(max(0.0, after[0] - before[0] - (after[1] - before[1])) / (time.monotonic() - began))
