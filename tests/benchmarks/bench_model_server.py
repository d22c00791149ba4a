"""The embedded server against plain apps and others. `python tests/benchmarks/bench_model_server.py [PART ...]`.

Parts: `rest` (a plain app on the same HTTP library, granian, batching on and off), `grpc` (no-op grpcio servers),
`peers` (MLServer, BentoML, Ray Serve in environments of their own under .bench/, made with uv), `start`, `idle`,
`swaps`. One 784-float row a request (784-128-10 network), 32 connections, server on core 0, client (wrk, h2load: Debian
packages wrk and nghttp2-client) on core 1. What is compared is up at the same time and loaded in turns, in windows of
BENCH_WINDOW_S (1) seconds, BENCH_ROUNDS (8) of them; a ratio is the median of the rounds' ratios.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "conformance"))
from harness import Server, free_port, predict_request, tensor, wait_until, write_monitoring  # noqa: E402
from peer_servers import PEERS, Peer, environment  # noqa: E402

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
    return Load((float(re.search(r"finished in [\d.]+s, ([\d.]+) req/s", out)[1]),))


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


PLAIN_APPS = {
    "connection": lambda: sys.executable,
    "granian": lambda: sys.executable,
    "uvicorn": lambda: environment("uvicorn", "uvicorn", "httptools", "uvloop", "orjson"),
}


def rest_body() -> bytes:
    """One request in row format."""
    return json.dumps({"instances": [one_row()]}).encode()


def predict_load(server: Server, folder: Path, connections: int = 32) -> Load:
    """REST predict on the embedded server."""
    return wrk(f"{server.url}/v1/models/default:predict", folder, rest_body(), connections)


def bench_rest(folder: Path, models: Path) -> list[Row]:
    """REST against its ceilings, and batching on against off."""
    with contextlib.ExitStack() as running:
        windows, single = {}, {}
        for name, python in PLAIN_APPS.items():
            port = free_port()
            running.enter_context(process([str(python()), str(HERE / "plain_apps.py"), name, str(port)], port))
            url = f"http://127.0.0.1:{port}/v1/models/x:predict"
            windows[name] = lambda url=url: wrk(url, folder, rest_body())
        for name, text in (("on", BATCHING), ("eager", EAGER), ("off", "")):
            place = folder / name
            place.mkdir()
            flags = batching_flags(place, text) if text else ()
            server = running.enter_context(embedded(place, models, *flags))
            windows[name] = lambda server=server: predict_load(server, folder)
            single[name] = lambda server=server: predict_load(server, folder, 1)
        loads, one = in_turns(windows), in_turns(single)
    best = max(loads["on"], loads["eager"], key=lambda load: load.rate_rps)
    rows = []
    for name, what in (("granian", "an RSGI app on granian"), ("uvicorn", "an ASGI app on the same HTTP library")):
        ratio = best.over(loads[name])
        rows.append(Row(f"REST, batching on, over {what}", str(best), str(loads[name]), ratio, "≥ 0.7", ratio >= 0.7))
    bare, off = loads["connection"], loads["off"]
    figure = "REST, batching on, over our bare HTTP layer with a constant answer"
    rows.append(Row(figure, str(best), str(bare), best.over(bare)))
    gain, slower = best.over(off), one["eager"].over(one["off"])
    rows.append(Row("batching on over off, 32 connections", str(best), str(off), gain, "≥ 3", gain >= 3))
    figure = "timeout 0 over off, 1 connection"
    rows.append(Row(figure, str(one["eager"]), str(one["off"]), slower, "≥ 0.9", slower >= 0.9))
    rows.append(
        Row(
            "timeout 0 over 2 ms, 32 connections",
            str(loads["eager"]),
            str(loads["on"]),
            loads["eager"].over(loads["on"]),
        )
    )
    return rows


def grpc_message() -> bytes:
    """A PredictRequest with one row as tensor_content."""
    proto = tensor([[0.0]])
    del proto.float_val[:], proto.tensor_shape.dim[:]
    for size in (1, 784):
        proto.tensor_shape.dim.add(size=size)
    proto.tensor_content = np.array(one_row(), np.float32).tobytes()
    return predict_request("default", inputs=proto).SerializeToString()


def bench_grpc(folder: Path, models: Path) -> list[Row]:
    """gRPC against no-op servers that answer the same bytes."""
    message = grpc_message()
    with contextlib.ExitStack() as running:
        server = running.enter_context(embedded(folder, models, *batching_flags(folder, BATCHING)))
        (folder / "answer").write_bytes(server.channel.unary_unary(PREDICT)(message, timeout=9))
        ports = {"on": server.port}
        for name in ("grpc_aio", "grpc_sync"):
            ports[name] = port = free_port()
            command = [sys.executable, str(HERE / "plain_apps.py"), name, str(port), str(folder / "answer")]
            running.enter_context(process(command, port))
        loads = in_turns({name: lambda port=port: h2load(port, folder, message) for name, port in ports.items()})
    rows = []
    for name, target in (("grpc_aio", "≥ 0.7"), ("grpc_sync", "")):  # ours is grpc.aio: the other is told beside it
        ratio = loads["on"].over(loads[name])
        figure = f"gRPC, batching on, over a no-op grpcio server ({name[5:]})"
        met = ratio >= 0.7 if target else None
        rows.append(Row(figure, str(loads["on"]), str(loads[name]), ratio, target, met))
    return rows


PREDICT = "/tensorflow.serving.PredictionService/Predict"


def bench_peers(folder: Path, models: Path) -> list[Row]:
    """The same network behind other servers, with their own batching (their numpy needs no TensorFlow runtime)."""
    rows, best = [], []
    with embedded(folder, models, *batching_flags(folder, BATCHING)) as server:
        for peer in PEERS:
            try:
                loads = beside(peer, server, folder)
            except (OSError, AssertionError, subprocess.CalledProcessError) as error:
                reason = f"not measured: {type(error).__name__}: {str(error)[:80]}"
                rows.append(Row(f"embedded over {peer.name}", "", reason))
                continue
            ours, theirs = loads["ours"], loads["theirs"]
            best.append((theirs.p99_ms, ours.p99_ms))
            ratio = ours.over(theirs)
            rows.append(Row(f"embedded over {peer.name}", str(ours), str(theirs), ratio, "≥ 8", ratio >= 8))
    if best:
        lowest, ours_ms = min(best)
        figure = "p99 under the best peer's"
        rows.append(Row(figure, f"{ours_ms:.1f} ms", f"{lowest:.1f} ms", met=ours_ms < lowest))
    return rows


def beside(peer: Peer, server: Server, folder: Path) -> dict[str, Load]:
    """The embedded server's load and the peer's, in turns.

    Raises:
        OSError, AssertionError, CalledProcessError: the peer cannot be installed, started or asked.
    """
    python, port, place = peer.environment(), free_port(), folder / peer.name
    command = peer.prepare(place, python, port)
    with process(command, port, cwd=place, env=peer.variables(python)) as pid:
        body = peer.body(one_row())
        wait_until(lambda: peer.answers(port, body), 90)
        url = f"http://127.0.0.1:{port}{peer.path}"

        def ours() -> Load:
            with stopped(pid):
                return predict_load(server, folder)

        return in_turns({"ours": ours, "theirs": lambda: wrk(url, folder, body)})


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A server stands still: what it does in idle times is not to weigh on what shares its core."""
    still = family(pid)
    for one in still:
        one.suspend()
    try:
        yield
    finally:
        for one in still:
            one.resume()


