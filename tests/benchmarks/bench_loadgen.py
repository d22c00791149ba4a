"""The load generator beside its peers. `python tests/benchmarks/bench_loadgen.py [PART ...]`.

Parts: `http` (nginx as a null server: wrk, hey, Locust FastHttpUser, a requests thread pool), `grpc` (nghttpd: h2load,
grpc.aio), `open` (20,000 a second on one core), `embedded` (the model server: wrk), `queue` (one whose theory is
known), `worker` (start, memory, passport, ten million rows), `cluster` (one and two Dask workers), `search` (the
highest rate of a known queue). Server on core 0, client on core 1, 32 connections, body of one 784-float row. Peers
take turns, every other round backwards, in BENCH_ROUNDS (5; `embedded` three times as many) rounds of windows of
BENCH_WINDOW_S (2) seconds; a ratio is the median of the rounds' ratios. Needs the Debian packages nginx-light,
nghttp2-server, nghttp2-client, wrk and hey.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import duckdb
import numpy as np
from loadgen_peers import GRPC_AIO, REQUESTS, Window, h2load, hey, locust, run, script, wrk
from queueing import SHARES, md1_quantile, replayed, typical
from server_setting import CLIENT_CORE, Row, embedded, make_models, process, rest_body

from loadgen import Level, dask_runner, find_max_rate, hold, passport
from loadgen.scripted.script import Script
from loadgen.scripted.server import running
from loadgen.workers.processes import stop_idle

ROUNDS, WINDOW_S = (int(os.environ.get(f"BENCH_{name}", at_rest)) for name, at_rest in (("ROUNDS", 5), ("WINDOW_S", 2)))
CPUS = (int(CLIENT_CORE),)
HTTP_PORT, GRPC_PORT = 18611, 18612
NGINX = """
worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/error.log; master_process off;
events {{ worker_connections 4096; }}
http {{ access_log off; client_body_temp_path {folder}/body; keepalive_requests 1000000000; client_max_body_size 8m;
  client_body_buffer_size 64k; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u;
  scgi_temp_path {folder}/s; server {{ listen 127.0.0.1:{port}; default_type application/json;
  location / {{ return 200 '{{"predictions": [[0.0]]}}'; }} }} }}
"""


@contextlib.contextmanager
def nginx(folder: Path) -> Iterator[str]:
    """nginx with a canned reply."""
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=HTTP_PORT))
    with process(["nginx", "-c", str(config), "-p", str(folder)], HTTP_PORT):
        yield f"http://127.0.0.1:{HTTP_PORT}/v1/models/null:predict"


@contextlib.contextmanager
def nghttpd(folder: Path) -> Iterator[str]:
    """nghttpd with a canned gRPC reply."""
    file = folder / "tensorflow.serving.PredictionService" / "Predict"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"\0" + (24).to_bytes(4, "big") + b"x" * 24)
    with process(["nghttpd", "--no-tls", "-d", str(folder), "--trailer=grpc-status: 0", str(GRPC_PORT)], GRPC_PORT):
        yield f"127.0.0.1:{GRPC_PORT}"


def ours(url: str, bodies: Path, out: Path, **changes: object) -> tuple[Window, dict]:
    """One window of this generator; every reply's status checked, one in a hundred compared."""
    base = {"concurrency": 32, "duration_s": WINDOW_S, "ramp_up_s": 0.3, "cpus": CPUS}
    summary = hold(Level(url, bodies=bodies, **{**base, **changes}), out)
    assert summary["errors"] == 0, summary["errors_by_kind"]
    cpu_micros = 1e6 * summary["client_cpu_share"] * summary["duration_s"] / summary["requests"]
    found = summary["latency_ms"]
    return Window(summary["throughput_rps"], found["p50"], found["p99"], cpu_micros), summary


@dataclass(frozen=True)
class Windows:
    """The windows of one client, one a round."""

    rounds: tuple[Window, ...]

    def of(self, figure: str) -> float | None:
        """The median of a figure."""
        values = [getattr(window, figure) for window in self.rounds]
        return None if None in values else median(values)

    def over(self, other: Windows, figure: str) -> float:
        """The median of the ratios of windows that stood side by side."""
        pairs = zip(self.rounds, other.rounds, strict=True)
        return median(getattr(mine, figure) / getattr(theirs, figure) for mine, theirs in pairs)

    def __str__(self) -> str:
        return f"{self.of('rate_rps'):,.0f}/s, {self.of('cpu_micros'):.1f} us CPU each"


