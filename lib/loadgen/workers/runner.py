"""Starts the workers of one level on this machine, gives them one common start, and collects their rows."""

from __future__ import annotations

import contextlib
import os
import queue
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from loadgen import temporary
from loadgen.errors import LevelError, WorkerFailed
from loadgen.level import Level
from loadgen.rows import WORDS, RequestRows
from loadgen.workers.hang_watch import HangWatch
from loadgen.workers.processes import Lines, Worker, give_back, take

READY_WITHIN_S = 30.0
LEAD_S = 0.05  # from the last worker's "ready" to the start of the ramp-up
Progress = Callable[[dict[str, Any]], None]


def available_cpus() -> list[int]:
    """Cores this process may use, ascending."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def client_cpus(level: Level) -> list[int | None]:
    """The core of each worker: those of the level in turn, or the last ones, always leaving the first to the server.

    None for each where there is one core and the level names none, or no way to pin.

    Raises:
        LevelError: The level names a core that this process may not use.
    """
    cores = available_cpus()
    if missing := sorted(set(level.cpus) - set(cores)):
        raise LevelError(f"cpus names {missing}, but this process may use {cores}")
    chosen = list(level.cpus) or cores[1:][-level.processes :]
    if not chosen or not hasattr(os, "sched_setaffinity"):
        return [None] * level.processes
    return [chosen[i % len(chosen)] for i in range(level.processes)]


def soon(level: Level) -> int:
    """First nanosecond of a window whose ramp-up begins almost now."""
    return time.monotonic_ns() + int((LEAD_S + level.ramp_up_s) * 1e9)


def run_here(
    level: Level,
    on_progress: Progress | None = None,
    *,
    module: str = "loadgen.workers.worker",
    shares: list[int] | None = None,
    common_start: Callable[[], int] | None = None,
    is_alive: Callable[[], bool] | None = None,
) -> tuple[RequestRows, list[dict[str, Any]]]:
    """Hold `level` with its worker processes; returns all rows (ramp-up included) and each worker's result.

    Args:
        module: What a worker process runs.
        shares: Which of the level's shares are held here (all); the others are held elsewhere.
        common_start: Called when all workers are ready; returns the window's first nanosecond (CLOCK_MONOTONIC).
        is_alive: Asked whether the server lives when nothing is answered (`loadgen.hold`); None: workers decide alone.

    Raises:
        LevelError: The level names a core that this process may not use.
        WorkerFailed: A worker ended early (the message carries its last words), was not ready in 30 s, or had no result
            a minute after the level's longest time.
    """
    lines: Lines = queue.SimpleQueue()
    numbers = list(range(level.processes) if shares is None else shares)
    longest_s = level.ramp_up_s + level.duration_s + level.timeout_s + 60
    with temporary.folder("loadgen-") as folder, contextlib.ExitStack() as stack:
        workers: list[Worker] = []
        stack.callback(_stop_all, workers)
        _begin(workers, level, numbers, module, folder, lines, asks=is_alive is not None)
        _collect("ready", workers, lines, READY_WITHIN_S, lambda _: None)
        start_ns = common_start() if common_start else soon(level)
        for worker in workers:
            worker.say({"start_ns": start_ns})
        progress = _ProgressSum(level, on_progress)
        if is_alive:
            progress.watch = HangWatch(workers, is_alive)
            stack.callback(progress.watch.close)
        results = _collect("result", workers, lines, longest_s, progress)
        if progress.watch:
            progress.watch.close()
        rows = merge([np.fromfile(worker.job["rows"], dtype="<i8") for worker in workers])
        while workers:  # all went well: they may hold the next level
            give_back(workers.pop())
        return rows, results


def _stop_all(workers: list[Worker]) -> None:
    for worker in workers:
        worker.stop()


def _begin(
    workers: list[Worker], level: Level, numbers: list[int], module: str, folder: Path, lines: Lines, asks: bool
) -> None:
    """Give each share to a worker that stands ready, or to a new one; all come into `workers`."""
    cores = client_cpus(level)
    shared = {"level": level.to_json(), "folder": os.getcwd(), "asks": asks}  # relative paths mean what they mean here
    for number in numbers:
        workers.append(take(module))
        job = {"worker": number, "cpu": cores[number], "rows": str(folder / f"{number}.rows")}
        workers[-1].begin(number, lines, shared | job)


def _collect(
    what: str, workers: list[Worker], lines: Lines, within_s: float, on_other: Callable[[Any], None]
) -> list[Any]:
    """Wait until every worker has said `what`; returns what they said, in worker order.

    One that was kept and died before its level began is replaced in `workers` by a fresh one, once.
    """
    said: dict[Worker, Any] = {}
    until = time.monotonic() + within_s
    while len(said) < len(workers):
        try:
            worker, line = lines.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            late = [w.number for w in workers if w not in said]
            raise WorkerFailed(f"Waited {within_s:.0f} s for {what!r} of workers {late}: nothing came.") from None
        if worker not in workers or (line is None and worker in said):
            continue
        if line is None:
            if what == "result" or not worker.used:
                raise WorkerFailed(f"Worker {worker.number} ended before its {what!r}: {worker.last_words()}")
            workers[workers.index(worker)] = worker.replace()
        elif what in line:
            said[worker] = line[what]
        else:
            on_other((worker.number, line))
    return [said[worker] for worker in workers]


class _ProgressSum:
    """Adds up the progress of all workers and reports it once a round."""

    def __init__(self, level: Level, report: Progress | None) -> None:
        self.level, self.report = level, report
        self.latest: dict[int, dict[str, Any]] = {}
        self.watch: HangWatch | None = None

    def __call__(self, said: tuple[int, dict[str, Any]]) -> None:
        number, line = said
        self.latest[number] = line["progress"]
        if self.watch:
            self.watch.hear(number, line["progress"])
        if self.report is None or number != min(self.latest):
            return
        parts = self.latest.values()
        p99s = [p["p99_ms"] for p in parts if p["p99_ms"] is not None]
        self.report(
            {
                "elapsed_s": max(p["elapsed_s"] for p in parts),
                "duration_s": self.level.duration_s,
                "requests": sum(p["requests"] for p in parts),
                "errors": sum(p["errors"] for p in parts),
                "rate_rps": sum(p["rate_rps"] for p in parts),
                "p99_ms": max(p99s) if p99s else None,
            }
        )


def merge(parts: list[np.ndarray]) -> RequestRows:
    """Rows of all workers, in worker order."""
    counts = [len(part) // WORDS for part in parts]
    worker = np.repeat(np.arange(len(parts), dtype=np.int16), counts)
    return RequestRows(np.concatenate(parts) if len(parts) > 1 else parts[0], worker)
