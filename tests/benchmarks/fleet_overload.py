"""A real overload under a real Prometheus: which alert rings and when, what the server's own clock says meanwhile, and
what probes of the kind shipped before and shipped now answer."""

from __future__ import annotations

import http.server
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import requests
from fleet_drills import held
from fleet_pods import Pods

import loadgen
from playbook.deploy import bundle, context
from playbook.deploy.plan import DeployPlan
from playbook.monitor import resources
from playbook.records.cited import Cited
from playbook.serve.spec import choose_port

CORES = 0.25  # of the pod: on a small machine its clients need the rest
CALM_S, OVERLOAD_S, TIMES = 60.0, 180.0, 1.6
LIMIT_MS = 500.0  # a pod of a quarter core is stopped for up to 75 ms in each 100: the promise is one it can keep
CONNECTIONS, TIMEOUT_S = 4000, 120.0  # many clients, and patient ones: nothing but the wait grows
SERIES = (
    ":tensorflow:serving:request_(count|latency_bucket|latency_count)|up|probe_(success|duration_seconds)|container_.+"
)
SKIPPED = {f"{10 * 1.8**power:.6g}" for power in (*range(12), *range(26, 33))}  # buckets that hold nothing or all
STEP_S = 15
EVERY_S = 5.0  # kubelet's probes, and compose's scrapes
BUCKETS = ':tensorflow:serving:request_latency_bucket{API=~"[Pp]redict"}'
P99 = f"histogram_quantile(0.99, sum by (le) (rate({BUCKETS}[1m]))) / 1000"


def overload(pods: Pods, bodies: dict[str, Path], folder: Path, plan: DeployPlan) -> dict[str, Any]:
    """Half the measured capacity for a minute, then 2.5 times it for three."""
    threads = int(plan.replica.config["rest_api_num_threads"].value or 8)
    pod = pods.add(f"--rest_api_num_threads={threads}", nano_cpus=int(CORES * 1e9))
    url = f"http://{pods.address(pod)}:8501/v1/models/digits:predict"
    calm = held(url, bodies["rest"], folder, concurrency=16, duration_s=10.0)
    capacity = calm["throughput_rps"]  # with sixteen clients: near what it can at most
    with _monitored(pods.address(pod), pod, folder, plan, capacity) as prometheus:
        _await(prometheus)
        seen: dict[str, Any] = {}
        watch = _Watch(prometheus, pods.address(pod))
        watch.start()
        before = _load(url, bodies, folder, 0.5 * capacity, CALM_S)
        quiet, watch.alerts = dict(watch.alerts), {}
        watch.begun = time.monotonic()
        hard = _load(url, bodies, folder, TIMES * capacity, OVERLOAD_S)
        watch.stop()
        history = _history(prometheus, CALM_S + OVERLOAD_S)
        seen["alerts_in_calm"], seen["alerts_s"] = quiet, watch.alerts
    pods.leave(pod)
    pods.end(pod)
    return {
        "capacity_rps": capacity, "offered_rps": TIMES * capacity, "answered_rps": hard["throughput_rps"],
        "client_p99_ms": {"calm": before["latency_ms"]["p99"], "overload": hard["latency_ms"]["p99"]},
        "failed": {"calm": before["errors"], "overload": hard["errors"], "by_kind": hard["errors_by_kind"]},
        "server_p99_ms_most": max(watch.p99_ms, default=None), "scrapes_failed": watch.scrapes_failed,
        "probes": watch.probed(), "limit_ms": LIMIT_MS, "cores": CORES, **seen, "history": history,
    }  # fmt: skip


def _load(url: str, bodies: dict[str, Path], folder: Path, rate_rps: float, duration_s: float) -> dict[str, Any]:
    level = loadgen.Level(url, bodies=bodies["rest"], arrival="poisson", rate_rps=rate_rps, duration_s=duration_s,
                          ramp_up_s=0.0, check_share=0.01, connections=CONNECTIONS, timeout_s=TIMEOUT_S)  # fmt: skip
    return loadgen.hold(level, folder / f"rows-{time.monotonic_ns()}")


class _Watch(threading.Thread):
    """Every five seconds: what rings, what the server's clock says, and two kinds of readiness probe."""

    def __init__(self, prometheus: str, address: str) -> None:
        super().__init__(daemon=True)
        self.prometheus, self.address, self.begun, self.over = prometheus, address, time.monotonic(), threading.Event()
        self.alerts: dict[str, float] = {}
        self.p99_ms: list[float] = []
        self.scrapes_failed = 0
        self.answers: dict[str, list[bool]] = {"status request, 3 s (before)": [], "open port, 3 s (after)": []}

    def run(self) -> None:
        while not self.over.wait(EVERY_S):
            for alert in _get(self.prometheus, "alerts")["alerts"]:
                if alert["state"] == "firing":
                    since = round(time.monotonic() - self.begun, 1)
                    self.alerts.setdefault(alert["labels"]["alertname"], since)
            self.p99_ms += [float(row["value"][1]) for row in _query(self.prometheus, P99) if row["value"][1] != "NaN"]
            up = _query(self.prometheus, 'up{job="serving"}')
            self.scrapes_failed += bool(up and up[0]["value"][1] == "0")
            self._probe()

    def _probe(self) -> None:
        before, after = self.answers.values()
        try:
            page = requests.get(f"http://{self.address}:8501/v1/models/digits", timeout=3)
            before.append("AVAILABLE" in page.text)
        except requests.RequestException:
            before.append(False)
        try:
            with __import__("socket").create_connection((self.address, 8500), timeout=3):
                after.append(True)
        except OSError:
            after.append(False)

    def stop(self) -> None:
        """End and wait for it."""
        self.over.set()
        self.join()

    def probed(self) -> dict[str, Any]:
        """By kind: probes, failures, and the longest row of failures: three took the pod out of its Service before."""
        return {kind: {"probes": len(row), "failed": row.count(False), "longest_row": _longest(row)}
                for kind, row in self.answers.items()}  # fmt: skip


