"""`server: docker`: a real engine runs the image as meant, and every way to fail says what to do."""

from __future__ import annotations

import os
import shutil
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from playbook.errors import DockerUnavailable, ServerDied, ServerNotReady
from playbook.export import publish
from playbook.serve import answers, client, containers, serve
from playbook.serve.alive import check_alive
from playbook.serve.containers import Limits
from playbook.serve.spec import ServerSpec, choose_port
from playbook.tfserving.batching import Batching
from playbook.tfserving.reference import Reference

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def spec(run, image):
    batching = Batching(max_batch_size=32, batch_timeout_micros=1000, num_batch_threads=1)
    cpus = (min(os.sched_getaffinity(0)),)
    return ServerSpec("digits", run / "models" / "digits", server="docker", image=image, batching=batching, cpus=cpus)


@pytest.fixture(scope="module")
def up(spec, run):
    with serve.running(spec, run, name="docker") as handle:
        yield handle


@pytest.fixture(scope="module")
def attrs(up, engine):
    return engine.api.inspect_container(up.container_id)


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_it_answers_the_numbers_of_the_exported_model(up, run, protocol):
    assert answers.parity(up, Reference.load(run), protocol, rows=32) < 1e-5


def test_ports_are_published_on_loopback_alone(attrs):
    bound = [entry["HostIp"] for entries in attrs["NetworkSettings"]["Ports"].values() for entry in entries or []]
    assert bound == ["127.0.0.1", "127.0.0.1"]


def test_model_and_config_are_mounted_read_only(attrs, spec, run):
    mounts = {mount["Destination"]: mount for mount in attrs["Mounts"]}
    assert mounts["/models/digits"]["Source"] == str(spec.model_base_path.resolve())
    assert not any(mount["RW"] for mount in mounts.values())
    assert set(mounts) == {"/models/digits", "/etc/tensorflow-serving"}


def test_it_is_pinned_limited_labelled_and_has_an_init(attrs, spec, run):
    host = attrs["HostConfig"]
    assert host["CpusetCpus"] == str(spec.cpus[0])
    assert host["Init"] is True
    assert 0 < host["PidsLimit"] <= 4096
    assert host["Memory"] > 2**30
    assert host["Sysctls"] == {"net.core.somaxconn": "1024"}
    assert attrs["Config"]["Labels"]["playbook.run"] == run.name


def test_the_flags_follow_the_images_name_and_win_over_its_entrypoint(attrs, up):
    assert attrs["Config"]["Cmd"] == up.flags
    assert attrs["Path"] == "/usr/bin/tf_serving_entrypoint.sh"
    assert client.status(up)[0]["state"] == "AVAILABLE"


def test_batching_is_on_as_the_mounted_file_says(up, run):
    answers.parity(up, Reference.load(run), "rest", rows=32)
    with urllib.request.urlopen(up.metrics_url, timeout=5) as reply:
        page = reply.read().decode()
    assert ":tensorflow:serving:batching_session:processed_batch_size_count" in page


def test_its_log_streams_to_the_run_folder(up, run):
    path = run / "logs" / "docker.log"
    end = time.monotonic() + 15
    while "Exporting HTTP/REST API" not in path.read_text() and time.monotonic() < end:
        time.sleep(0.1)
    assert "Exporting HTTP/REST API" in path.read_text()


def test_a_version_published_on_the_host_is_served_live(spec, run, tmp_path, image):
    models = tmp_path / "models" / "digits"
    stage = publish.stage(models)
    stage.rmdir()
    shutil.copytree(spec.model_base_path / "1", stage)
    stage.rename(models / "1")
    with serve.running(replace(spec, model_base_path=models), tmp_path / "live", name="live") as handle:
        shutil.copytree(models / "1", models / "part")
        (models / "part").rename(models / "2")
        end = time.monotonic() + 20
        while client.available_version(handle) != 2 and time.monotonic() < end:
            time.sleep(0.1)
        assert client.available_version(handle) == 2


