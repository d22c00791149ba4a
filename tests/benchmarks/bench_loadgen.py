"""The load generator beside its peers. `python tests/benchmarks/bench_loadgen.py [PART ...]`.

Parts: `http` (nginx as a null server: wrk, hey, Locust FastHttpUser, a requests thread pool), `grpc` (nghttpd: h2load,
grpc.aio), `open` (20,000 a second on one core), `embedded` (the model server: wrk), `worker` (start, memory, ten
million rows), `cluster` (one and two Dask workers), `search` (the highest rate of a queue whose theory is known).
Server on core 0, client on core 1, 32 connections, body of one 784-float row; peers interleaved, medians of
BENCH_ROUNDS (3) windows of BENCH_WINDOW_S (4) seconds. Needs the Debian packages nginx-light, nghttp2, wrk and hey.
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
from pathlib import Path
from statistics import median

from bench_model_server import CLIENT_CORE, WINDOW_S, Row, embedded, make_models, process, rest_body
from loadgen_peers import GRPC_AIO, REQUESTS, Window, h2load, hey, locust, script, wrk

from loadgen import Level, dask_crew, find_max_rate, hold
from loadgen.queueing import md1_quantile
from loadgen.script import Script
from loadgen.scripted import running

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
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


def interleaved(clients: dict[str, Callable[[], Window]]) -> dict[str, Window]:
    """Every client in turn, ROUNDS times; the window with the median rate of each, its CPU the median too."""
    seen: dict[str, list[Window]] = {name: [] for name in clients}
    for _ in range(ROUNDS):
        for name, client in clients.items():
            seen[name].append(client())
    return {name: medians(windows) for name, windows in seen.items()}


def medians(windows: list[Window]) -> Window:
    """Figure by figure."""
    columns = zip(*((w.rate_rps, w.p50_ms, w.p99_ms, w.cpu_micros) for w in windows), strict=True)
    return Window(*(None if None in column else median(column) for column in columns))


def told(window: Window) -> str:
    return f"{window.rate_rps:,.0f}/s, {window.cpu_micros:.1f} us CPU each"


def against(figure: str, mine: Window, other: Window, name: str, target: float | None) -> Row:
    """A ratio of rates."""
    ratio = mine.rate_rps / other.rate_rps
    aim = f">= {target:g}" if target else ""
    return Row(figure, told(mine), f"{name} {told(other)}", ratio, aim, None if target is None else ratio >= target)


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
        found = interleaved(
            {
                "loadgen": lambda: ours(target, body, folder, protocol="grpc")[0],
                "grpc.aio": lambda: script(GRPC_AIO, target, body, WINDOW_S),
                "h2load": lambda: h2load(target, body, WINDOW_S),
            }
        )
    mine = found.pop("loadgen")
    with running("grpc", cpu=0) as server:
        own = medians([ours(server.url, body, folder, protocol="grpc")[0] for _ in range(ROUNDS)])
    rows = [Row("gRPC on nghttpd", told(mine), "", None, ">= 40,000/s", mine.rate_rps >= 40_000)]
    rows.append(Row("gRPC on the scripted server", told(own), "", None, ">= 40,000/s", own.rate_rps >= 40_000))
    return rows + [against("gRPC on nghttpd", mine, w, n, {"grpc.aio": 4}.get(n)) for n, w in found.items()]


def bench_open(folder: Path) -> list[Row]:
    """Lateness at 20,000 a second."""
    bodies = write_bodies(folder / "open", None)
    rows = []
    with nginx(folder) as url, nghttpd(folder) as target:
        for protocol, address in (("rest", url), ("grpc", target)):
            how = {"protocol": protocol, "arrival": "poisson", "rate_rps": 20_000.0, "concurrency": None}
            found = [ours(address, bodies, folder, connections=100, **how)[1] for _ in range(ROUNDS)]
            p50, late = (median(s["lateness_us"][share] or float("inf") for s in found) for share in ("p50", "p99"))
            cpu = median(s["client_cpu_share"] for s in found)
            text = f"p50 {p50:.0f} us, p99 {late:.0f} us, {cpu:.0%} of a core"
            rows.append(Row(f"lateness at 20,000/s, {protocol}", text, "", None, "p99 <= 100 us", late <= 100))
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
            }
        )
    mine, other = found["loadgen"], found["wrk"]
    rows = [against("embedded server, 32 connections", mine, other, "wrk", 0.95)]
    for name, a, b in (("p50", mine.p50_ms, other.p50_ms), ("p99", mine.p99_ms, other.p99_ms)):
        text = f"{a:.2f} ms", f"wrk {b:.2f} ms"
        rows.append(Row(f"embedded server, {name}", *text, a / b, "0.9 to 1.1", 0.9 <= a / b <= 1.1))
    return rows


FILL = """
import json, sys, time
from array import array
import numpy as np
from loadgen.rows import Recorder, Rows, pack
from loadgen.worker import memory_mb
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
    from loadgen.summary import describe
    words = np.empty((count, 4), np.int64)
    words[:, 0] = np.arange(count) * 1000
    words[:, 1] = words[:, 0] + 20_000
    words[:, 2] = words[:, 0] + 5_000_000 + np.random.default_rng(1).integers(0, 10**6, count)
    words[:, 3] = pack(0, 200, 30)
    rows = Rows(words, np.zeros(count, np.int16))
    write_requests(Path(sys.argv[3]), rows, 0)
    describe(rows, 0, count / 1e6)
print(memory_mb())
"""


def bench_worker(folder: Path) -> list[Row]:
    """Start and memory of a worker; ten million rows in a worker and in the parent."""
    spent, memory = [], []
    for _ in range(2 * ROUNDS):
        began = time.monotonic()
        code = "import loadgen.worker as w; print(w.memory_mb())"
        memory.append(float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout))
        spent.append(time.monotonic() - began)
    rows = [
        Row("worker starts in", f"{median(spent):.2f} s", "", None, "<= 0.5 s", median(spent) <= 0.5),
        Row("worker's memory", f"{median(memory):.0f} MB", "", None, "<= 100 MB", median(memory) <= 100),
    ]
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
            summary = hold(level, folder, crew=dask_crew(cluster.scheduler_address, workers))
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
    "worker": bench_worker,
    "cluster": bench_cluster,
    "search": bench_search,
}


def main(*parts: str) -> bool:
    """Print the table; True when every target was met."""
    missing = [tool for tool in ("wrk", "hey", "h2load", "nghttpd", "nginx") if not shutil.which(tool)]
    if missing:
        print(f"bench_loadgen needs {', '.join(missing)}: apt-get install nginx-light nghttp2 wrk hey")
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