def _longest(row: list[bool]) -> int:
    longest = now = 0
    for good in row:
        now = 0 if good else now + 1
        longest = max(longest, now)
    return longest


@contextmanager
def _monitored(address: str, pod: Any, folder: Path, plan: DeployPlan, capacity: float) -> Iterator[str]:
    """Prometheus and the blackbox exporter by the bundle's own files, and this pod's cgroup under cAdvisor's names."""
    ports = {name: choose_port(name, 0) for name in ("prometheus", "blackbox", "cadvisor")}
    of_drill = {"rate_rps": Cited(capacity, "this drill"), "limit_ms": Cited(LIMIT_MS, "this drill")}
    measured = replace(plan, replica=replace(plan.replica, **of_drill))
    measured = replace(measured, sizing=replace(plan.sizing, planned_rps=Cited(0.7 * capacity, "this drill"),
                                                  cpu_limit=Cited(CORES, "this drill")))  # fmt: skip
    names = {**context.of(measured), "target": f"{address}:8501", "grpc_target": f"{address}:8500",
             "blackbox": f"127.0.0.1:{ports['blackbox']}"}  # fmt: skip
    for name, text in bundle.render_only("monitoring/", names).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    config = folder / "monitoring" / "prometheus.yml"
    config.write_text(f"{config.read_text()}  - job_name: kubelet\n    static_configs: "
                      f"[{{targets: ['127.0.0.1:{ports['cadvisor']}']}}]\n")  # fmt: skip
    words = [["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/tsdb",
              f"--web.listen-address=127.0.0.1:{ports['prometheus']}"],
             ["prometheus-blackbox-exporter", f"--config.file={folder}/monitoring/blackbox.yml",
              f"--web.listen-address=127.0.0.1:{ports['blackbox']}"]]  # fmt: skip
    cadvisor = _cgroup_page(pod, ports["cadvisor"])
    with (folder / "monitoring.log").open("w") as log:
        processes = [subprocess.Popen(command, stdout=log, stderr=log) for command in words]
    try:
        yield f"http://127.0.0.1:{ports['prometheus']}"
    finally:
        cadvisor.shutdown()
        for process in processes:
            process.terminate()
            process.wait(10)


def _cgroup_page(pod: Any, port: int) -> http.server.ThreadingHTTPServer:
    """The kernel's counters of a container's cgroup, named and labelled as a kubelet's cAdvisor names them."""
    pod.reload()
    pid = pod.attrs["State"]["Pid"]
    tree = resources.ProcessTree("server", pid)

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            from playbook.deploy import use

            counts, labels = use.quota(pid), '{container="serving",pod="digits-drill"}'
            usage = tree.sample()
            text = (
                f"container_cpu_cfs_periods_total{labels} {counts.get('nr_periods', 0)}\n"
                f"container_cpu_cfs_throttled_periods_total{labels} {counts.get('nr_throttled', 0)}\n"
                f"container_cpu_usage_seconds_total{labels} {usage.cpu_s if usage else 0}\n"
            ).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def _get(prometheus: str, what: str, **params: str) -> Any:
    return requests.get(f"{prometheus}/api/v1/{what}", params=params, timeout=5).json()["data"]


def _query(prometheus: str, expr: str) -> list[dict[str, Any]]:
    return _get(prometheus, "query", query=expr)["result"]


def _history(prometheus: str, length_s: float) -> dict[str, str]:
    """What was scraped, as promtool takes it: series and their values, one every fifteen seconds."""
    now, out = time.time(), {}
    rows = _get(prometheus, "query_range", query=f'{{__name__=~"{SERIES}"}}', start=f"{now - length_s}", end=f"{now}",
                step=f"{STEP_S}")["result"]  # fmt: skip
    for row in rows:
        labels = {name: value for name, value in row["metric"].items() if name not in ("__name__", "instance")}
        if labels.get("job") == "prometheus" or labels.get("le") in SKIPPED:
            continue
        known = {round((at - now + length_s) / STEP_S): value for at, value in row["values"]}
        key = row["metric"]["__name__"] + "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}"
        out[key] = " ".join(known.get(place, "_") for place in range(int(length_s / STEP_S) + 1))
    return dict(sorted(out.items()))


def _await(prometheus: str, timeout_s: float = 60.0) -> None:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        try:
            if _query(prometheus, 'up{job="serving"} == 1'):
                return
        except requests.RequestException:
            pass
        time.sleep(0.5)
    raise RuntimeError(f"Prometheus did not scrape the pod within {timeout_s:.0f} s")
