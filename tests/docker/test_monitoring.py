"""A real Prometheus scrapes the embedded server by the bundle's files: rules pass, panels have data, alarms ring."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
import yaml

import loadgen
from playbook.deploy import bundle, context, manifest_numbers
from playbook.deploy.runbook import RUNBOOK
from playbook.deploy.sizing import FULL
from playbook.records.cited import Cited
from playbook.serve import serve
from playbook.serve.spec import ServerSpec, choose_port
from playbook.tfserving.batching import Batching
from playbook.tfserving.reference import Reference
from playbook.tfserving.requests import write_bodies

pytestmark = [
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="Debian's prometheus is not installed"),
    pytest.mark.timeout(300),
]
NAMES = {
    "model_name": "digits",
    "name": "digits",
    "metrics_path": "/monitoring/prometheus/metrics",
    "limit_ms": Cited(50, "stress.json results.limit_ms"),
    "limit_bucket": context.bucket_inside(50),
    "rate_rps": Cited(50.0, "tune.json results.best.rate_rps"),
    "full": FULL,
    "throttled_limit": manifest_numbers.THROTTLED,
    "sizing": SimpleNamespace(planned_rps=Cited(35.0, "test"), cpu_limit=Cited(1, "test")),
    "grpc_target": "serving:8500",
    "blackbox": "blackbox:9115",
    "probe_body": "{}",
}
CADVISOR = "container_cpu"  # of a cluster's kubelets: not here
PROBE = "probe_"


def rendered(folder: Path, target: str, **more: str) -> Path:
    """The monitoring templates alone, filled for one server and for quick scrapes."""
    texts = bundle.render_only("monitoring/", {**NAMES, "target": target, **more})
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("_interval: 5s", "_interval: 1s"))
    return folder / "monitoring"


@pytest.fixture(scope="module")
def server(run, tmp_path_factory):
    batching = Batching(max_batch_size=8, batch_timeout_micros=500, num_batch_threads=1, allowed_batch_sizes=(1, 4, 8))
    spec = ServerSpec("digits", run / "models" / "digits", batching=batching, rest_api_num_threads=17)
    with serve.running(spec, tmp_path_factory.mktemp("monitored")) as handle:
        yield handle


@pytest.fixture(scope="module")
def prometheus(server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("prometheus")
    config = rendered(folder, server.rest_url.removeprefix("http://"))
    port = choose_port("prometheus", 0)
    words = ["prometheus", f"--config.file={config}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address=127.0.0.1:{port}"]  # fmt: skip
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def loaded(server, prometheus, run, tmp_path_factory):
    """Load for long enough that rates over a minute have two samples."""
    await_query(prometheus, 'up{job="serving"} == 1')
    folder = tmp_path_factory.mktemp("load")
    bodies = write_bodies(folder / "bodies", Reference.load(run), count=16)
    level = loadgen.Level(
        url=server.predict_url, bodies=bodies, arrival="closed", concurrency=8, duration_s=6, ramp_up_s=0
    )
    assert loadgen.hold(level, folder / "rows")["requests"] > 100
    return prometheus


def query(prometheus: str, expr: str) -> list:
    reply = requests.get(f"{prometheus}/api/v1/query", params={"query": expr}, timeout=5).json()
    assert reply["status"] == "success", f"{expr}: {reply}"
    return reply["data"]["result"]


def await_query(prometheus: str, expr: str, timeout_s: float = 90.0) -> list:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        try:
            if found := query(prometheus, expr):
                return found
        except requests.RequestException:  # not up yet, or too busy
            pass
        time.sleep(0.2)
    raise AssertionError(f"Prometheus has no data for {expr} after {timeout_s} s")


def queries() -> list[str]:
    text = bundle.render_only("monitoring/grafana/dashboards/", NAMES)["monitoring/grafana/dashboards/serving.json"]
    return [target["expr"] for panel in json.loads(text)["panels"] for target in panel["targets"]]


@pytest.mark.parametrize("expr", [expr for expr in queries() if CADVISOR not in expr and PROBE not in expr])
def test_every_query_of_the_dashboard_returns_data(loaded, expr):
    values = [float(series["value"][1]) for series in await_query(loaded, expr)]
    assert all(value == value for value in values), f"{expr} is not a number: {values}"


def test_the_panels_say_what_the_load_was(loaded):
    (rows,) = (expr for expr in queries() if "processed_batch_size_count" in expr)
    assert 1 <= float(query(loaded, rows)[0]["value"][1]) <= 8
    assert sum(float(series["value"][1]) for series in query(loaded, queries()[0])) > 10


def test_prometheus_has_taken_the_rules_and_none_is_broken(loaded):
    groups = requests.get(f"{loaded}/api/v1/rules", timeout=5).json()["data"]["groups"]
    rules = {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}
    assert set(rules) == {alert for alert, _ in RUNBOOK}
    assert set(rules.values()) <= {"ok", "unknown"}


def test_promtool_accepts_config_and_rules(tmp_path):
    config = rendered(tmp_path, "serving:8501")
    done = subprocess.run(["promtool", "check", "config", config / "prometheus.yml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "13 rules found" in done.stdout + done.stderr


def test_grafana_is_provisioned_with_the_source_its_panels_name(tmp_path):
    folder = rendered(tmp_path, "serving:8501") / "grafana"
    source = yaml.safe_load((folder / "provisioning/datasources/prometheus.yml").read_text())["datasources"][0]
    panels = json.loads((folder / "dashboards/serving.json").read_text())["panels"]
    board = json.loads((folder / "dashboards/serving.json").read_text())
    assert {panel["datasource"]["uid"] for panel in panels} == {"${datasource}"}
    assert [(choice["name"], choice["query"]) for choice in board["templating"]["list"]] == [
        ("datasource", source["type"])
    ]
    assert len({panel["id"] for panel in panels}) == len(panels)