def interleaved(clients: dict[str, Callable[[], Window]], rounds: int = ROUNDS) -> dict[str, Windows]:
    """One window each, round after round, every other round backwards; a first round warms up and is dropped."""
    seen: dict[str, list[Window]] = {name: [] for name in clients}
    for number in range(rounds + 1):
        for name in list(clients)[:: 1 if number % 2 else -1]:
            seen[name].append(clients[name]())
    return {name: Windows(tuple(windows[1:])) for name, windows in seen.items()}


def against(figure: str, mine: Windows, other: Windows, name: str, target: float | None) -> Row:
    """A ratio of rates."""
    ratio = mine.over(other, "rate_rps")
    aim = f">= {target:g}" if target else ""
    return Row(figure, str(mine), f"{name} {other}", ratio, aim, None if target is None else ratio >= target)


def write_bodies(folder: Path, expected: bytes | None) -> Path:
    """One row of 784 floats, and its answer."""
    folder.mkdir()
    (folder / "00000.body").write_bytes(rest_body())
    if expected:
        (folder / "00000.expect").write_bytes(expected)
    return folder


def bench_http(folder: Path) -> list[Row]:
    """Requests a second on a null server."""
    bodies = write_bodies(folder / "http", b'{"predictions": [[0.0]]}')
    body = bodies / "00000.body"
    with nginx(folder) as url:
        found = interleaved(
            {
                "wrk": lambda: wrk(url, body, WINDOW_S),
                "loadgen": lambda: ours(url, bodies, folder)[0],
                "hey": lambda: hey(url, body, WINDOW_S),
                "Locust FastHttpUser": lambda: locust(url, body, WINDOW_S + 2),
                "requests, 32 threads": lambda: script(REQUESTS, url, body, WINDOW_S),
            }
        )
    mine = found.pop("loadgen")
    targets = {"wrk": 0.8, "Locust FastHttpUser": 8, "requests, 32 threads": 30}
    return [against("HTTP on nginx", mine, window, name, targets.get(name)) for name, window in found.items()]


def bench_grpc(folder: Path) -> list[Row]:
    """Calls a second on a null server."""
    bodies = folder / "grpc"
    bodies.mkdir()
    body = bodies / "00000.body"
    body.write_bytes(os.urandom(3190))
    with nghttpd(folder) as target:
        peers = interleaved(
            {
                "loadgen": lambda: ours(target, body, folder, protocol="grpc")[0],
                "grpc.aio": lambda: script(GRPC_AIO, target, body, WINDOW_S),
                "h2load": lambda: h2load(target, body, WINDOW_S),
            }
        )
    mine = peers.pop("loadgen")
    with running("grpc", cpu=0) as server:
        own = interleaved({"loadgen": lambda: ours(server.url, body, folder, protocol="grpc")[0]})["loadgen"]
    rows = []
    for target, found in (("nghttpd", mine), ("the scripted server", own)):
        met = found.of("rate_rps") >= 40_000
        rows.append(Row(f"gRPC on {target}", str(found), "", None, ">= 40,000/s", met))
    return rows + [against("gRPC on nghttpd", mine, w, n, {"grpc.aio": 4}.get(n)) for n, w in peers.items()]


BARE_TIMER = """
import ctypes, os, select, sys, time
import numpy as np
from loadgen.clock import _Itimerspec
libc, spec = ctypes.CDLL(None), _Itimerspec()
fd, poll = libc.timerfd_create(1, os.O_NONBLOCK), select.epoll()
poll.register(fd, select.EPOLLIN)
due = time.monotonic_ns() + 10**8 + np.cumsum(np.random.default_rng(1).exponential(5e4, 40_000)).astype(np.int64)
late = []
for at in due.tolist():
    while (now := time.monotonic_ns()) < at:
        spec.at_s, spec.at_ns = divmod(at, 10**9)
        libc.timerfd_settime(fd, 1, ctypes.byref(spec), None)
        poll.poll()
    late.append(now - at)
print(*(np.quantile(late, (0.5, 0.99)) / 1e3))
"""


def bare_timer() -> tuple[float, float]:
    """Lateness of a timerfd at 20,000 a second that sends nothing, us at p50 and p99: what the machine can do."""
    p50, p99 = run([sys.executable, "-c", BARE_TIMER], 3)[0].split()
    return float(p50), float(p99)


