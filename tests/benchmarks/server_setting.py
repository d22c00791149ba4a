"""What the benchmarks of the embedded server share: loads, windows in turns, pinned servers, a row of their table."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "helpers"))
from harness import Server, free_port, predict_request, tensor, wait_until, write_monitoring  # noqa: E402, F401

SERVER_CORE, CLIENT_CORE = "0", "1"
WINDOW_S = int(os.environ.get("BENCH_WINDOW_S", "1"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "8"))
BATCHING = (
    "max_batch_size { value: 32 } batch_timeout_micros { value: 2000 } max_enqueued_batches { value: 1000 } "
    "num_batch_threads { value: 1 }"
)
EAGER = BATCHING.replace("2000", "0")


@dataclass(frozen=True)
class Row:
    """One line of the table; `ratio` is measured over peer (or under the target's own meaning)."""

    figure: str
    measured: str
    peer: str = ""
    ratio: float | None = None
    target: str = ""
    met: bool | None = None

    def line(self) -> str:
        """As Markdown."""
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        met = {None: "", True: "yes", False: "NO"}[self.met]
        return f"| {self.figure} | {self.measured} | {self.peer} | {ratio} | {self.target} | {met} |"


@dataclass(frozen=True)
class Load:
    """What windows of load measured, one number a window."""

    rates_rps: tuple[float, ...]
    p99s_ms: tuple[float, ...] = ()

    @property
    def rate_rps(self) -> float:
        """The median window's."""
        return statistics.median(self.rates_rps)

    @property
    def p99_ms(self) -> float:
        """The median window's."""
        return statistics.median(self.p99s_ms)

    def over(self, other: Load) -> float:
        """The median of the ratios of windows that stood side by side."""
        return statistics.median(a / b for a, b in zip(self.rates_rps, other.rates_rps, strict=True))

    def __str__(self) -> str:
        return f"{self.rate_rps:,.0f}/s" + (f", p99 {self.p99_ms:.1f} ms" if self.p99s_ms else "")


def in_turns(windows: dict[str, Callable[[], Load]], rounds: int = ROUNDS) -> dict[str, Load]:
    """One window each, round after round, every other round backwards; a first round warms up and is dropped."""
    seen: dict[str, list[Load]] = {name: [] for name in windows}
    for number in range(rounds + 1):
        for name in list(windows)[:: 1 if number % 2 else -1]:
            seen[name].append(windows[name]())
    return {name: together(loads[1:]) for name, loads in seen.items()}


def together(loads: list[Load]) -> Load:
    """Several windows as one."""
    return Load(sum((load.rates_rps for load in loads), ()), sum((load.p99s_ms for load in loads), ()))


def pinned(command: list[str], core: str) -> list[str]:
    """The command on one core, where the machine can say so."""
    return ["taskset", "-c", core, *command] if shutil.which("taskset") and os.cpu_count() > 1 else command


def one_row() -> list[float]:
    """784 pixels with four decimals, as a client sends them."""
    return np.random.default_rng(7).random(784).round(4).tolist()


def wrk(url: str, folder: Path, body: bytes, connections: int = 32) -> Load:
    """A window of wrk's closed loop. Failures raise."""
    (folder / "body").write_bytes(body)
    script = folder / "post.lua"
    script.write_text(
        f'wrk.method="POST"; local f=io.open("{folder}/body"); wrk.body=f:read("*a"); '
        'wrk.headers["Content-Type"]="application/json"'
    )
    command = ["wrk", "-t1", f"-c{connections}", f"-d{WINDOW_S}", "-s", str(script), "--latency", url]
    out = subprocess.run(pinned(command, CLIENT_CORE), capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in out, out
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", out).groups()
    p99_ms = float(value) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]
    return Load((float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1]),), (p99_ms,))


def h2load(port: int, folder: Path, message: bytes) -> Load:
    """A window of unary gRPC calls on 32 connections, one call each at a time."""
    (folder / "message").write_bytes(b"\0" + len(message).to_bytes(4, "big") + message)
    url = f"http://127.0.0.1:{port}/tensorflow.serving.PredictionService/Predict"
    headers = ["-H", "content-type: application/grpc", "-H", "te: trailers"]
    command = ["h2load", "-t1", "-c32", "-m1", f"-D{WINDOW_S}", "-d", str(folder / "message"), *headers, url]
    out = subprocess.run(pinned(command, CLIENT_CORE), capture_output=True, text=True, check=True).stdout
    return Load((float(re.search(r"finished in [\d.]+m?s, ([\d.]+) req/s", out)[1]),))


@contextlib.contextmanager
def embedded(folder: Path, models: Path, *flags: str) -> Iterator[Server]:
    """The embedded server with the digits model, pinned; the client's own core is not used by it."""
    given = (f"--model_base_path={models}/digits", "--rest_api_num_threads=130", "--grpc_max_threads=130", *flags)
    with Server(folder, *given, write_monitoring(folder), prefix=pinned([], SERVER_CORE)) as server:
        yield server


def batching_flags(folder: Path, text: str) -> tuple[str, str]:
    """Batching on with these parameters."""
    file = folder / f"batching_{abs(hash(text))}.txt"
    file.write_text(text)
    return "--enable_batching", f"--batching_parameters_file={file}"


@contextlib.contextmanager
def process(command: list[str], port: int, timeout_s: float = 90, **options) -> Iterator[int]:
    """A server process, from its open port to its end; gives its id."""
    import socket

    started = subprocess.Popen(
        pinned(command, SERVER_CORE),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        **options,
    )

    def is_open() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    try:
        wait_until(is_open, timeout_s)
        yield started.pid
    finally:
        for one in family(started.pid):
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        started.wait(10)


def family(pid: int) -> list[psutil.Process]:
    """A process and its descendants, also those in sessions of their own."""
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def rest_body() -> bytes:
    """One request in row format."""
    return json.dumps({"instances": [one_row()]}).encode()


def predict_load(server: Server, folder: Path, connections: int = 32) -> Load:
    """REST predict on the embedded server."""
    return wrk(f"{server.url}/v1/models/default:predict", folder, rest_body(), connections)


def make_models(folder: Path) -> Path:
    """The conformance tests' models; CONFORMANCE_MODELS names a folder of them made before."""
    if made := os.environ.get("CONFORMANCE_MODELS"):
        return Path(made)
    maker = HERE.parent / "helpers" / "make_models.py"
    subprocess.run([sys.executable, maker, folder], check=True, capture_output=True)
    return folder
