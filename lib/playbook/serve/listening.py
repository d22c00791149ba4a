"""Whether what answers at a server's address is the process that was started for it."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

import psutil

from playbook.errors import ServerNotReady
from playbook.serve.handle import Handle


def check_own(handle: Handle, timeout_s: float) -> None:
    """Return when what answers is the process that was started: a port that was free a moment ago may be another's.

    Raises:
        ServerNotReady: another program answers at its address.
    """
    if handle.pid is None:
        return
    end = time.monotonic() + max(timeout_s, 1.0)
    while time.monotonic() < end:
        process = handle.process()
        if process is None or (listens := ports(process)) is None:
            break
        if urlsplit(handle.rest_url).port in listens:
            return
        time.sleep(0.05)
    if process is None or listens is not None:
        raise ServerNotReady(
            f"Another program answers for '{handle.model_name}' at {handle.rest_url}: the {handle.server} server that "
            f"was started does not listen there, so that its port was taken meanwhile.\n"
            f"  Last log lines ({handle.log_path}):\n{handle.log_tail(4)}\n"
            "  Start it again; with a port of 0 another free one is chosen."
        )


def ports(process: psutil.Process) -> set[int] | None:
    """The TCP ports at which a process, or one it has started, listens; None where the system does not tell."""
    try:
        family = [process, *process.children(recursive=True)]  # a binary may stand behind a script
        connections = [one for member in family for one in member.net_connections("tcp")]
        return {one.laddr.port for one in connections if one.status == psutil.CONN_LISTEN}
    except psutil.NoSuchProcess:
        return set()
    except psutil.AccessDenied:
        return None