def bench_open(folder: Path) -> list[Row]:
    """Lateness at 20,000 a second, beside a timer that sends nothing."""
    bodies = write_bodies(folder / "open", None)
    rows = []
    with nginx(folder) as url, nghttpd(folder) as target:
        for protocol, address in (("rest", url), ("grpc", target)):
            how = {"protocol": protocol, "arrival": "poisson", "rate_rps": 20_000.0, "concurrency": None}
            found, bare = [], []
            for _ in range(ROUNDS):
                bare.append(bare_timer())
                found.append(ours(address, bodies, folder, connections=100, **how)[1])
            p50, late = (median(s["lateness_us"][share] or float("inf") for s in found) for share in ("p50", "p99"))
            cpu = median(s["client_cpu_share"] for s in found)
            text = f"p50 {p50:.0f} us, p99 {late:.0f} us, {cpu:.0%} of a core"
            alone = [median(column) for column in zip(*bare, strict=True)]
            peer, ratio = "a bare timerfd p50 {:.0f} us, p99 {:.0f} us".format(*alone), late / alone[1]
            rows.append(Row(f"lateness at 20,000/s, {protocol}", text, peer, ratio, "p99 <= 100 us", late <= 100))
    return rows


def bench_embedded(folder: Path) -> list[Row]:
    """The same server, measured by both."""
    bodies = write_bodies(folder / "embedded", None)
    with embedded(folder, make_models(folder / "models")) as server:
        url = f"{server.url}/v1/models/default:predict"
        found = interleaved(
            {
                "wrk": lambda: wrk(url, bodies / "00000.body", WINDOW_S),
                "loadgen": lambda: ours(url, bodies, folder)[0],
            },
            3 * ROUNDS,
        )
    mine, other = found["loadgen"], found["wrk"]
    rows = [against("embedded server, 32 connections", mine, other, "wrk", 0.95)]
    for name in ("p50", "p99"):
        a, b, ratio = mine.of(f"{name}_ms"), other.of(f"{name}_ms"), mine.over(other, f"{name}_ms")
        text = f"{a:.2f} ms", f"wrk {b:.2f} ms"
        rows.append(Row(f"embedded server, {name}", *text, ratio, "0.9 to 1.1", 0.9 <= ratio <= 1.1))
    return rows


def bench_queue(folder: Path) -> list[Row]:
    """Percentiles of a single queue of fixed service time, all three loads at once, against the theory."""
    bodies, service_s = write_bodies(folder / "queue", None), 0.04  # long against the moments a machine stands still

    def one(load: float) -> Row:
        base = {"arrival": "poisson", "rate_rps": load / service_s, "connections": 200, "cpus": CPUS}
        with running("rest", Script(service_s=service_s), cpu=0) as server:
            level = typical(Level(server.url, bodies=bodies, duration_s=80.0, **base), service_s)
            hold(level, out := folder / f"queue-{load}")
        rows = duckdb.connect().sql(f"SELECT (done_ns - scheduled_ns) / 1e6 AS ms FROM '{out}/requests.parquet'")
        measured = np.quantile(rows.fetchnumpy()["ms"], SHARES)
        theory = 1e3 * np.array([md1_quantile(load, service_s, share) for share in SHARES])
        own = 1e3 * np.quantile(replayed(level, service_s), SHARES)
        errors = measured / theory - 1
        text = ", ".join(
            f"p{100 * s:.0f} {m:.1f} ms ({e:+.1%})" for s, m, e in zip(SHARES, measured, errors, strict=True)
        )
        peer = f"M/D/1 {', '.join(f'{t:.1f}' for t in theory)}; its own schedule {', '.join(f'{t:.1f}' for t in own)}"
        return Row(f"known queue at {load:.0%} load", text, peer, None, "5 %", bool(np.abs(errors).max() <= 0.05))

    with ThreadPoolExecutor() as pool:
        return list(pool.map(one, (0.50, 0.70, 0.85)))


FILL = """
import json, sys, time
from array import array
import numpy as np
from loadgen.rows import Recorder, RequestRows, pack
from loadgen.workers.own_core import memory_mb
count = int(sys.argv[2])
if sys.argv[1] == "worker":
    recorder, code = Recorder(), pack(0, 200, 30)
    due = array("q", bytes(8 * count))
    for i in range(count):
        recorder.start(i, i)
        recorder.finish(i, i, i + 5_000_000, code)
else:
    from pathlib import Path
    from loadgen.store import write_requests
    from loadgen.verdict.summary import describe
    words = np.empty((count, 4), np.int64)
    words[:, 0] = np.arange(count) * 1000
    words[:, 1] = words[:, 0] + 20_000
    words[:, 2] = words[:, 0] + 5_000_000 + np.random.default_rng(1).integers(0, 10**6, count)
    words[:, 3] = pack(0, 200, 30)
    rows = RequestRows(words, np.zeros(count, np.int16))
    write_requests(Path(sys.argv[3]), rows, 0)
    describe(rows, 0, count / 1e6)
print(memory_mb())
"""


