"""Which way a container is asked, on which cores, for which processor, with which flags: each is checked and said."""

from __future__ import annotations

import io
import json
import os
import tarfile
from dataclasses import asdict
from pathlib import Path

import pytest

import loadgen
from playbook.errors import DockerUnavailable, ServerNotReady
from playbook.monitor import monitor, resources
from playbook.records import store
from playbook.serve import container_address, docker_engine, engine_facts, serve, words
from playbook.serve.spec import ServerSpec
from playbook.tfserving.reference import Reference
from playbook.tfserving.requests import write_bodies

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]
FIRST = min(os.sched_getaffinity(0))


@pytest.fixture(scope="module")
def spec(run, image):
    return ServerSpec("digits", run / "models" / "digits", server="docker", image=image, cpus=(FIRST,))


@pytest.fixture(scope="module")
def bodies(run, tmp_path_factory):
    return write_bodies(tmp_path_factory.mktemp("bodies") / "rest", Reference.load(run), count=8)


@pytest.fixture(scope="module")
def up(spec, tmp_path_factory):
    with serve.running(spec, tmp_path_factory.mktemp("way")) as handle:
        yield handle


def told(handle, spec):
    results = words.results(handle, spec, 1, {"rest": 0.0})
    return results["engine"], " ".join(words.warnings(results))


def held(handle, run_dir, bodies):
    """A second of load, watched; CPU seconds by who used them."""
    with monitor.watching(handle, run_dir, every_s=0.2):
        level = loadgen.Level(
            handle.predict_url, bodies=bodies, arrival="closed", concurrency=4, duration_s=1.0, ramp_up_s=0
        )
        assert loadgen.hold(level, run_dir / "rows")["requests"] > 50
    with store.table(run_dir, "resources") as db:
        return dict(db.execute("SELECT who, max(cpu_s) - min(cpu_s) FROM resources GROUP BY who").fetchall())


def test_a_container_is_asked_at_its_own_address_and_no_proxy_runs(up, spec, tmp_path, bodies):
    facts, warned = told(up, spec)
    used = held(up, tmp_path, bodies)
    assert facts["own_address"]
    assert facts["proxied_because"] is None
    assert facts["image_id"].startswith("sha256:")
    assert facts["cpus_seen"] == [FIRST]
    assert "127.0.0.1" not in up.rest_url + up.grpc_target + up.metrics_url
    assert "proxy" not in warned
    assert not [who for who in used if who.startswith("proxy")]


def test_where_a_proxy_stands_between_it_is_said_why_and_its_cpu_is_recorded(spec, tmp_path, bodies, monkeypatch):
    """As where a firewall stands between; a proxy of the environment is nobody's way to a server under test."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setattr(container_address, "_unreachable", lambda address, port: f"{address} cannot be reached")
    with serve.running(spec, tmp_path) as handle:
        facts, warned = told(handle, spec)
        used = held(handle, tmp_path, bodies)
    assert handle.rest_url.startswith("http://127.0.0.1:")
    assert not facts["own_address"]
    assert "user-land proxy, because" in warned
    assert "cannot be reached" in warned
    assert used["proxy_rest"] > 0.01


@pytest.mark.parametrize(
    ("info", "network", "why"),
    [
        ({"SecurityOptions": ["name=rootless"]}, {}, "rootless"),
        ({}, {"Gateway": "203.0.113.1"}, "no interface of this machine"),
    ],
)
def test_an_engine_whose_networks_are_not_this_machines_is_told_apart(up, info, network, why):
    assert why in container_address._foreign(info, up.container_id, network)


def test_a_process_with_the_pid_of_a_remote_container_is_not_taken_for_it(engine, image, monkeypatch):
    """A remote engine's container has a pid of its own machine; here that pid is another process."""
    container = engine.containers.run(image, ["-c", "sleep 60"], entrypoint="/bin/sh", detach=True)
    try:
        pid = resources.container_pid(container.id)
        assert pid
        stat = Path(f"/proc/{pid}/mountinfo").read_text()
        assert container.id in stat
        monkeypatch.setattr(resources, "_text", lambda path: Path(f"/proc/self/{path.split('/')[-1]}").read_text())
        assert resources.container_pid(container.id) is None
    finally:
        container.remove(force=True)


def test_cores_that_the_engine_has_not_are_named_with_what_to_do(spec, tmp_path):
    with pytest.raises(DockerUnavailable, match=r"no such cores.*server_cpus"):
        serve.start(ServerSpec(**{**vars(spec), "cpus": (4095,)}), tmp_path)


def test_an_image_for_another_processor_is_told(spec, tmp_path, engine):
    name, context = "playbook-embedded/foreign:test", io.BytesIO()
    other = "arm64" if engine.version()["Arch"] != "arm64" else "amd64"
    with tarfile.open(fileobj=context, mode="w") as tar:
        recipe = b'FROM scratch\nCOPY Dockerfile /server\nENTRYPOINT ["/server"]\n'
        member = tarfile.TarInfo("Dockerfile")
        member.size, member.mode = len(recipe), 0o755
        tar.addfile(member, io.BytesIO(recipe))
    context.seek(0)
    engine.images.build(fileobj=context, custom_context=True, tag=name, platform=f"linux/{other}", rm=True)
    try:
        said = docker_engine.emulation(engine, engine.images.get(name))
        assert f"is for {other} and the engine runs on {engine.version()['Arch']}: it is emulated" in said
        facts = {"emulated": said, "own_address": True, "cpus_seen": None}
        assert "its rates say nothing of the server" in engine_facts.warnings(facts, [])[0]
        with pytest.raises((ServerNotReady, DockerUnavailable), match=r"another processor|is for \w+ and the engine"):
            serve.start(ServerSpec(**{**vars(spec), "image": name}), tmp_path, timeout_s=10)
    finally:
        engine.images.remove(name, force=True)


def test_cores_counted_otherwise_are_said():
    facts = {"emulated": "", "own_address": True, "cpus_seen": [2]}
    assert "[0] were asked for, the server runs on [2]" in engine_facts.warnings(facts, [0])[0]
    assert "is not known" in engine_facts.warnings({**facts, "cpus_seen": None}, [0])[0]
    assert engine_facts.warnings(facts, [2]) == []


def test_a_flag_that_the_server_does_not_know_ends_the_start_and_is_named(spec, run, tmp_path, engine):
    for server in ("docker", "embedded"):
        wrong = ServerSpec(**{**vars(spec), "server": server, "extra_flags": ("--enable_per_model_metrics=true",)})
        with pytest.raises(ServerNotReady, match=r"does not know --enable_per_model_metrics=true"):
            serve.start(wrong, tmp_path / f"unknown-{server}")
    assert engine.containers.list(all=True, filters={"label": "playbook.run=unknown-docker"}) == []


def test_the_record_of_a_server_in_a_process_has_no_engine(run, tmp_path):
    spec = ServerSpec("digits", run / "models" / "digits")
    with serve.running(spec, tmp_path) as handle:
        assert "engine" not in words.results(handle, spec, 1, {"rest": 0.0})
        assert json.dumps(asdict(handle))
