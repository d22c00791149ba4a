"""A process on a core of its own: pinned there, before everything else that would run there, with the fast loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

REALTIME = 1  # SCHED_FIFO priority of a pinned process; needs the right to it (root, CAP_SYS_NICE)
PRIORITY = -10  # its niceness, which is all it has where real time is not allowed


def use_fast_loop() -> None:
    """uvloop where it exists; asyncio's own loop elsewhere."""
    with contextlib.suppress(ImportError):
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())


def prepare_process(cpu: int | None) -> None:
    """Pin to `cpu` where the platform can, go before others there where we may, and allow all sockets the system does.

    What else runs on a load worker's core would be measured as the server's latency; the server is not on that core.
    Niceness alone lets kernel threads and agents of the host have it for milliseconds. Where there is one core for all,
    a real-time worker would keep it from the server.
    """
    if cpu is not None and hasattr(os, "sched_setaffinity"):
        several = len(os.sched_getaffinity(0)) > 1
        os.sched_setaffinity(0, {cpu})
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
        with contextlib.suppress(OSError):  # a right of its own (RLIMIT_RTPRIO)
            if several:
                os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(REALTIME))
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != hard:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def memory_mb() -> float | None:
    """Most memory this process has had resident, in MB; None where the platform does not say.

    Read from /proc: `getrusage` also remembers the size of the parent at the time of the fork.
    """
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")), None)


def killed_by(number: int) -> str:
    """That a worker was killed, in words."""
    return f"it was killed by {signal.Signals(number).name} while it held its level. Was memory short (dmesg tells)?"
