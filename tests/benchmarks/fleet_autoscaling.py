"""A live trace of autoscaling beside its simulation: three replicas behind nginx, scaled by what Kubernetes would see.

The live side is real: containers with a CPU quota, nginx, the load generator, CPU read from the cgroups with the delay
and the averaging of a metrics server, pods that take as long to come as they take. Only the decision rule is shared
with the simulation, for it is Kubernetes' own.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from fleet_drills import held
from fleet_pods import Pods

import loadgen
from playbook.deploy import fleet, simulation
from playbook.deploy.autoscaler import METRIC_DELAY_S, SYNC_S, WINDOWS_S, Autoscaler
from playbook.monitor import resources
from playbook.serve.spec import choose_port

CORES = 0.25  # of a replica
MOST, LIMIT_MS, HEADROOM, TIMEOUT_S = 3, 500.0, 0.3, 90.0  # patient clients: what waits is answered at last
CONNECTIONS = 6000  # so that requests wait at the replicas and not in the client
CALM, PEAK = 0.5, 1.6  # of one replica's saturation
CURVE = (0.3, 0.5, 0.7, 0.8, 0.9)  # of its saturation
PARTS_S = (60, 10, 170, 120)  # calm, ramp, peak, calm again


def trace(saturation_rps: float) -> np.ndarray:
    """Requests a second for each second."""
    calm, ramp, peak, after = PARTS_S
    shares = np.concatenate(
        [np.full(calm, CALM), np.linspace(CALM, PEAK, ramp), np.full(peak, PEAK), np.full(after, CALM)]
    )
    return shares * saturation_rps


def autoscaling(pods: Pods, body: dict[str, Path], folder: Path) -> dict[str, Any]:
    """Measure one replica, hold the trace against a fleet that scales, simulate the same trace."""
    begun = time.monotonic()
    balancer = _Balancer(pods, folder)
    first = balancer.grow()
    start_s = time.monotonic() - begun
    try:
        one = _measured(balancer, body, folder)
        rates = trace(one["saturation_rps"])
        target_rps = one["slo_rps"] * (1 - HEADROOM)
        known = fleet.Pods(one["slo_rps"], one["saturation_rps"], target_rps, start_s, 1, MOST, LIMIT_MS,
                           tuple(map(tuple, one["curve"])), TIMEOUT_S, 0.0, 0.0, MOST)  # fmt: skip
        day = simulation.simulate(rates, known)
        live = _live(balancer, first, body, folder, rates, one["cpu_at_slo"] * (1 - HEADROOM))
    finally:
        balancer.end()
    simulated = {"seconds_outside": int((day.attained < 0.99).sum()), "pods": _changes(day.ready)}
    return {"replica": one, "start_s": start_s, "simulated": simulated, "live": live,
            "live_over_simulated": live["seconds_outside"] / max(simulated["seconds_outside"], 1)}  # fmt: skip


def _measured(balancer: _Balancer, body: dict[str, Path], folder: Path) -> dict[str, Any]:
    """One replica: its saturation, p99 by rate, the most inside the limit and the CPU it uses there."""
    most = held(balancer.url, body["rest"], folder, concurrency=16, duration_s=12.0, timeout_s=TIMEOUT_S)
    saturation = most["throughput_rps"]
    curve, used = [], []
    for share in CURVE:
        before, at = balancer.cpu_s(), time.monotonic()
        seen = held(balancer.url, body["rest"], folder, arrival="poisson", rate_rps=share * saturation,
                    duration_s=10.0, ramp_up_s=1.0, timeout_s=TIMEOUT_S)  # fmt: skip
        used.append((sum(balancer.cpu_s().values()) - sum(before.values())) / (time.monotonic() - at))
        curve.append((share * saturation, seen["latency_ms"]["p99"] or seen["latency_ms"]["max"]))
    inside = [place for place, (_, p99) in enumerate(curve) if p99 <= LIMIT_MS]
    if not inside:
        raise RuntimeError(f"this machine is too busy: no rate of {curve} keeps {LIMIT_MS} ms")
    best = inside[-1]
    return {"saturation_rps": saturation, "slo_rps": curve[best][0], "curve": curve, "cpu_at_slo": used[best]}


def _live(
    balancer: _Balancer, first: Any, body: dict[str, Path], folder: Path, rates: np.ndarray, cpu_target: float
) -> dict[str, Any]:
    """Hold the trace while a thread decides every fifteen seconds; seconds with more than 1 % late or failed."""
    file = folder / "trace.csv"
    file.write_text("".join(f"{second},{rate:.3f}\n" for second, rate in enumerate(rates)))
    level = loadgen.Level(balancer.url, bodies=body["rest"], arrival="trace", trace=file, duration_s=float(len(rates)),
                          ramp_up_s=0.0, timeout_s=TIMEOUT_S, check_share=0.01, connections=CONNECTIONS)  # fmt: skip
    scaling = _Scaling(balancer, cpu_target)
    scaling.start()
    seen = loadgen.hold(level, folder / "live")
    scaling.over.set()
    scaling.join()
    rows = duckdb.sql(f"SELECT scheduled_ns, done_ns, status FROM '{folder}/live/*.parquet'").fetchnumpy()
    due_s = (rows["scheduled_ns"] - seen["start_ns"]) / 1e9
    late_ms = (rows["done_ns"] - rows["scheduled_ns"]) / 1e6
    good = (rows["status"] == 200) & (late_ms <= LIMIT_MS) & (late_ms > 0)
    second = due_s.astype(int)
    offered = np.bincount(second, minlength=len(rates))[: len(rates)]
    attained = np.bincount(second, weights=good, minlength=len(rates))[: len(rates)] / np.maximum(offered, 1)
    outside = (attained < 0.99) & (offered > 0)
    return {"seconds_outside": int(outside.sum()), "pods": scaling.changes, "requests": seen["requests"],
            "errors_by_kind": seen["errors_by_kind"], "first_outside_s": int(np.argmax(outside)),
            "last_outside_s": int(len(outside) - 1 - np.argmax(outside[::-1]))}  # fmt: skip


PARENT = "playbook-drill"  # the cgroup of the replicas


def favoured() -> None:
    """Let the replicas have their quota on a machine that others use too: the quota, not the neighbours, slows them."""
    shares = Path(f"/sys/fs/cgroup/cpu/{PARENT}/cpu.shares")
    if shares.exists():
        shares.write_text("65536")


class _Balancer:
    """nginx before the replicas that are ready; it is told of each by a reload, as an ingress is."""

    def __init__(self, pods: Pods, folder: Path) -> None:
        self.pods, self.folder, self.port = pods, folder, choose_port("nginx", 0)
        self.ready: list[Any] = []
        self._trees: list[resources.ProcessTree] = []
        self.url = f"http://127.0.0.1:{self.port}/v1/models/digits:predict"
        self._nginx: subprocess.Popen | None = None

    def grow(self) -> Any:
        """One more replica, in the balancer once its port is open."""
        pod = self.pods.add("--tensorflow_intra_op_parallelism=1", nano_cpus=int(CORES * 1e9), cgroup_parent=PARENT)
        favoured()
        pod.reload()
        self.ready.append(pod)
        self._trees.append(resources.ProcessTree("server", pod.attrs["State"]["Pid"]))
        self._tell()
        return pod

    def cpu_s(self) -> dict[int, float]:
        """CPU seconds of each replica that is ready."""
        usages = [tree.sample() for tree in list(self._trees)]
        return {number: usage.cpu_s for number, usage in enumerate(usages) if usage and usage.cpu_s is not None}

    def _tell(self) -> None:
        servers = "".join(f"server {self.pods.address(pod)}:8501;" for pod in self.ready)
        (self.folder / "nginx.conf").write_text(
            f"daemon off; worker_processes 1; pid {self.folder}/nginx.pid; error_log {self.folder}/nginx.log;"
            "worker_rlimit_nofile 20000; events { worker_connections 19000; }"
            f"http {{ access_log off; upstream pods {{ {servers} keepalive 64; }}"
            f"server {{ listen 127.0.0.1:{self.port} backlog=4096; keepalive_requests 1000000; location / {{"
            "proxy_pass http://pods; proxy_http_version 1.1; proxy_set_header Connection ''; proxy_read_timeout 120s;"
            "}}}"
        )
        command = ["nice", "-n", "-10", "nginx", "-c", str(self.folder / "nginx.conf"), "-p", str(self.folder)]
        if self._nginx is None:
            self._nginx = subprocess.Popen(command)
            time.sleep(0.5)
        else:
            subprocess.run([*command, "-s", "reload"], check=True)

    def end(self) -> None:
        """End nginx; the replicas end with their network."""
        if self._nginx is not None:
            self._nginx.terminate()
            self._nginx.wait(10)


class _Scaling(threading.Thread):
    """The autoscaler's loop: CPU over target as a metrics server shows it, late and averaged."""

    def __init__(self, balancer: _Balancer, cpu_target: float) -> None:
        super().__init__(daemon=True)
        self.balancer, self.target, self.over = balancer, cpu_target, threading.Event()
        self.scaler = Autoscaler(1, MOST, 1, 1)
        self.samples: deque[tuple[float, dict[int, float]]] = deque(maxlen=200)
        self.changes: list[tuple[float, int]] = [(0.0, 1)]
        self.growing: list[threading.Thread] = []

    def run(self) -> None:
        begun, due = time.monotonic(), SYNC_S
        while not self.over.wait(1.0):
            now = time.monotonic() - begun
            self.samples.append((now, self.balancer.cpu_s()))
            if now >= due:
                due += SYNC_S
                more = self.scaler.decide(int(now), self._cpu(now) / self.target)
                for _ in range(max(more, 0)):
                    self.growing.append(threading.Thread(target=self._grow, args=(begun,), daemon=True))
                    self.growing[-1].start()
        for thread in self.growing:
            thread.join()

    def _grow(self, begun: float) -> None:
        self.balancer.grow()
        self.scaler.up = len(self.balancer.ready)
        self.changes.append((round(time.monotonic() - begun, 1), self.scaler.up))

    def _cpu(self, now: float) -> float:
        """Cores a replica used, mean over the replicas, over the window that a metrics server shows now."""
        end = now - METRIC_DELAY_S + SYNC_S
        shown = [(at, used) for at, used in self.samples if end - WINDOWS_S["cpu"] <= at <= end]
        if len(shown) < 2:
            return self.target
        (start, first), (stop, last) = shown[0], shown[-1]
        known = first.keys() & last.keys()
        return sum(last[number] - first[number] for number in known) / (stop - start) / max(len(known), 1)


def _changes(ready: np.ndarray) -> list[tuple[int, int]]:
    places = np.flatnonzero(np.diff(ready)) + 1
    return [(0, int(ready[0])), *((int(place), int(ready[place])) for place in places)]
