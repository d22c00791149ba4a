"""Lets a thread stand behind those that answer requests."""

from __future__ import annotations

import contextlib
import os
import sys
import threading

BEHIND = 10


def step_behind() -> None:
    """From here on this thread, and the threads and processes it starts, leave the cores to others (Linux).

    There is no way back without a right of its own, so it is for threads that end with their work.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), BEHIND)
