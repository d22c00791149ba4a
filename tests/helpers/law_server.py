"""Starts many servers cheaply: the embedded server is imported once, and each configuration runs in a fork of it.

`python law_server.py FOLDER < JOBS`: each line of JOBS is a JSON list of flags; each line of the answer says how that
server fared: "up", "refused" (exit 255), "died" (another end) or "waits" (no port after the time it is given).
"""

from __future__ import annotations

import concurrent.futures
import json
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

from model_server import __main__ as command_line
from model_server import server  # noqa: F401  imported once for all
from model_server.runtime import saved_model  # noqa: F401  TensorFlow's library, too

_TAKEN = ("Failed to BuildAndStart gRPC server", "Failed to start HTTP Server")
PATIENCE_S, WAITS_S, AT_ONCE = 60.0, 3.6, 6
_POLLS, _ONCE_S = 3, 10.0
_FORK = threading.Lock()


def _child(flags: list[str], log: Path) -> None:
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, 1)
    os.dup2(file, 2)
    code = 1
    try:
        code = command_line.main(flags)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def outcome(flags: list[str], log: Path) -> str:
    """The fate of one server; where another process has taken its ports, it is tried again on others."""
    for _ in range(4):
        fate = _run(flags, log)
        text = log.read_text(errors="replace")
        if not any(words in text for words in _TAKEN):
            return fate
        for flag in [flag for flag in flags if flag.startswith(("--port=", "--rest_api_port="))][:2]:
            number = flag.partition("=")[2]
            with socket.socket() as opened:
                opened.bind(("127.0.0.1", 0))
                flags = [each.replace(f"={number}", f"={opened.getsockname()[1]}") for each in flags]
    return fate


def _run(flags: list[str], log: Path) -> str:
    """Run one server until its fate is known; it is ended in any case."""
    log.write_bytes(b"")
    with _FORK:
        pid = os.fork()
        if pid == 0:
            _child(flags, log)
    begun = time.monotonic()
    try:
        while time.monotonic() - begun < PATIENCE_S:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                pid = 0
                code = os.waitstatus_to_exitcode(status)
                return "refused" if code == 255 else f"died ({code})"
            text = log.read_text(errors="replace")
            if fate := _fate(text, flags, time.monotonic() - begun):
                return fate
            time.sleep(0.02)
        return "waits"
    finally:
        if pid:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _fate(text: str, flags: list[str], passed_s: float) -> str:
    if "NO REST API" in text or "Skipped exporting" in text or "Failed to start HTTP Server" in text:
        return "no REST"
    rest = [flag for flag in flags if flag.startswith("--rest_api_port=")][-1] != "--rest_api_port=0"
    if ("Exporting HTTP" if rest else "Running gRPC ModelServer at") in text:
        return "up"
    hopeless = ("No versions of servable", "Could not find base path", "was not found in the file system",
                "No specific versions requested")  # fmt: skip
    said = sum(text.count(words) for words in hopeless)
    polled = said >= _POLLS or passed_s > _ONCE_S  # said at every poll; where it polls once, long enough ago
    if said and polled and "Loading servable version" not in text:
        return "waits"
    if "(Re-)adding model" in text and passed_s > WAITS_S and "--file_system_poll_wait_seconds=-1" in flags:
        return "waits"
    return ""


def main(folder: Path) -> None:
    """Answer every job of standard input, in order."""
    jobs = [json.loads(line) for line in sys.stdin if line.strip()]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        fates = pool.map(lambda job: outcome(job[1], folder / f"server_{job[0]}.log"), enumerate(jobs))
        for fate in fates:
            print(fate, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
