"""A process on a core of its own: pinned there, before everything else that would run there, with the fast loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import traceback
from pathlib import Path

from loadgen.memory import OomWatch

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


def killed_by(number: int, since: OomWatch, pid: int) -> str:
    """That a worker was killed, in words; with SIGKILL, whether that was for lack of memory, as far as it is known."""
    why = f" {since.why(pid)}" if number == signal.SIGKILL else ""
    return f"it was killed by {signal.Signals(number).name} while it held its level.{why}"


def failed_with(error: BaseException) -> str:
    """What is told of a level that failed: a sentence where the machine was in the way, all of it where we were."""
    if isinstance(error, MemoryError):
        return (
            "it asked for more memory than it may take (MemoryError). Raise what limits it (ulimit -v), or ask for "
            "less: fewer requests a second, a shorter level, smaller requests."
        )
    if isinstance(error, OSError):
        return f"{type(error).__name__}: {error}"
    return "".join(traceback.format_exception(error))