def bench_worker(folder: Path) -> list[Row]:
    """Start and memory of a worker; ten million rows in a worker and in the parent."""
    spent, memory = [], []
    for _ in range(2 * ROUNDS):
        began = time.monotonic()
        code = "import loadgen.workers.worker as w; print(w.memory_mb())"
        memory.append(float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout))
        spent.append(time.monotonic() - began)
    rows = [
        Row("worker starts in", f"{median(spent):.2f} s", "", None, "<= 0.5 s", median(spent) <= 0.5),
        Row("worker's memory", f"{median(memory):.0f} MB", "", None, "<= 100 MB", median(memory) <= 100),
    ]
    spent = []
    for protocol in ("rest", "grpc") * 3:
        stop_idle()
        began = time.monotonic()
        assert passport(CPUS, protocol)["ok"]
        spent.append(time.monotonic() - began)
    text = f"{median(spent):.1f} s ({min(spent):.1f} to {max(spent):.1f})"
    rows.append(Row("passport takes", text, "", None, "<= 3.5 s", median(spent) <= 3.5))
    for who, limit in (("worker", 600), ("parent", 2000)):
        command = [sys.executable, "-c", FILL, who, "10000000", str(folder / "ten.parquet")]
        began = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        text = f"{float(done.stdout):.0f} MB, {time.monotonic() - began:.0f} s"
        rows.append(Row(f"ten million rows, {who}", text, "", None, f"<= {limit} MB", float(done.stdout) <= limit))
    return rows


def bench_cluster(folder: Path) -> list[Row]:
    """Rate of one Dask worker and of two."""
    from distributed import LocalCluster

    bodies, rates = write_bodies(folder / "cluster", None), []
    options = {"threads_per_worker": 1, "dashboard_address": None, "local_directory": str(folder)}
    with LocalCluster(n_workers=2, **options) as cluster, running("rest", Script(delay_s=0.02), cpu=0) as server:
        for workers in (1, 2):
            level = Level(server.url, bodies=bodies, concurrency=40 * workers, duration_s=WINDOW_S, cpus=CPUS)
            summary = hold(level, folder, runner=dask_runner(cluster.scheduler_address, workers))
            rates.append(summary["throughput_rps"])
    text = f"{rates[1]:,.0f}/s", f"one worker {rates[0]:,.0f}/s"
    return [Row("two Dask workers, 40 clients each", *text, rates[1] / rates[0], ">= 1.8", rates[1] >= 1.8 * rates[0])]


def bench_search(folder: Path) -> list[Row]:
    """Highest rate of a single queue of 1 ms inside p99 <= 6 ms, against the theory."""
    service_s, limit_s = 0.001, 0.006
    loads = [i / 1000 for i in range(300, 900)]
    truth = max(load for load in loads if md1_quantile(load, service_s, 0.99) <= limit_s) / service_s
    bodies = write_bodies(folder / "search", None)
    with running("rest", Script(service_s=service_s), cpu=0) as server:
        level = Level(server.url, bodies=bodies, concurrency=1, duration_s=4.0, ramp_up_s=0.5, cpus=CPUS)
        found = find_max_rate(level, 1e3 * limit_s, 0.001, 100.0, 2000.0, folder / "search-out", budget_s=75.0)
    ratio = (found["rate_rps"] or 0.0) / truth
    text = f"{found['text']}; {len(found['trials'])} levels, {found['spent_s']:.0f} s"
    return [
        Row("highest rate of a known queue", text, f"theory {truth:.0f}/s", ratio, "0.9 to 1.1", abs(ratio - 1) <= 0.1)
    ]


PARTS = {
    "http": bench_http,
    "grpc": bench_grpc,
    "open": bench_open,
    "embedded": bench_embedded,
    "queue": bench_queue,
    "worker": bench_worker,
    "cluster": bench_cluster,
    "search": bench_search,
}


def main(*parts: str) -> bool:
    """Print the table; True when every target was met."""
    missing = [tool for tool in ("wrk", "hey", "h2load", "nghttpd", "nginx") if not shutil.which(tool)]
    if missing:
        packages = "nginx-light nghttp2-client nghttp2-server wrk hey"
        print(f"bench_loadgen needs {', '.join(missing)}: apt-get install {packages}")
        return False
    print("| figure | measured | peer | ratio | target | met |\n|---|---|---|---|---|---|")
    met = True
    with tempfile.TemporaryDirectory() as name:
        for part in parts or PARTS:
            for row in PARTS[part](Path(name)):
                print(row.line(), flush=True)
                met = met and row.met is not False
    return met


if __name__ == "__main__":
    sys.exit(0 if main(*sys.argv[1:]) else 1)
