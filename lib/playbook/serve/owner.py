"""A server dies with its owner: whoever starts one names the process with which it ends, or lets it outlive itself."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import psutil

from playbook.records.process import begun_s

CHANNEL = "PLAYBOOK_OWNER"  # the process that owns the servers of kernels it has started: the chain's runner


def named() -> int | None:
    """The owner that whoever started this process has named; None where nobody did, as in JupyterLab."""
    text = os.environ.get(CHANNEL, "")
    return int(text) if text.isdecimal() and psutil.pid_exists(int(text)) else None


def bind(note: Path, owner: int) -> None:
    """End the server of this note when the process `owner` ends, however it ends (see `watcher`)."""
    since = begun_s(psutil.Process(owner))
    watcher = subprocess.Popen(
        [sys.executable, "-m", "playbook.serve.watcher", str(owner), str(since), str(note)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # what ends the owner's session or group must not end the watcher first
    )
    with contextlib.suppress(psutil.Error):
        psutil.Process(watcher.pid).nice(19)  # its imports cost a second of a core while the server loads its model