def bench_start(folder: Path, models: Path) -> list[Row]:
    """From exec to the first AVAILABLE over HTTP, and memory then."""
    times, rss = [], 0.0
    for _ in range(3):
        started = time.monotonic()
        with Server(folder, f"--model_base_path={models}/digits", wait=False) as server:
            wait_until(lambda s=server: answered(s), 30)
            times.append(time.monotonic() - started)
            rss = rss_mb(server)
    middle = sorted(times)[1]
    return [
        Row("start to AVAILABLE", f"{middle:.2f} s", "13 s: import tensorflow", target="≤ 4 s", met=middle <= 4),
        Row("memory after the start", f"{rss:.0f} MB", "627 MB: import tensorflow"),
    ]


def answered(server: Server) -> bool:
    """Whether REST says AVAILABLE."""
    with contextlib.suppress(OSError):
        return "AVAILABLE" in server.states("default").values()
    return False


def rss_mb(server: Server) -> float:
    """Resident memory of the server."""
    text = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) / 1024


def cpu_s(server: Server) -> float:
    """CPU seconds the server has used."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def bench_idle(folder: Path, models: Path) -> list[Row]:
    """CPU of a server nobody asks anything."""
    with embedded(folder, models, *batching_flags(folder, BATCHING)) as server:
        time.sleep(1)
        before, started = cpu_s(server), time.monotonic()
        time.sleep(10)
        share = (cpu_s(server) - before) / (time.monotonic() - started)
    return [Row("idle CPU of a core, batching on", f"{share:.1%}", target="≤ 2 %", met=share <= 0.02)]


def bench_swaps(folder: Path, models: Path, count: int = 1000, width: int = 50) -> list[Row]:
    """`count` version swaps, `width` models at each poll, under load: failed requests and growth of memory."""
    source = models / "digits" / "1"
    bases = [folder / "swaps" / f"m{index}" for index in range(width)]
    for base in bases:
        shutil.copytree(source, base / "1")
    entries = "".join(f'config {{ name: "{b.name}" base_path: "{b}" model_platform: "tensorflow" }} ' for b in bases)
    config = folder / "swaps.txt"
    config.write_text(f"model_config_list {{ {entries} }}")
    flags = (f"--model_config_file={config}", "--enable_batching", "--rest_api_num_threads=32", "--num_load_threads=1")
    with Server(folder, *flags) as server:
        ended, counts = threading.Event(), [0, 0]
        clients = [threading.Thread(target=ask_until, args=(server, bases, i, ended, counts)) for i in range(4)]
        for client in clients:
            client.start()
        sizes = [swap_all(server, source, bases, version) for version in range(2, count // width + 2)]
        ended.set()
        for client in clients:
            client.join()
    growth = sizes[-1] / sizes[1] - 1
    return [
        Row(
            f"{count} swaps under load: failed of {counts[0]:,} requests", str(counts[1]), target="0", met=not counts[1]
        ),
        Row(f"growth of memory over {count - 2 * width} swaps", f"{growth:+.1%}", target="≤ 10 %", met=growth <= 0.1),
    ]


def swap_all(server: Server, source: Path, bases: list[Path], version: int) -> float:
    """Publish a version of every model, wait until all serve it and the old ones are gone; memory in MB."""
    for base in bases:
        draft = base / "draft"
        shutil.copytree(source, draft, copy_function=os.link)
        draft.rename(base / str(version))
    for base in bases:
        wanted = {version: "AVAILABLE", version - 1: "END"}
        wait_until(lambda b=base, w=wanted: w.items() <= server.states(b.name).items(), 120)
        shutil.rmtree(base / str(version - 1))
    return rss_mb(server)


def ask_until(server: Server, bases: list[Path], start: int, ended: threading.Event, counts: list[int]) -> None:
    """Ask one model after the other; counts are [requests, failures]."""
    import requests

    body, step = rest_body(), start
    with requests.Session() as session:
        while not ended.is_set():
            name = bases[step % len(bases)].name
            reply = session.post(f"{server.url}/v1/models/{name}:predict", data=body, timeout=30)
            counts[0] += 1
            counts[1] += reply.status_code != 200
            step += 1


PARTS = {
    "start": bench_start,
    "idle": bench_idle,
    "rest": bench_rest,
    "grpc": bench_grpc,
    "peers": bench_peers,
    "swaps": bench_swaps,
}


def make_models(folder: Path) -> Path:
    """The conformance tests' models; CONFORMANCE_MODELS names a folder of them made before."""
    if made := os.environ.get("CONFORMANCE_MODELS"):
        return Path(made)
    maker = HERE.parent / "conformance" / "make_models.py"
    subprocess.run([sys.executable, maker, folder], check=True, capture_output=True)
    return folder


def main(*parts: str) -> bool:
    """Print the table; True when every target was met."""
    if not shutil.which("wrk") or not shutil.which("h2load"):
        print("bench_model_server needs wrk and h2load: apt-get install wrk nghttp2-client")
        return False
    print("| figure | measured | peer | ratio | target | met |\n|---|---|---|---|---|---|")
    met = True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        models = make_models(folder / "models")
        for part in parts or PARTS:
            for row in PARTS[part](folder, models):
                print(row.line(), flush=True)
                met = met and row.met is not False
    return met


if __name__ == "__main__":
    sys.exit(0 if main(*sys.argv[1:]) else 1)
