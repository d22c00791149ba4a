"""Servers that runs left behind: those noted in their folders, and those whose folder is gone."""

from __future__ import annotations

import contextlib
import os
import re
import socket
from collections.abc import Iterable
from pathlib import Path

import psutil

from playbook.errors import DockerUnavailable
from playbook.records import lock
from playbook.serve import docker_engine, serve
from playbook.serve.container_state import HOST, LABEL, stop

_CONFIG = re.compile(r"--monitoring_config_file=(/.+)/config/([^/]+)/monitoring\.config")
_FOLDER = "playbook.run-dir"  # a container's label


def stop_noted(folders: Iterable[Path]) -> list[str]:
    """End every server that these runs noted; returns what was ended, in words."""
    return [words for folder in folders for words in serve.stop_all(folder)]


def active(folders: Iterable[Path]) -> list[tuple[Path, lock.Holder]]:
    """Those of these run folders in which a chain runs now, each with who it is."""
    found = ((folder, lock.holder(folder)) for folder in folders)
    return [(folder, busy) for folder, busy in found if busy is not None]


def stop_orphans() -> list[str]:
    """End servers of ours whose run folder is gone, so that no note tells of them; returns what was ended."""
    return [*_processes(), *_containers()]


def _processes() -> list[str]:
    ended = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        config = next((match for word in words if (match := _CONFIG.fullmatch(word))), None)
        if config is None or Path(config[1]).is_dir() or not _mine(process):
            continue
        with contextlib.suppress(psutil.Error):
            process.terminate()
            with contextlib.suppress(psutil.TimeoutExpired):
                process.wait(5.0)
            if process.is_running():
                process.kill()
            ended.append(f"server of {config[1]}, which is gone ({process.pid})")
    return ended


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
            if folder and here and not Path(folder).is_dir():
                stop(str(container.id))
                ended.append(f"container of {folder}, which is gone ({container.short_id})")
    return ended
