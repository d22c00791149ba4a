"""Whether Linux ended a process for lack of memory: what its log and its counts say, and nothing beyond that.

Three sources, the surest first: its log names the pid; the cgroup counts the processes ended at its limit; the
machine counts all. A container often sees the second alone; a machine without any of them tells nothing.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

LOG = Path("/dev/kmsg")
MACHINE = Path("/proc/vmstat")
GROUPS = Path("/sys/fs/cgroup")
UNKNOWN = "Was memory short (dmesg tells)?"
_KILLED = re.compile(r"(?:Out of memory|Memory cgroup out of memory|oom-kill).*?: Killed process (\d+) \(([^)]*)\)")


class OomWatch:
    """What was known when it was made; what became of a process that was killed since is told against that."""

    def __init__(self) -> None:
        self._since_us = _boot_us()
        self._group, self._machine = _group_count(), _machine_count()

    def why(self, pid: int | None = None) -> str:
        """One sentence on memory about a process that was killed or died; `pid` where it is known."""
        ended = _ended(self._since_us)
        if pid in ended:
            return _named(pid)
        group, machine = _group_count(), _machine_count()
        if self._group is not None and group is not None and group > self._group:
            return (
                f"Linux ended {_processes(group - self._group)} meanwhile for lack of memory, at the limit of this "
                "control group: raise that limit, or ask for less."
            )
        if self._machine is None or machine is None:
            return UNKNOWN
        if machine > self._machine:
            named = ", ".join(f"{name} ({number})" for number, name in ended.items())
            return (
                f"Linux ended {_processes(machine - self._machine)} of this machine meanwhile for lack of memory"
                f"{f': {named}' if named else ''}. Whether it was this one is not known here."
            )
        return "Linux ended no process for lack of memory meanwhile."


def ended_by_linux(pid: int, began_s: float) -> str:
    """That Linux's log names this process as ended for lack of memory, in a sentence; empty where it does not.

    Args:
        pid: Its pid.
        began_s: When it began, in seconds since boot: a pid is given out again.
    """
    return _named(pid) if pid in _ended(int(began_s * 1e6)) else ""


def limit() -> str:
    """What a process may take here, in a sentence; empty where nothing limits it but the machine."""
    try:
        import resource

        most = resource.getrlimit(resource.RLIMIT_AS)[0]
    except (ImportError, OSError):
        return ""
    return "" if most == resource.RLIM_INFINITY else f"A process may take {most / 1e6:,.0f} MB here (ulimit -v)."


def _named(pid: int | None) -> str:
    return f"Linux ended it for lack of memory (its log names pid {pid}): give it more, or ask for less."


def _processes(count: int) -> str:
    return "a process" if count == 1 else f"{count} processes"


def _boot_us() -> int:
    """Microseconds since boot, on the kernel log's clock or a little before it."""
    try:
        return int(float(Path("/proc/uptime").read_text().split()[0]) * 1e6) - 1_000_000
    except (OSError, ValueError):
        return 0


def _ended(since_us: int) -> dict[int, str]:
    """Pid and name of the processes that Linux says it ended for lack of memory since then."""
    found = {}
    for line in _log():
        head, _, text = line.partition(";")
        at_us = head.split(",")[2] if head.count(",") >= 2 else "0"
        if (killed := _KILLED.search(text)) and at_us.isdigit() and int(at_us) >= since_us:
            found[int(killed[1])] = killed[2]
    return found


def _log() -> list[str]:
    """The kernel's log, a record an item; empty where it may not be read."""
    records = []
    try:
        opened = os.open(LOG, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return []
    try:
        while record := _record(opened):
            records.append(record)
    finally:
        os.close(opened)
    return records


def _record(opened: int) -> str:
    """The next record; empty at the end. One that was overwritten meanwhile is passed over."""
    while True:
        try:
            return os.read(opened, 8192).decode(errors="replace")
        except BrokenPipeError:
            continue
        except OSError:
            return ""


def _machine_count() -> int | None:
    return _count(MACHINE)


def _group_count() -> int | None:
    """Processes ended at the limit of this process's control group; None where it keeps no count, or is the root."""
    try:
        own = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return None
    places = []
    for line in own:
        _, kinds, path = line.split(":", 2)
        if kinds == "":
            places.append(GROUPS / path.lstrip("/") / "memory.events")
        elif "memory" in kinds.split(","):
            places += [GROUPS / kinds / path.lstrip("/") / "memory.oom_control"]
    counts = [count for place in places if (count := _count(place)) is not None]
    return max(counts) if counts else None


def _count(path: Path) -> int | None:
    """The value behind `oom_kill` in a file of words and numbers."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    found = (line.split()[1] for line in lines if line.split()[:1] == ["oom_kill"])
    return next((int(number) for number in found), None)
