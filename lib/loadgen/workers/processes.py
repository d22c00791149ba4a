"""Load workers as processes: started once, kept for the next level, ended with this process.

A worker imports what it needs (0.1 to 0.2 s) and then forks one child a level, so the next level waits for no import
and finds neither memory nor state of the one before. Whoever needs workers takes them here and gives them back after a
level that went well; all others are ended. Where there is no fork a worker serves one level, as a fresh one.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from typing import Any

from loadgen.memory import OomWatch
from loadgen.workers.own_core import killed_by

MOST_IDLE = 4  # workers kept between levels, 40 MB each
Lines = queue.SimpleQueue[tuple["Worker", dict[str, Any] | None]]  # who says what; None: it has ended


def search_path() -> str:
    """Where workers find modules: where this process does."""
    return os.pathsep.join([path for path in sys.path if path])


class Worker:
    """One worker process and the lines it prints."""

    def __init__(self, module: str) -> None:
        self.kind = (module, search_path())
        self.number, self.used, self._ended = 0, False, False
        self._lines: Lines = queue.SimpleQueue()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (a pipe that nobody reads would fill and stop it)
        self.process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=os.environ
            | {"PYTHONPATH": self.kind[1], "OPENBLAS_NUM_THREADS": "1"},  # threads do not live on in a fork
            start_new_session=True,  # its own process group: `stop` reaches the child that holds the level
        )
        _started.add(self)
        threading.Thread(target=self._read, daemon=True).start()

    def begin(self, number: int, lines: Lines, job: dict[str, Any]) -> None:
        """Take up share `number` of a level; what the worker says goes to `lines` from now on."""
        self.number, self._lines, self.job = number, lines, job
        self._memory = OomWatch()
        self._said_before = os.fstat(self._errors.fileno()).st_size
        self.say(job)
        if self._ended:  # its end was told to the level before
            lines.put((self, None))

    def replace(self) -> Worker:
        """A fresh worker with the same task, in the place of this one."""
        self.stop()
        fresh = Worker(self.kind[0])
        fresh.begin(self.number, self._lines, self.job)
        return fresh

    def say(self, message: dict[str, Any]) -> None:
        """One line of JSON to the worker; one that has ended does not hear it."""
        assert self.process.stdin
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(message) + "\n")
            self.process.stdin.flush()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            with contextlib.suppress(ValueError):
                self._lines.put((self, json.loads(line)))
        self._ended = True
        self._lines.put((self, None))

    def stop(self) -> None:
        """End the process and the child that holds its level, whatever they do."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self._errors):
            with contextlib.suppress(OSError):
                pipe.close()  # type: ignore[union-attr]

    def last_words(self) -> str:
        """What it wrote on stderr about this level, or its exit code."""
        self.process.wait()
        self._errors.seek(self._said_before)
        said = self._errors.read().decode(errors="replace").strip()
        code = self.process.returncode
        return said[-2000:] or (killed_by(-code, self._memory, self.process.pid) if code < 0 else f"exit code {code}")


_idle: list[Worker] = []
_started: weakref.WeakSet[Worker] = weakref.WeakSet()
_access = threading.Lock()


def take(module: str) -> Worker:
    """An idle worker that runs `module`, or a new one."""
    with _access:
        for worker in [w for w in _idle if w.kind == (module, search_path())]:
            _idle.remove(worker)
            if worker.process.poll() is None:
                worker.used = True
                return worker
            worker.stop()
    return Worker(module)


def give_back(worker: Worker) -> None:
    """Keep a worker whose level went well for the next one; the oldest goes when there are too many."""
    with _access:
        if not hasattr(os, "fork"):
            worker.stop()
            return
        _idle.append(worker)
        while len(_idle) > MOST_IDLE:
            _idle.pop(0).stop()


def start_early(module: str = "loadgen.workers.worker") -> None:
    """Start a worker now, so that the first level need not wait for it; nothing when one stands ready."""
    give_back(take(module))


@atexit.register
def stop_idle() -> None:
    """End all idle workers."""
    with _access:
        while _idle:
            _idle.pop().stop()


def _forget() -> None:
    """In a fork of this process: its parent's workers are not its own, and end with the parent, not with the fork."""
    global _idle, _access
    _theirs.extend(_started)  # kept: their destructors would wait for processes that are not children of this one
    nowhere = os.open(os.devnull, os.O_RDWR)
    for worker in _started:
        for pipe in (worker.process.stdin, worker.process.stdout):
            if pipe and not pipe.closed:
                os.dup2(nowhere, pipe.fileno(), inheritable=False)
    os.close(nowhere)
    _started.clear()
    _idle, _access = [], threading.Lock()


_theirs: list[Worker] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
