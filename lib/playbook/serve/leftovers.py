"""Servers that runs left behind: those noted in their folders, and those that no note tells of."""

from __future__ import annotations

import contextlib
import os
import re
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil

from playbook.errors import DockerUnavailable
from playbook.records import lock
from playbook.records.process import living
from playbook.serve import docker_engine, serve
from playbook.serve.container_state import HOST, LABEL, STARTER, stop
from playbook.serve.handle import Handle

_CONFIG = re.compile(r"--monitoring_config_file=(/.+)/config/([^/]+)/monitoring\.config")
INIT = 1  # adopts a process whose parent has ended
_FOLDER = "playbook.run-dir"  # a container's label


def stop_noted(folders: Iterable[Path]) -> list[str]:
    """End every server that these runs noted; returns what was ended, in words."""
    return [words for folder in folders for words in serve.stop_all(folder)]


def active(folders: Iterable[Path]) -> list[tuple[Path, lock.Holder]]:
    """Those of these run folders in which a chain runs now, each with who it is."""
    found = ((folder, lock.holder(folder)) for folder in folders)
    return [(folder, busy) for folder, busy in found if busy is not None]


def stop_orphans() -> list[str]:
    """End servers of ours that no note tells of: the run folder is gone, or who started them was killed too early.

    Returns:
        What was ended, in words.
    """
    return [*_processes(), *_containers()]


def _processes() -> list[str]:
    ended = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        config = next((match for word in words if (match := _CONFIG.fullmatch(word))), None)
        if config is None or not _mine(process):
            continue
        with contextlib.suppress(psutil.Error):
            why = _astray(Path(config[1]), process.pid, starter_lives=process.ppid() != INIT)
            if not why:
                continue
            process.terminate()
            with contextlib.suppress(psutil.TimeoutExpired):
                process.wait(5.0)
            if process.is_running():
                process.kill()
            ended.append(f"server of {config[1]}, {why} ({process.pid})")
    return ended


def _astray(folder: Path, id_: int | str, starter_lives: bool) -> str:
    """Why no note will ever tell of this server of a run, in words; empty where one does, or will.

    Who starts one is killed at the wrong moment between the start and the note.
    """
    if not folder.is_dir():
        return "which is gone"
    noted = any(id_ in (handle.pid, handle.container_id) for _, handle in Handle.noted(folder))
    return "" if noted or starter_lives else "which has no note of it"


def _mine(process: psutil.Process) -> bool:
    """Whether it is of this user and sees the same files: inside a container its folder may well be there."""
    try:
        same = os.stat(f"/proc/{process.pid}/ns/mnt").st_ino == os.stat("/proc/self/ns/mnt").st_ino
        return same and process.uids().real == os.getuid()
    except (OSError, psutil.Error):
        return not os.path.isdir("/proc/self/ns")  # no Linux: there are no such namespaces


def _containers() -> list[str]:
    if docker_engine.problem() is not None:
        return []
    ended = []
    with contextlib.suppress(DockerUnavailable), docker_engine.speaking("Listing containers"):
        for container in docker_engine.engine(5.0).containers.list(all=True, filters={"label": LABEL}):
            folder = container.labels.get(_FOLDER, "")
            here = container.labels.get(HOST) == socket.gethostname()
            if here and (why := _astray_container(folder, container)):
                stop(str(container.id))
                ended.append(f"container of {folder or container.labels[LABEL]}, {why} ({container.short_id})")
    return ended


def _astray_container(folder: str, container: Any) -> str:
    pid, _, since = container.labels.get(STARTER, "").partition(" ")
    lives = not pid or living(int(pid), float(since)) is not None
    if folder:
        return _astray(Path(folder), str(container.id), lives)
    return "" if lives else "whose starter has ended"
