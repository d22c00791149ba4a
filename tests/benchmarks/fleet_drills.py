"""Drills of a deployment, each held as it was shipped before and as it ships now: threads, addresses, drain, proxy."""

from __future__ import annotations

import contextlib
import io
import subprocess
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fleet_pods import Pods

import loadgen
from playbook.deploy.server_flags import AGE_S
from playbook.monitor import resources
from playbook.serve import containers

BEFORE = "588b984^"  # the last commit before deploy had drills
ONE_ADDRESS = "34efefd^"  # the last load generator that asked the first address of a name
# The drain of the bundle in a tenth of its time: nodes hear of it, gRPC connections end, the slowest answer.
SCALE = 10
PICK_FIRST = """
import glob, grpc, time
with grpc.insecure_channel("pods:8500") as channel:
    ask = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
    body, end = open(sorted(glob.glob("/bodies/*.body"))[0], "rb").read(), time.monotonic() + 4
    while time.monotonic() < end:
        ask(body, timeout=10)
"""
RATES = {"rest": 400, "grpc": 100}  # more over REST, so that something is under way when a pod ends
HEARD_S, SLOWEST_S = 15 / SCALE, 1.0


def held(url: str, bodies: Path, folder: Path, **level: Any) -> dict[str, Any]:
    """A level from this machine."""
    return loadgen.hold(loadgen.Level(url, bodies=bodies, **level), folder / f"rows-{time.monotonic_ns()}")


def counted(seen: dict[str, Any]) -> dict[str, Any]:
    """Of a level: requests, failures, and the requests by address."""
    return {"requests": seen["requests"], "failed": seen["errors"], "by_kind": seen["errors_by_kind"],
            "addresses": sorted((seen.get("addresses") or {}).values())}  # fmt: skip


def grpc_threads(pods: Pods, bodies: dict[str, Path], folder: Path) -> dict[str, Any]:
    """Eight gRPC clients against the thread count of before (4) and of a record with 65 REST threads."""
    out = {}
    for when, threads in (("before", 4), ("after", 65)):
        pod = pods.add(f"--grpc_max_threads={threads}")
        seen = held(f"{pods.address(pod)}:8500", bodies["grpc"], folder, protocol="grpc", concurrency=8,
                    duration_s=4.0, ramp_up_s=0.5)  # fmt: skip
        out[when] = {"threads": threads, **counted(seen)}
        pods.leave(pod)
        pods.end(pod)
    return out


def addresses(pods: Pods, bodies: dict[str, Path], folder: Path) -> dict[str, Any]:
    """Two containers under one name: requests by address, with the load generator of before and of now."""
    two = [pods.add("--grpc_max_threads=64") for _ in range(2)]
    old = _of_commit(ONE_ADDRESS, folder)
    out: dict[str, Any] = {}
    for protocol in ("rest", "grpc"):
        words = ("--rate=200", "--duration=4", "--ramp-up=0")
        start = [_answered(pod) for pod in two]
        if protocol == "rest":
            pods.load(protocol, bodies[protocol], *words, source=old)
        else:  # the generator of before cannot speak to today's server: grpc's own client, as most people use it
            pods.python(("-c", PICK_FIRST), {str(bodies[protocol]): "/bodies"})
        middle = [_answered(pod) for pod in two]
        now = pods.load(protocol, bodies[protocol], *words)
        # The generator of before counts no addresses: the servers' own counters say it.
        out[protocol] = {"before": {"addresses": [int(b - a) for a, b in zip(start, middle, strict=True)]},
                         "after": counted(now)}  # fmt: skip
    for pod in two:
        pods.leave(pod)
        pods.end(pod)
    return out


