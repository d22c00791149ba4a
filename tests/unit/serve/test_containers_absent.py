"""Without an engine, or without the right to it, the message says which and what to do."""

import os

import pytest

from playbook.errors import DockerUnavailable
from playbook.serve import containers
from playbook.serve.containers import Limits


@pytest.fixture
def refused(tmp_path):
    """A child process as a user who may not open the engine's socket; returns its problem."""
    import socket

    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        path.chmod(0o600)
        yield f"unix://{path}"


def test_no_engine_is_told_with_the_way_out(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(DockerUnavailable, match=r"none answers.*systemctl start docker.*server: embedded"):
        containers.engine()
    assert "none answers" in containers.problem()


def test_a_remote_engine_that_is_away_is_told(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    with pytest.raises(DockerUnavailable, match="none answers"):
        containers.engine()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_permission_denied_names_the_group(refused, monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", refused)
    import docker  # noqa: F401  # while this process may still read it

    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == 0 and str(folder).startswith("/tmp/"):
            folder.chmod(0o755)
    os.seteuid(65534)
    try:
        with pytest.raises(DockerUnavailable, match=r"permission denied.*group 'docker'"):
            containers.engine(timeout_s=3)
    finally:
        os.seteuid(0)


def test_a_container_may_use_half_the_memory_unless_told():
    assert Limits().settings()["mem_limit"] > 2**28
    told = Limits(memory_bytes=10**9, pids=99, somaxconn=7).settings()
    assert (told["mem_limit"], told["memswap_limit"], told["pids_limit"]) == (10**9, 10**9, 99)
    assert told["sysctls"] == {"net.core.somaxconn": "7"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("driver failed: Bind for 127.0.0.1:8501 failed: port is already allocated", "a port is taken"),
        ("Get https://registry: dial tcp: lookup registry: no such host", "the registry cannot be reached"),
        ("manifest for tensorflow/serving:9 not found: manifest unknown", "no such image"),
        ("pull access denied for nobody/nothing, repository does not exist", "no such image"),
        ("something else entirely", "something else entirely"),
    ],
)
def test_what_the_engine_says_is_put_as_what_to_do(text, said):
    from playbook.serve import docker_engine

    assert said in docker_engine.in_words(text)


def test_progress_of_a_pull_counts_the_bytes_of_all_layers():
    from playbook.serve import docker_engine

    layers = {}
    docker_engine.layer_share(
        layers, {"id": "a", "status": "Downloading", "progressDetail": {"current": 5, "total": 10}}
    )
    told = {"id": "b", "status": "Downloading", "progressDetail": {"current": 15, "total": 30}}
    assert docker_engine.layer_share(layers, told) == (0.5, "Downloading, 0 of 0 MB")
    assert docker_engine.layer_share(layers, {"status": "Digest: sha256:1"})[0] == 0.5
