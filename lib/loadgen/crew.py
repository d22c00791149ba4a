"""Starts the workers of one level on this machine, gives them one common start, and collects their rows."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from loadgen.errors import WorkerFailed
from loadgen.level import Level
from loadgen.rows import WORDS, Rows

READY_WITHIN_S = 30.0
LEAD_S = 0.05  # from the last worker's "ready" to the start of the ramp-up
Progress = Callable[[dict[str, Any]], None]


def available_cpus() -> list[int]:
    """Cores this process may use, ascending."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def client_cpus(level: Level) -> list[int | None]:
    """The core of each worker: those of the level in turn, or the last ones, always leaving the first to the server."""
    cores = available_cpus()
    chosen = list(level.cpus) or cores[1:][-level.processes :]
    if not chosen or not hasattr(os, "sched_setaffinity"):
        return [None] * level.processes
    return [chosen[i % len(chosen)] for i in range(level.processes)]


class _Worker:
    """One worker process and the lines it prints."""

    def __init__(
        self, level: Level, number: int, cpu: int | None, folder: Path, lines: queue.Queue[Any], module: str
    ) -> None:
        self.number, self.rows = number, folder / f"{number}.rows"
        self.process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join([p for p in sys.path if p])},
        )
        self.say({"level": level.to_json(), "worker": number, "cpu": cpu, "rows": str(self.rows)})
        threading.Thread(target=self._read, args=(lines,), daemon=True).start()

    def say(self, message: dict[str, Any]) -> None:
        assert self.process.stdin
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(message) + "\n")
            self.process.stdin.flush()

    def _read(self, lines: queue.Queue[Any]) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            with contextlib.suppress(ValueError):
                lines.put((self.number, json.loads(line)))
        lines.put((self.number, None))

    def stop(self) -> None:
        """End the process, whatever it does."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()

    def last_words(self) -> str:
        assert self.process.stderr
        self.process.wait()
        return self.process.stderr.read().strip()[-2000:] or f"exit code {self.process.returncode}"


def soon(level: Level) -> int:
    """First nanosecond of a window whose ramp-up begins almost now."""
    return time.monotonic_ns() + int((LEAD_S + level.ramp_up_s) * 1e9)


def run_crew(
    level: Level,
    on_progress: Progress | None = None,
    *,
    module: str = "loadgen.worker",
    shares: list[int] | None = None,
    common_start: Callable[[], int] | None = None,
) -> tuple[Rows, list[dict[str, Any]]]:
    """Hold `level` with its worker processes; returns all rows (ramp-up included) and each worker's result.

    Args:
        module: What a worker process runs.
        shares: Which of the level's shares are held here (all); the others are held elsewhere.
        common_start: Called when all workers are ready; returns the window's first nanosecond (CLOCK_MONOTONIC).

    Raises:
        WorkerFailed: A worker ended early or was not ready in 30 s; the message carries its last words.
    """
    lines: queue.Queue[Any] = queue.Queue()
    cores = client_cpus(level)
    with tempfile.TemporaryDirectory(prefix="loadgen-") as folder, contextlib.ExitStack() as stack:
        workers = []
        for number in range(level.processes) if shares is None else shares:
            workers.append(_Worker(level, number, cores[number], Path(folder), lines, module))
            stack.callback(workers[-1].stop)
        _collect("ready", workers, lines, READY_WITHIN_S, lambda _: None)
        start_ns = common_start() if common_start else soon(level)
        for worker in workers:
            worker.say({"start_ns": start_ns})
        longest_s = level.ramp_up_s + level.duration_s + level.timeout_s + 60
        results = _collect("result", workers, lines, longest_s, _ProgressSum(level, on_progress))
        return merge([np.fromfile(w.rows, dtype="<i8") for w in workers]), results


def _collect(
    what: str, workers: list[_Worker], lines: queue.Queue[Any], within_s: float, on_other: Callable[[Any], None]
) -> list[Any]:
    """Wait until every worker has said `what`; returns what they said, in worker order."""
    said: dict[int, Any] = {}
    until = time.monotonic() + within_s
    while len(said) < len(workers):
        try:
            number, line = lines.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            late = [w.number for w in workers if w.number not in said]
            raise WorkerFailed(f"Waited {within_s:.0f} s for {what!r} of workers {late}: nothing came.") from None
        if line is None and number not in said:
            words = next(w.last_words() for w in workers if w.number == number)
            raise WorkerFailed(f"Worker {number} ended before its {what!r}: {words}")
        if line and what in line:
            said[number] = line[what]
        elif line:
            on_other((number, line))
    return [said[w.number] for w in workers]


class _ProgressSum:
    """Adds up the progress of all workers and reports it once a round."""

    def __init__(self, level: Level, report: Progress | None) -> None:
        self.level, self.report, self.latest = level, report, {}

    def __call__(self, said: tuple[int, dict[str, Any]]) -> None:
        number, line = said
        self.latest[number] = line["progress"]
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


def merge(parts: list[np.ndarray]) -> Rows:
    """Rows of all workers, in worker order."""
    counts = [len(part) // WORDS for part in parts]
    worker = np.repeat(np.arange(len(parts), dtype=np.int16), counts)
    return Rows(np.concatenate(parts) if len(parts) > 1 else parts[0], worker)