def _answered(pod: Any) -> float:
    """Predictions a pod has answered, by its own counter."""
    script = (
        "exec 3<>/dev/tcp/127.0.0.1/8501; printf 'GET /monitoring/prometheus/metrics HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3"
    )
    page = pod.exec_run(["bash", "-c", script]).output.decode()
    lines = [line for line in page.splitlines() if line.startswith(":tensorflow:serving:request_count{")]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def _of_commit(commit: str, folder: Path) -> Path:
    root = Path(__file__).resolve().parents[2]
    packed = subprocess.run(["git", "archive", commit, "lib/loadgen"], cwd=root, capture_output=True, check=True)
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as tar:
        tar.extractall(folder / "old", filter="data")
    return folder / "old" / "lib"


def drain(pods: Pods, bodies: dict[str, Path], folder: Path) -> dict[str, Any]:
    """A pod leaves the name, drains and is killed while a third has come: what clients lose, before and after.

    All times are a tenth of the bundle's. REST clients that never close are cut either way, for the server closes no
    connection; those of a proxy that gives a connection up in time are not.
    """
    age_ms = AGE_S * 1000 // SCALE
    ages = f"--grpc_channel_arguments=grpc.max_connection_age_ms={age_ms},grpc.max_connection_age_grace_ms=1000"
    drained_s = HEARD_S + 1.1 * age_ms / 1e3 + SLOWEST_S
    return {
        "grpc": {"before": _drained(pods, bodies, "grpc", [], 5 / SCALE + SLOWEST_S),
                 "after": _drained(pods, bodies, "grpc", [ages], drained_s)},
        "rest": {"kept for ever": _drained(pods, bodies, "rest", [ages], drained_s)},
        "drained_s": {"before": 5 / SCALE + SLOWEST_S, "after": drained_s},
    }  # fmt: skip


def _drained(pods: Pods, bodies: dict[str, Path], protocol: str, flags: list[str], drained_s: float) -> dict[str, Any]:
    first, second = (pods.add("--grpc_max_threads=64", *flags) for _ in range(2))
    seen: dict[str, Any] = {}
    words = (f"--rate={RATES[protocol]}", "--duration=16", "--ramp-up=0")
    loading = threading.Thread(target=lambda: seen.update(pods.load(protocol, bodies[protocol], *words)))
    loading.start()
    time.sleep(4)
    third = pods.add("--grpc_max_threads=64", *flags)
    pods.leave(first)
    time.sleep(drained_s)
    pods.end(first)
    loading.join()
    for pod in (second, third):
        pods.leave(pod)
        pods.end(pod)
    return counted(seen)


def proxy(spec: Any, bodies: dict[str, Path], folder: Path) -> dict[str, Any]:
    """CPU of Docker's user-land proxy for a request, and the rate of eight clients, with it and without."""
    ports = containers.choose_port("rest_api_port", 0), containers.choose_port("port", 0)
    (folder / "monitoring.config").write_text(spec.config_files()["monitoring.config"])
    handle = containers.start(spec, folder, folder, *ports, name="proxied")
    try:
        containers.control.wait_available(handle, 60)
        pid = resources.proxy_pid(ports[0])
        tree = resources.ProcessTree("proxy", pid) if pid else None
        out = {}
        for when, place in (("before", f"127.0.0.1:{ports[0]}"), ("after", handle.rest_url.removeprefix("http://"))):
            begun = _cpu_s(tree)
            seen = held(f"http://{place}/v1/models/digits:predict", bodies["rest"], folder, concurrency=8,
                        duration_s=4.0, ramp_up_s=0.0)  # fmt: skip
            used = (_cpu_s(tree) - begun) / max(seen["requests"], 1)
            out[when] = {"requests_s": seen["throughput_rps"], "p50_ms": seen["latency_ms"]["p50"],
                         "proxy_us_a_request": used * 1e6}  # fmt: skip
        return out
    finally:
        containers.stop(handle.container)


def _cpu_s(tree: Any) -> float:
    usage = tree.sample() if tree else None
    return usage.cpu_s if usage and usage.cpu_s else 0.0


@contextlib.contextmanager
def timed(what: str) -> Iterator[None]:
    """Say how long a drill took."""
    begun = time.monotonic()
    yield
    print(f"{what}: {time.monotonic() - begun:.0f} s", flush=True)
