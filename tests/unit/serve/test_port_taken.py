"""A port that another program has taken is noticed by what answers there."""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import published_run
import pytest

from playbook.errors import ParameterError, ServerDied, ServerNotReady, VersionChanged
from playbook.serve import alive, client, serve
from playbook.serve.handle import Handle
from playbook.serve.spec import choose_port


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published_run.published(tmp_path_factory.mktemp("exported"))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Iterator[Handle]:
    """A server of a model of the same name and version, not started by what is tried here."""
    spec = serve.from_parameters({"server": "embedded", "model_name": "digits"}, base)
    with serve.running(spec, tmp_path_factory.mktemp("other"), 120) as handle:
        yield handle


def test_a_server_that_lost_its_port_before_it_listened_is_not_taken_for_the_one_that_answers(
    tmp_path: Path, base: Path, other: Handle, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = {"rest_api_port": int(other.rest_url.rsplit(":", 1)[1]), "port": int(other.grpc_target.rsplit(":", 1)[1])}
    monkeypatch.setattr(serve, "choose_port", lambda name, asked: taken[name])
    spec = serve.from_parameters({"server": "embedded", "model_name": "digits"}, base)
    with pytest.raises(ServerNotReady, match=r"Another program answers(.|\n)*Start it again|ended at once"):
        serve.start(spec, tmp_path, 60)
    assert other.process() is not None, "it was not ours to end"
    assert not [handle for _, handle in Handle.noted(tmp_path) if handle.process()]


def test_another_version_or_another_program_at_an_attached_address_is_noticed(other: Handle) -> None:
    attached = dataclasses.replace(other, server="attach", pid=None, version=1)
    alive.check_alive(attached)
    with pytest.raises(VersionChanged, match="with version 4, version 1 answers now"):
        alive.check_alive(dataclasses.replace(attached, version=4))
    with pytest.raises(ServerDied, match=r"'another' was expected at .*does not answer there any more"):
        alive.check_alive(dataclasses.replace(attached, model_name="another"))


def test_a_model_that_cannot_be_loaded_is_told_at_once_and_not_waited_for(tmp_path: Path, base: Path) -> None:
    torn = shutil.copytree(base, tmp_path / "digits")
    graph = torn / "1" / "saved_model.pb"
    graph.write_bytes(graph.read_bytes()[:100])
    spec = serve.from_parameters({"server": "embedded", "model_name": "digits"}, torn)
    with pytest.raises(ServerNotReady, match=r"cannot load 'digits' version 1: .*Are the files in .*digits/1 whole"):
        serve.start(spec, tmp_path, 600)
    assert not [handle for _, handle in Handle.noted(tmp_path) if handle.process()]


def test_an_address_that_the_machine_does_not_have_is_not_told_as_a_port_that_is_taken() -> None:
    with pytest.raises(ParameterError, match=r"has no address 192\.0\.2\.1"):
        choose_port("rest_api_port", 0, host="192.0.2.1")  # one of those that no machine has


def test_a_server_of_ours_that_ended_is_noticed_though_another_answers_at_its_port(
    tmp_path: Path, other: Handle
) -> None:
    gone = dataclasses.replace(other, pid=other.pid, pid_started=(other.pid_started or 0) - 100)
    with pytest.raises(ServerDied, match="has ended while it was needed"):
        alive.check_alive(gone)


def test_a_version_that_somebody_adds_beside_the_one_that_was_noted_is_named(base: Path, other: Handle) -> None:
    noted = dataclasses.replace(other, version=1)
    alive.check_alive(noted)
    added = shutil.copytree(base / "1", base / ".coming").rename(base / "2")
    try:
        assert _answers(other, 2)
        with pytest.raises(VersionChanged, match=r"with version 1, version 2 answers now \(somebody changed .*digits"):
            alive.check_alive(noted)
        alive.check_alive(other)  # whose versions are meant to change, as those of adapt and drill
    finally:
        shutil.rmtree(added)
        assert _answers(other, 1)
    assert alive.another_version(noted) == ""


def _answers(handle: Handle, version: int) -> bool:
    end = time.monotonic() + 60
    while client.available_version(handle) != version and time.monotonic() < end:
        time.sleep(0.05)
    return client.available_version(handle) == version
