"""Other load generators, each run as its users run it, on one core. One window each; failures raise."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from server_setting import CLIENT_CORE, pinned

from loadgen.workers.own_core import REALTIME

UNIT_MS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


@dataclass(frozen=True)
class Window:
    """What one window measured: requests a second, latency in ms, client CPU in microseconds a request."""

    rate_rps: float
    p50_ms: float | None = None
    p99_ms: float | None = None
    cpu_micros: float | None = None


def run(command: list[str], seconds: float) -> tuple[str, float]:
    """Run a client on the client's core; its output and the CPU seconds it used."""
    first = ["chrt", "--fifo", str(REALTIME)] if os.geteuid() == 0 else []  # as a worker of loadgen goes
    before = os.times()
    done = subprocess.run(
        pinned([*first, *command], CLIENT_CORE), capture_output=True, text=True, timeout=seconds + 60, check=False
    )
    after = os.times()
    assert done.returncode == 0, f"{command[0]}: {done.stderr[-500:]}{done.stdout[-500:]}"
    return done.stdout, after.children_user + after.children_system - before.children_user - before.children_system


def wrk(url: str, body: Path, seconds: float, connections: int = 32) -> Window:
    """wrk, one thread."""
    script = body.with_suffix(".lua")
    script.write_text(f'wrk.method="POST"; local f=io.open("{body}"); wrk.body=f:read("*a")')
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}", "--latency", "-s", str(script), url]
    out, cpu_s = run(command, seconds)
    assert "Non-2xx" not in out, out
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])
    times = {share: re.search(rf"{share}%\s+([\d.]+)(us|ms|s)", out).groups() for share in (50, 99)}
    p50, p99 = (float(times[share][0]) * UNIT_MS[times[share][1]] for share in (50, 99))
    return Window(rate, p50, p99, 1e6 * cpu_s / (rate * seconds))


def hey(url: str, body: Path, seconds: float, connections: int = 32) -> Window:
    """hey, one processor."""
    command = ["hey", "-cpus", "1", "-c", str(connections), "-z", f"{seconds:.0f}s", "-m", "POST", "-D", str(body), url]
    out, cpu_s = run(command, seconds)
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])
    p50, p99 = (1e3 * float(re.search(rf"{share}% in ([\d.]+) secs", out)[1]) for share in (50, 99))
    return Window(rate, p50, p99, 1e6 * cpu_s / (rate * seconds))


LOCUST = """
from locust import FastHttpUser, constant, task
BODY = open({body!r}, "rb").read()
class User(FastHttpUser):
    wait_time = constant(0)
    @task
    def predict(self):
        self.client.post({path!r}, data=BODY)
"""


def locust(url: str, body: Path, seconds: float, users: int = 32) -> Window:
    """Locust's FastHttpUser, headless."""
    host, path = re.match(r"(http://[^/]+)(/.*)", url).groups()
    file = body.with_name("locustfile.py")
    file.write_text(LOCUST.format(body=str(body), path=path))
    command = [sys.executable, "-m", "locust", "-f", str(file), "--headless", "-u", str(users), "-r", str(users)]
    out, cpu_s = run([*command, "-t", f"{seconds:.0f}s", "-H", host, "--json"], seconds)
    found = json.loads(out[out.index("[") :])[0]
    assert found["num_failures"] == 0, out
    spent_s = found["last_request_timestamp"] - found["start_time"]
    return Window(found["num_requests"] / spent_s, cpu_micros=1e6 * cpu_s / found["num_requests"])


REQUESTS = """
import sys, time, requests
from concurrent.futures import ThreadPoolExecutor
url, body, seconds, threads = sys.argv[1], open(sys.argv[2], "rb").read(), float(sys.argv[3]), 32
until = time.monotonic() + seconds
def ask(_):
    count = 0
    with requests.Session() as session:
        while time.monotonic() < until:
            session.post(url, data=body).raise_for_status()
            count += 1
    return count
with ThreadPoolExecutor(threads) as pool:
    print(sum(pool.map(ask, range(threads))))
"""

GRPC_AIO = """
import asyncio, sys, time, grpc
target, body, seconds = sys.argv[1], open(sys.argv[2], "rb").read(), float(sys.argv[3])
async def main():
    until = time.monotonic() + seconds
    async with grpc.aio.insecure_channel(target) as channel:
        call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
        async def ask():
            count = 0
            while time.monotonic() < until:
                await call(body)
                count += 1
            return count
        print(sum(await asyncio.gather(*(ask() for _ in range(32)))))
asyncio.run(main())
"""


def script(code: str, target: str, body: Path, seconds: float) -> Window:
    """A Python client that prints how many requests it made in the window."""
    out, cpu_s = run([sys.executable, "-c", code, target, str(body), str(seconds)], seconds)
    count = int(out)
    return Window(count / seconds, cpu_micros=1e6 * cpu_s / count)


def h2load(target: str, body: Path, seconds: float) -> Window:
    """h2load: 16 connections, two streams each, gRPC headers and a gRPC-framed body; replies are not looked at."""
    framed = body.with_suffix(".framed")
    message = body.read_bytes()
    framed.write_bytes(b"\0" + len(message).to_bytes(4, "big") + message)
    headers = ["-H", "content-type: application/grpc", "-H", "te: trailers"]
    url = f"http://{target}/tensorflow.serving.PredictionService/Predict"
    command = ["h2load", "-t1", "-c16", "-m2", f"-D{seconds:.0f}", "-d", str(framed), *headers, url]
    out, cpu_s = run(command, seconds)
    rate = float(re.search(r"finished in [\d.]+s, ([\d.]+) req/s", out)[1])
    return Window(rate, cpu_micros=1e6 * cpu_s / (rate * seconds))
