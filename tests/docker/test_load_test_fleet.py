"""The load-test Job asks every pod: two containers under one name, as a headless Service names its pods."""

from __future__ import annotations

import json
import sysconfig
from contextlib import contextmanager
from pathlib import Path

import certificates
import pytest

import docker
import loadgen
from playbook.tfserving.reference import Reference
from playbook.tfserving.requests import write_bodies

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]
FLAGS = [
    "--grpc_max_threads=1024",  # with few, what comes while a busy machine stands still is refused (RESOURCE_EXHAUSTED)
    "--grpc_channel_arguments=grpc.max_connection_age_ms=1000,grpc.max_connection_age_grace_ms=1000",
]
WHERE = {"rest": "http://pods:8501/v1/models/digits:predict", "grpc": "grpc://pods:8500"}


@pytest.fixture(scope="module")
def network(engine):
    made = engine.networks.create("playbook-fleet-test", driver="bridge")
    yield made
    made.remove()


def pod(engine, image, network, run, name, alias="pods", pems=None):
    """A server that answers to `pods` as well as to its own name; with `pems` its gRPC port speaks TLS."""
    model = {str((run / "models" / "digits").resolve()): {"bind": "/models/digits", "mode": "ro"}}
    flags = [*FLAGS, "--ssl_config_file=/etc/serving-tls/ssl.config"] if pems else FLAGS
    secret = {str(pems): {"bind": "/etc/serving-tls", "mode": "ro"}} if pems else {}
    container = engine.containers.create(
        image, flags, environment={"MODEL_NAME": "digits"}, volumes=model | secret, name=name, init=True
    )
    network.connect(container, aliases=[alias])
    container.start()
    return container


@pytest.fixture(scope="module")
def pods(engine, image, network, run):
    with up(lambda number: pod(engine, image, network, run, f"playbook-fleet-test-{number}")) as containers:
        yield containers


@contextmanager
def up(start):
    """Two containers that listen, for the length of a block."""
    containers = []
    try:
        for number in range(2):
            containers.append(start(number))
        for container in containers:
            tried = "(exec 3<>/dev/tcp/127.0.0.1/8501) 2>/dev/null"
            ready = f"for i in $(seq 300); do {tried} && exit 0; sleep 0.1; done; exit 1"
            assert container.exec_run(["bash", "-c", ready]).exit_code == 0, container.logs()
        yield containers
    finally:
        for container in containers:
            container.remove(force=True)


@pytest.fixture(scope="module")
def job(engine, image, network, run, tmp_path_factory):
    """The load generator in a third container, with this machine's packages, as the Job's image has its own."""
    folder = tmp_path_factory.mktemp("bodies")

    def hold(protocol, *words, pems=None):
        bodies = write_bodies(folder / protocol, Reference.load(run), protocol, model_name="digits", count=8)
        mounts = {str(Path(loadgen.__file__).parents[1]): {"bind": "/lib-of-loadgen", "mode": "ro"},
                  sysconfig.get_path("purelib"): {"bind": "/packages", "mode": "ro"},
                  str(bodies): {"bind": "/bodies", "mode": "ro"},
                  **({str(pems): {"bind": "/etc/client-tls", "mode": "ro"}} if pems else {})}  # fmt: skip
        told = engine.containers.run(
            image, ["-m", "loadgen", f"--url={WHERE[protocol]}", f"--protocol={protocol}", "--bodies=/bodies",
                    "--rate=200", "--ramp-up=0", "--out=/tmp/rows", *words],
            entrypoint="python3.11", network=network.name, volumes=mounts, remove=True, init=True,
            environment={"PYTHONPATH": "/lib-of-loadgen:/packages"},
        )  # fmt: skip
        return json.loads(told.splitlines()[-1])

    return hold


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_two_pods_under_one_name_get_half_the_requests_each(pods, job, protocol):
    summary = job(protocol, "--duration=4")
    assert len(summary["addresses"]) == 2
    assert sum(summary["addresses"].values()) == summary["requests"]
    assert min(summary["addresses"].values()) > 0.4 * summary["requests"]
    assert summary["errors_by_kind"] == {}


def test_the_job_asks_pods_whose_grpc_port_wants_tls_and_a_clients_certificate(
    engine, image, network, run, job, tmp_path
):
    """With the words of the bundle's Job (tests/unit/deploy/test_encryption.py reads them in its manifest)."""
    certificates.all_kinds(tmp_path)
    text = certificates.ssl_config(tmp_path, client_ca="ca.pem").read_text()
    (tmp_path / "ssl.config").write_text(text)
    tmp_path.chmod(0o755)
    for file in tmp_path.iterdir():
        file.chmod(0o644)
    own = ["--ca=/etc/client-tls/ca.pem", "--client-cert=/etc/client-tls/client.pem"]
    own += ["--client-key=/etc/client-tls/client.key", "--server-name=localhost", "--url=grpcs://secured:8500"]
    with up(lambda number: pod(engine, image, network, run, f"playbook-tls-test-{number}", "secured", tmp_path)):
        summary = job("grpc", "--duration=2", *own, pems=tmp_path)
        with pytest.raises(docker.errors.ContainerError, match="certificate"):
            job("grpc", "--duration=1", own[0], *own[3:], pems=tmp_path)
    assert len(summary["addresses"]) == 2
    assert min(summary["addresses"].values()) > 0
    assert (summary["errors_by_kind"], summary["answers"]["wrong"]) == ({}, 0)


def test_a_grpc_client_finds_a_pod_that_comes_while_it_asks_and_loses_no_request(
    pods, job, engine, image, network, run
):
    """The server ends each connection after a second; the client looks the name up again."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(job, "grpc", "--duration=20")
        third = pod(engine, image, network, run, "playbook-fleet-test-2")
        try:
            summary = asking.result()
        finally:
            third.remove(force=True)
    assert len(summary["addresses"]) == 3
    assert min(summary["addresses"].values()) > 100
    assert summary["errors_by_kind"] == {}
