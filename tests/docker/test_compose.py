"""The bundle's compose file is accepted, and the server it describes runs on a real engine as tightly as it says."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from playbook import deploy
from playbook.deploy.sizing import Demand
from playbook.records import record
from playbook.serve import answers, client
from playbook.serve.handle import Handle
from playbook.serve.spec import choose_port
from playbook.tfserving.reference import Reference

pytestmark = [
    pytest.mark.docker,
    pytest.mark.timeout(600),
    pytest.mark.skipif(shutil.which("docker-compose") is None, reason="docker-compose is not installed"),
]


@pytest.fixture(scope="module")
def bundle(run, image, tmp_path_factory) -> Path:
    """A bundle of the exported model as a run without tuning would write it, built on the test image."""
    folder = tmp_path_factory.mktemp("composed") / "compose-test"
    shutil.copytree(run, folder)
    level = {"throughput_rps": 500.0, "latency_p99_ms": 9.0, "latency_max_ms": 30.0, "valid": True}
    for verb in ("serve", "stress"):
        (folder / f"{verb}.json").unlink(missing_ok=True)
    served = {"server": "docker", "cpus": [0], "start_s": 2.0}
    record.save(folder, "serve", params={"enable_batching": False}, results=served, verdict="up")
    stressed = {"limit_ms": 50.0, "best": level, "levels": [level]}
    record.save(folder, "stress", params={}, results=stressed, verdict="stressed")
    deploy.write(deploy.plan_of(folder, image, Demand(900.0)))
    return folder / "deploy"


def compose(bundle: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = ["docker-compose", "-p", "playbook-compose-test", "-f", str(bundle / "compose.yml"), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env={**os.environ, **environment})
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def ports():
    return {"REST_PORT": str(choose_port("rest", 0)), "GRPC_PORT": str(choose_port("grpc", 0))}


@pytest.fixture(scope="module")
def up(bundle, ports, engine):
    try:
        compose(bundle, "up", "-d", "--build", "serving", **ports)
        rest, grpc = f"http://127.0.0.1:{ports['REST_PORT']}", f"127.0.0.1:{ports['GRPC_PORT']}"
        handle = Handle(
            "docker", "digits", "/models/digits", rest, grpc, f"{rest}/monitoring/prometheus/metrics", [], []
        )
        client.wait_available(handle, 60)
        yield handle
    finally:
        compose(bundle, "down", "-t", "1")
        engine.images.remove("digits-serving:compose-test", force=True)


def test_compose_accepts_the_file(bundle):
    assert compose(bundle, "config", "--services").stdout.split() == ["serving", "prometheus", "blackbox", "grafana"]


def test_the_composed_server_answers_the_models_own_numbers(up, run):
    assert answers.parity(up, Reference.load(run), "rest", rows=16) < 1e-4
    assert answers.parity(up, Reference.load(run), "grpc", rows=16) < 1e-4


def test_it_runs_as_tightly_as_the_file_says(up, bundle, engine):
    (container,) = engine.containers.list(filters={"label": "com.docker.compose.project=playbook-compose-test"})
    host = container.attrs["HostConfig"]
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert host["NanoCpus"] == 1_000_000_000
    assert host["Sysctls"] == {"net.core.somaxconn": "1024"}
    assert host["Init"] is True
    assert container.attrs["Config"]["User"] == "65532:65532"
    bound = [entry["HostIp"] for entries in container.ports.values() for entry in entries or []]
    assert bound == ["127.0.0.1", "127.0.0.1"]