def test_a_container_that_was_ended_is_gone_is_watched_by_nobody_and_told_by_nobody(spec, tmp_path, engine):
    folder = tmp_path / "short"
    with serve.running(spec, folder) as handle:
        found = engine.containers.list(filters={"label": "playbook.run=short"})
        assert handle.container_id in {container.id for container in found}
        assert processes(folder / "servers")
    assert handle.container_id not in {container.id for container in engine.containers.list(all=True)}
    assert containers.stop(handle.container_id) is False
    assert ended(lambda: processes(folder / "servers")), "its owner, this process, still lives"
    assert serve.stop_all(folder) == []


def processes(named):
    """How many processes name this on their command line: followers of a container's log, watchers for an owner."""
    lines = (path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists())
    return sum(str(named).encode() in line for line in lines)


def ended(there, within_s=30):
    end = time.monotonic() + within_s
    while there() and time.monotonic() < end:
        time.sleep(0.1)
    return not there()


def test_a_run_that_died_leaves_containers_that_stop_finds_by_their_notes(spec, tmp_path, engine):
    folder = tmp_path / "died"
    handle = serve.start(spec, folder)
    assert len(serve.stop_all(folder)) == 1
    assert serve.stop_all(folder) == []
    assert ended(lambda: processes(handle.container_id))


def test_a_container_that_exits_at_once_is_told_with_code_and_log(spec, tmp_path, engine):
    with pytest.raises(ServerNotReady, match=r"exited with code 255(?s:.*)Couldn't interpret") as told:
        serve.start(replace(spec, extra_flags=("--grpc_max_threads=many",)), tmp_path / "exits")
    assert "Check the flags" in str(told.value)
    assert engine.containers.list(all=True, filters={"label": "playbook.run=exits"}) == []


def test_a_container_out_of_memory_is_told_as_such(spec, tmp_path, engine):
    folder = tmp_path / "oom"
    folder.mkdir()
    bare = replace(spec, batching=None)
    (folder / "monitoring.config").write_text(bare.config_files()["monitoring.config"])
    ports = choose_port("a", 0), choose_port("b", 0)
    handle = containers.start(bare, folder, folder, *ports, limits=Limits(memory_bytes=48 * 2**20))
    with pytest.raises(ServerNotReady, match="out of memory: raise its memory limit"):
        client.wait_available(handle, 30, check=lambda: containers.check_started(handle))
    containers.stop(handle.container_id)


def test_a_port_that_is_taken_is_named(spec, attrs, tmp_path):
    taken = int(attrs["NetworkSettings"]["Ports"]["8501/tcp"][0]["HostPort"])
    (tmp_path / "monitoring.config").write_text("")
    with pytest.raises(DockerUnavailable, match="a port is taken"):
        containers.start(replace(spec, batching=None), tmp_path, tmp_path, taken, choose_port("b", 0))


def test_a_gpu_image_asks_for_gpus_and_their_absence_is_told(spec, tmp_path, engine, image):
    if "nvidia" in engine.info().get("Runtimes", {}):
        pytest.skip("this engine gives GPUs")
    engine.images.get(image).tag("playbook-embedded/serving", "test-gpu")
    try:
        with pytest.raises(DockerUnavailable, match=r"gives no GPUs.*NVIDIA Container Toolkit"):
            serve.start(replace(spec, image="playbook-embedded/serving:test-gpu"), tmp_path / "gpu")
    finally:
        engine.images.remove("playbook-embedded/serving:test-gpu")
    assert engine.containers.list(all=True, filters={"label": "playbook.run=gpu"}) == []


def test_an_image_that_cannot_be_had_is_told_with_what_to_do(spec, tmp_path):
    with pytest.raises(
        DockerUnavailable, match=r"playbook-embedded/nothing:here.*(registry cannot be reached|no such)"
    ):
        serve.start(replace(spec, image="playbook-embedded/nothing:here"), tmp_path / "missing")


def test_a_container_that_is_killed_mid_run_is_told_as_died(spec, tmp_path, engine):
    with serve.running(spec, tmp_path / "killed") as handle:
        check_alive(handle)
        engine.containers.get(handle.container_id).kill()
        with pytest.raises(ServerDied, match="exited with code 137"):
            check_alive(handle)


def test_an_engine_that_goes_away_mid_run_is_told_as_died(up, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(ServerDied, match=r"cannot be asked any more.*none answers"):
        check_alive(up)
