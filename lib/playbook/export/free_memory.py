"""How much memory this process may still take: what the machine has free, and what its control groups leave of that.

In a container with a limit the machine's own figure is of no use: who takes more than the limit is ended.
Source: Linux, cgroup-v2.rst (memory.max, memory.current, memory.stat), cgroup-v1/memory.rst (memory.limit_in_bytes).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psutil

GROUPS = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")
# Of each version: the limit, what is taken, and of that the cache of files, which is given back where memory is short.
_SECOND = ("memory.max", "memory.current", "inactive_file")
_FIRST = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def free_bytes(groups: Path = GROUPS, own: Path = OWN) -> int:
    """Bytes that are free, by the machine and by every control group with a limit that this process is in.

    Args:
        groups: Where the control groups are mounted.
        own: What tells which this process is in.
    """
    return max(0, min([psutil.virtual_memory().available, *_left(groups, own)]))


def _left(groups: Path, own: Path) -> Iterator[int]:
    for root, path, names in _memberships(groups, own):
        folder = root / path.lstrip("/")
        while True:
            if (left := _of(folder, *names)) is not None:
                yield left
            if folder in (root, folder.parent):
                break
            folder = folder.parent


def _memberships(groups: Path, own: Path) -> Iterator[tuple[Path, str, tuple[str, str, str]]]:
    """Root, own group below it and names of its files, of each version that counts memory here."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, kinds, path = line.split(":", 2)
        if kinds == "":
            yield groups, path, _SECOND
        elif "memory" in kinds.split(","):
            yield groups / kinds, path, _FIRST


def _of(folder: Path, limit: str, taken: str, cache: str) -> int | None:
    """What a group's limit leaves; None where it has none ("max"), or no such group is seen from here."""
    with contextlib.suppress(OSError, ValueError):
        most, now = int((folder / limit).read_text()), int((folder / taken).read_text())
        stat = dict(line.split()[:2] for line in (folder / "memory.stat").read_text().splitlines())
        return most - now + int(stat.get(cache, 0))
    return None
