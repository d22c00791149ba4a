"""What the numbers of a record depend on: machine, versions, commit."""

from __future__ import annotations

import functools
import importlib.util
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

PACKAGES = ("tensorflow", "tensorflow-serving-api", "uvloop", "grpcio", "numpy", "duckdb", "papermill")
READER = "model_server.float_reader"  # without it the embedded server's REST is slower


@functools.cache
def environment() -> dict[str, Any]:
    """What the numbers depend on: machine, versions, commit. Unknown is None."""
    return {
        "cpu_model": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "gpu": _first_line("nvidia-smi", "--query-gpu=name", "--format=csv,noheader"),
        "os": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES} | {READER: "compiled" if compiled(READER) else None},
        "git_commit": _git("rev-parse", "HEAD"),
        "git_dirty": _dirty(),
    }


def _dirty() -> bool | None:
    """Whether anything differs from the commit; by contents, since a notebook that was only run does not.

    `status` notes what it read in the index, so that the next stage need not read it again; `diff` does not.
    """
    told = _git("status", "--porcelain", "--untracked-files=normal")
    return None if told is None else bool(told)


def _cpu_model() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or None
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), None)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def compiled(module: str) -> bool:
    """Whether a module is there that is built only where there is a C compiler."""
    return importlib.util.find_spec(module) is not None


def _git(*args: str) -> str | None:
    return _output("git", "-C", str(Path(__file__).parent), *args)


def _first_line(*command: str) -> str | None:
    text = _output(*command)
    return text.splitlines()[0] if text else None


def _output(*command: str) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
