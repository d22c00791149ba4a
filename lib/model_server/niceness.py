"""Lets threads and processes stand behind the threads that answer requests (Linux)."""

from __future__ import annotations

import contextlib
import os
import sys
import threading

BEHIND = 10


def step_behind() -> None:
    """From here on this thread, and the threads and processes it starts, leave the cores to others.

    There is no way back without a right of its own, so it is for threads that end with their work. One that takes the
    interpreter's lock again and again had better not: the loop would wait for it while others are before it.
    """
    put_behind(threading.get_native_id())


def put_behind(pid: int) -> None:
    """From here on a process that has just begun, and the threads it starts, leave the cores to others."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, pid, BEHIND)
