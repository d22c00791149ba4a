"""The embedded server under abuse: memory and descriptors over mixed requests, neighbours of a body of 80 MB."""

from __future__ import annotations

import contextlib
import gc
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from fuzz_model_server import Checker, Server, ask, make_models

LONG_BYTES = 80_000_000
SMALL = b'{"instances": [1.0]}'
TURNS, ALONE_S, PAUSE_S, LOOK_EVERY = 5, 2.0, 0.001, 50
# A process of its own: what it costs to send must not slow the one that measures, nor hold it from its core.
_SENDER = """
import os, sys, urllib.request
os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
os.nice(19)
body = sys.stdin.buffer.read()
urllib.request.urlopen(sys.argv[1] + "/v1/models/m:predict", body, timeout=120).read()
"""


def figures(requests: int, seed: int) -> list[str]:
    """Lines of the report."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        models = make_models(folder / "models")
        return [*_mixed(folder, models, requests, seed), *_long_body(folder, models)]


def _mixed(folder: Path, models: Path, requests: int, seed: int) -> list[str]:
    entries = "".join(
        f'config {{ name: "{path.name}" base_path: "{path}" model_platform: "tensorflow" }} '
        for path in sorted(models.iterdir())
        if path.name != "odd" and any(path.glob("*/saved_model.pb"))
    )
    config = folder / "models.txt"
    config.write_text(f"model_config_list {{ {entries} }}")
    with Server(folder, f"--model_config_file={config}") as server:
        checker, process = Checker(server), psutil.Process(server.process.pid)
        ask(checker, requests // 10, seed, "all")
        seen = [(process.memory_info().rss, process.num_fds())]
        ask(checker, requests - requests // 10, seed + 100, "all")
        time.sleep(2.0)
        seen.append((process.memory_info().rss, process.num_fds()))
    (before, files), (after, files_after) = seen
    return [
        f"| memory over {requests:,} mixed requests (REST, gRPC, broken bytes and frames) | "
        f"{before / 1e6:.0f} MB after the first tenth, {after / 1e6:.0f} MB at the end |",
        f"| descriptors over the same | {files}, then {files_after} |",
    ]


def _long_body(folder: Path, models: Path) -> list[str]:
    """The server on one core, its neighbour's client on the other before all else, what sends the long body behind."""
    mine = os.sched_getaffinity(0)
    servers, clients = ({min(mine)}, {max(mine)})
    os.sched_setaffinity(0, servers)
    with Server(folder, f"--model_base_path={models}/half_plus_two", "--model_name=m") as server:
        os.sched_setaffinity(0, clients)
        try:
            return [*_neighbours(server), *_memory_after(server)]
        finally:
            os.sched_setaffinity(0, mine)


def _neighbours(server: Server) -> list[str]:
    """The longest gap between a neighbour's answers, alone and beside each long body, in turns."""
    rows = b", ".join([b"1.25"] * (LONG_BYTES // 6))
    bodies = {
        "blanks": b" " * LONG_BYTES + SMALL,
        "numbers": b'{"instances": [%s]}' % rows,
    }
    gaps: dict[str, list[float]] = {"alone": [], **{name: [] for name in bodies}}
    with Neighbour(server) as neighbour:
        for _ in range(TURNS):
            gaps["alone"].append(neighbour.longest_ms(lambda began: time.monotonic() - began > ALONE_S))
            for name, body in bodies.items():
                sending = subprocess.Popen([sys.executable, "-c", _SENDER, server.url], stdin=subprocess.PIPE)
                feeding = threading.Thread(target=sending.communicate, args=(body,))
                feeding.start()
                gaps[name].append(neighbour.longest_ms(lambda began, sent=sending: sent.poll() is not None))
                feeding.join()
                assert sending.returncode == 0, f"the body of {name} was not answered"
    told = {name: f"{statistics.median(seen):.1f} ms (at most {max(seen):.1f})" for name, seen in gaps.items()}
    return [
        f"| longest wait of a neighbour beside {LONG_BYTES / 1e6:.0f} MB of {name}, median of {TURNS} turns | "
        f"{told[name]}; alone {told['alone']} |"
        for name in bodies
    ]


class Neighbour:
    """A client with one connection that asks for little, again and again; its process goes before all else."""

    def __init__(self, server: Server) -> None:
        host, _, port = server.url.rpartition("//")[2].partition(":")
        self._socket = socket.create_connection((host, int(port)))
        self._request = b"POST /v1/models/m:predict HTTP/1.1\r\nHost: m\r\nContent-Length: %d\r\n\r\n" % len(SMALL)
        self._request += SMALL

    def __enter__(self) -> Neighbour:
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
        for _ in range(200):
            self._ask()
        gc.disable()
        return self

    def __exit__(self, *exc: object) -> None:
        gc.enable()
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        self._socket.close()

    def longest_ms(self, over: Callable[[float], bool]) -> float:
        """Ask until it is over; the longest wait for an answer, in milliseconds. Each wait is followed by a pause."""
        began, longest, turn = time.monotonic(), 0.0, 0
        while turn % LOOK_EVERY or not over(began):
            asked = time.perf_counter()
            self._ask()
            longest, turn = max(longest, time.perf_counter() - asked), turn + 1
            time.sleep(PAUSE_S)
        return 1e3 * longest

    def _ask(self) -> None:
        self._socket.sendall(self._request)
        reply = self._socket.recv(4096)
        assert b" 200 " in reply.split(b"\r\n", 1)[0], reply


def _memory_after(server: Server) -> list[str]:
    process = psutil.Process(server.process.pid)
    time.sleep(15.0)
    before = process.memory_info().rss
    sending = subprocess.Popen([sys.executable, "-c", _SENDER, server.url], stdin=subprocess.PIPE)
    sending.communicate(b" " * (200_000_000 - len(SMALL)) + SMALL)
    time.sleep(15.0)
    after = process.memory_info().rss
    return [f"| memory after a body of 200 MB | {after / 1e6:.0f} MB (before it {before / 1e6:.0f} MB) |"]
