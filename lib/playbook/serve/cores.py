"""Which cores whose work is done on: the server's, the client's, and that of whoever controls both."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterable

from playbook.errors import ParameterError

NICENESS = 10


def split_cpus(
    server_cpus: tuple[int, ...] | list[int] = (), client_cpus: tuple[int, ...] | list[int] = ()
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Cores for the server and for the client: disjoint where the machine has two or more.

    Automatic: the client takes the last core of two or three, the last quarter of more; the server the others.

    Raises:
        ParameterError: a core that this process may not use.
    """
    here = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
    for name, asked in (("server_cpus", server_cpus), ("client_cpus", client_cpus)):
        if missing := set(asked) - set(here):
            raise ParameterError(f"{name} names cores {sorted(missing)}; this process may use {here}.")
    if len(here) == 1:
        return tuple(server_cpus) or tuple(here), tuple(client_cpus) or tuple(here)
    count = max(1, len(here) // 4)
    client = tuple(client_cpus) or tuple(cpu for cpu in here if cpu not in server_cpus)[-count:] or tuple(here)
    server = tuple(server_cpus) or tuple(cpu for cpu in here if cpu not in client) or tuple(here)
    return server, client


def step_aside(cpus: tuple[int, ...] = ()) -> None:
    """Let the calling thread, and whatever it starts, leave the cores to requests: only `cpus` (empty: all), and nice.

    For a thread that controls a server under load. It is not undone: a user may not take niceness back.
    """
    thread = threading.get_native_id()
    with contextlib.suppress(OSError, AttributeError):  # elsewhere than on Linux threads have neither of their own
        os.sched_setaffinity(thread, cpus or os.sched_getaffinity(thread))
        os.setpriority(os.PRIO_PROCESS, thread, max(NICENESS, os.getpriority(os.PRIO_PROCESS, thread)))


def on_cores(server: str, cpus: Iterable[int]) -> str:
    """Where a server runs, in words; the cores of one that is attached to are not known here."""
    if server == "attach":
        return "on cores not known here"
    named = ", ".join(map(str, cpus))
    return f"on cores {named}" if named else "on any core"
