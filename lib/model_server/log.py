"""Log lines in TensorFlow's form on stderr, so that tools that watch for TensorFlow Serving's lines work."""

from __future__ import annotations

import os
import resource
import sys
import time
from typing import NoReturn

_LEVELS = {"I": 0, "W": 1, "E": 2, "F": 3}


def _lowest_level() -> int:
    text = os.environ.get("TF_CPP_MIN_LOG_LEVEL", "0")
    return int(text) if text.isdigit() else 0


def write(level: str, where: str, message: str) -> None:
    """Write one line `<date> <time>.<micros>: <level> <where>] <message>`; honours TF_CPP_MIN_LOG_LEVEL."""
    if _LEVELS[level] < _lowest_level():
        return
    now_s = time.time()
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now_s))
    line = f"{stamp}.{int(now_s % 1 * 1e6):06d}: {level} {where}] {message}\n"
    try:
        sys.stderr.write(line)
        sys.stderr.flush()
    except (OSError, ValueError):
        pass  # a closed stderr must never stop the server


def info(where: str, message: str) -> None:
    """An INFO line; `where` is the source file TensorFlow Serving logs it from."""
    write("I", where, message)


def warning(where: str, message: str) -> None:
    """A WARNING line."""
    write("W", where, message)


def error(where: str, message: str) -> None:
    """An ERROR line."""
    write("E", where, message)


def fatal(where: str, message: str) -> NoReturn:
    """A FATAL line, then the process aborts (SIGABRT, exit code 134), as after LOG(FATAL) and a failed CHECK."""
    write("F", where, message)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.abort()
