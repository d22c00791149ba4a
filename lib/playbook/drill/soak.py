"""The soak: the promised rate for minutes, and whether the server's memory grows with the requests it answered.

A leak grows with every request, a cache or an allocator's arena in steps: so the requests are cut into sixths and the
growth a request is told in each. It is a leak only where their mean, less its error, is beyond what matters and at
least five of the six grew. What could have stayed unseen is told too.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

import loadgen
from loadgen import temporary
from playbook import stopwatch
from playbook.drill.exercise import Exercise
from playbook.drill.ground import ground
from playbook.drill.outage import Calls, outage
from playbook.errors import LoadFailed, ServerDied
from playbook.monitor.resources import Container, ProcessTree, container_pid
from playbook.records import record
from playbook.serve.alive import check_unmeasured
from playbook.serve.handle import Handle
from playbook.stress.stress import level_of
from playbook.tfserving.requests import write_mix

LEAK, NONE, OPEN = "leak", "no leak shown", "not enough"
PARTS, SURE_PARTS = 6, 5
T_95 = 2.571  # Student's t for six parts, 95 % on both sides
MATTERS_BYTES = 100.0  # a request: less takes a day and more to fill a gigabyte at a hundred requests a second
TELLING_BYTES = 1024.0  # a request: a soak that could miss more says nothing
SETTLING = 0.25  # of the requests: caches, arenas and threads come first
SAMPLES = 240


@dataclass(frozen=True)
class Memory:
    """Resident memory of the server over the requests it had answered."""

    answered: np.ndarray
    rss_bytes: np.ndarray


def soak(exercise: Exercise, number: int) -> dict[str, Any] | None:
    """Start the server as it was proven, hold the soak, and say what its memory did; None where none was asked for.

    Raises:
        ServerNotReady: it did not come up.
        LoadFailed: nothing could be measured.
    """
    if not exercise.soak_s:
        return None
    with ground(exercise, "soak", exercise.config) as place:
        return hold(exercise, place.handle, number)


def hold(exercise: Exercise, handle: Handle, number: int) -> dict[str, Any]:
    """Hold the promised rate on a server for the length of the soak, and judge its memory and its answers.

    Raises:
        LoadFailed: nothing could be measured.
    """
    folder = record.data_dir(exercise.run.run_dir) / "requests" / f"drill_{number:03d}"
    with temporary.folder("bodies-") as bodies:
        load = exercise.load
        write_mix(bodies, exercise.run.run_dir, load.mix, load.protocol, handle.model_name)
        level = level_of(handle, load, bodies, level=number, arrival="poisson", rate_rps=exercise.rate_rps)
        level = level.with_(duration_s=exercise.soak_s, to_the_end=True, metrics_url=None)
        with _sampled(handle, exercise.soak_s / SAMPLES) as samples:
            try:
                summary = loadgen.hold(level, folder)
            except loadgen.LoadgenError as error:
                raise LoadFailed(f"The soak could not be held: {error}") from error
        ended = _ended(handle)
    stopwatch.add(level.duration_s + level.ramp_up_s)
    calls = Calls.read(folder / "requests.parquet")
    start_ns = int(summary["start_ns"])
    lost = outage(calls, start_ns, start_ns + int(summary["duration_s"] * 1e9), exercise.promise)
    answers = summary.get("answers") or {}
    counted = {"wrong": answers.get("wrong"), "compared": answers.get("checked"), "rate_rps": exercise.rate_rps}
    return told({**_figures(lost), **counted, "ended": ended, **judge(over_requests(calls, samples))})


def _ended(handle: Handle) -> str | None:
    """How the server ended or hung, in words; None where it still answers. Nobody did anything to it."""
    try:
        check_unmeasured(handle)
    except ServerDied as error:
        return str(error).splitlines()[0]
    return None


def over_requests(calls: Calls, samples: Sequence[tuple[int, int]]) -> Memory:
    """Samples of (ns, bytes) as memory over the requests answered until then."""
    done_ns = np.sort(calls.done_ns[~calls.failed])
    at_ns = np.array([at for at, _ in samples], dtype=np.int64)
    rss = np.array([size for _, size in samples], dtype=float)
    return Memory(np.searchsorted(done_ns, at_ns), rss)


def judge(memory: Memory) -> dict[str, Any]:
    """Growth in bytes a request with its 95 % interval, and what it says: a leak, none shown, or not enough."""
    most = int(memory.answered.max(initial=0))
    slopes = _slopes(memory, most)
    figures: dict[str, Any] = {"answered": most, "answer": OPEN, "bytes_per_request": None, "low": None, "high": None}
    if len(memory.rss_bytes):
        figures |= {"rss_first_bytes": int(memory.rss_bytes[0]), "rss_last_bytes": int(memory.rss_bytes[-1])}
    if len(slopes) < PARTS:
        return figures
    mean, error = float(slopes.mean()), float(T_95 * slopes.std(ddof=1) / np.sqrt(PARTS))
    figures |= {"bytes_per_request": mean, "low": mean - error, "high": mean + error}
    if mean - error > MATTERS_BYTES and int((slopes > 0).sum()) >= SURE_PARTS:
        return {**figures, "answer": LEAK}
    return {**figures, "answer": NONE if mean + error < TELLING_BYTES else OPEN}


def told(figures: dict[str, Any]) -> dict[str, Any]:
    """The figures with their sentence and their warnings."""
    seconds, words = figures["seconds"], _memory_words(figures)
    lost = f"{figures['lost']:,} of {figures['requests']:,} requests lost" if figures["lost"] else "no request lost"
    doubt = [f"The soak is too short or too unsteady to tell a leak: {words}."] if figures["answer"] == OPEN else []
    parts = [figures["ended"].rstrip(".")] if figures.get("ended") else []
    said = "; ".join([*parts, lost, words])
    return {**figures, "words": f"Soak of {seconds / 60:.3g} minutes: {said}.", "warnings": doubt}


def _memory_words(figures: dict[str, Any]) -> str:
    grew, high = figures["bytes_per_request"], figures["high"]
    if grew is None:
        return "its memory could not be followed over enough requests"
    first, last = (figures[f"rss_{name}_bytes"] / 2**20 for name in ("first", "last"))
    moved = f"memory from {first:,.0f} to {last:,.0f} MiB over {figures['answered']:,} answers"
    if figures["answer"] == LEAK:
        hours = 2**30 / (grew * figures["rate_rps"]) / 3600
        return f"A LEAK of {grew:,.0f} bytes a request, a GiB in {hours:.3g} hours at this rate ({moved})"
    if figures["answer"] == NONE:
        return (
            f"no leak shown, one of {max(high, MATTERS_BYTES):,.0f} bytes a request could have stayed unseen ({moved})"
        )
    return f"a leak of up to {high:,.0f} bytes a request could be in it ({moved}); hold it longer (soak_minutes)"


def _slopes(memory: Memory, most: int) -> np.ndarray:
    """Growth in bytes a request in each sixth of the requests after the settling; fewer where samples are too few."""
    edges = np.linspace(SETTLING * most, most, PARTS + 1)
    slopes = []
    for low, high in itertools.pairwise(edges):
        inside = (memory.answered >= low) & (memory.answered <= high)
        if len(np.unique(memory.answered[inside])) >= 3:
            slopes.append(np.polyfit(memory.answered[inside], memory.rss_bytes[inside], 1)[0])
    return np.array(slopes)


def _figures(lost: dict[str, Any]) -> dict[str, Any]:
    return {
        name: lost[name] for name in ("requests", "lost", "lost_by_code", "seconds", "seconds_outside", "slowest_ms")
    }


@contextmanager
def _sampled(handle: Handle, every_s: float) -> Iterator[list[tuple[int, int]]]:
    """Resident memory of the server as (ns, bytes), taken by a thread while the block lasts."""
    samples: list[tuple[int, int]] = []
    source, stop = _source(handle), threading.Event()

    def follow() -> None:
        while source and not stop.wait(max(0.02, every_s)):
            if (usage := source.sample()) and usage.rss_bytes:
                samples.append((time.monotonic_ns(), usage.rss_bytes))

    thread = threading.Thread(target=follow, name="soak", daemon=True)
    thread.start()
    try:
        yield samples
    finally:
        stop.set()
        thread.join()


def _source(handle: Handle) -> ProcessTree | Container | None:
    if handle.container_id:
        pid = container_pid(handle.container_id)
        return ProcessTree("server", pid) if pid else Container("server", handle.container_id)
    return ProcessTree("server", handle.pid) if handle.pid else None
