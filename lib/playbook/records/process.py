"""Processes named by pid and start, so that a pid that was given out again is no mistake."""

from __future__ import annotations

import contextlib
import time

import psutil

LOOK_S = 0.01
SAME_START_S = 1.5  # no pid is given out twice so soon; elsewhere than on Linux a clock that is set moves it a little


def begun_s(process: psutil.Process) -> float:
    """When a process began, in seconds since boot; psutil's own time moves by whole seconds when the clock is set."""
    return process.create_time() - psutil.boot_time()


def living(pid: int | None, started: float | None) -> psutil.Process | None:
    """The process with this pid, unless it has ended or the pid belongs to another by now.

    Args:
        pid: Its pid; None is no process.
        started: Its start in seconds since boot, as `begun_s` tells it; None when only the pid is known.
    """
    try:
        process = psutil.Process(pid) if pid else None
        if process is None or process.status() == psutil.STATUS_ZOMBIE:
            return None
        return process if started is None or abs(begun_s(process) - started) < SAME_START_S else None
    except psutil.NoSuchProcess:
        return None


def ended(pid: int | None, started: float | None, within_s: float) -> bool:
    """Wait until a process has ended; whether it had in time.

    One that is not our child and is not yet asked for by its parent, as an init does it now and then, has ended too.

    Args:
        pid: Its pid.
        started: Its start, as for `living`.
        within_s: The longest wait.
    """
    until = time.monotonic() + within_s
    while living(pid, started):
        if time.monotonic() >= until:
            return False
        time.sleep(LOOK_S)
    with contextlib.suppress(psutil.Error):
        psutil.Process(pid).wait(0)  # a child of ours is no zombie either
    return True
