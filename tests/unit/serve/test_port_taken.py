"""A port that another program has taken is noticed by what answers there."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import published_run
import pytest

from playbook.errors import ServerDied, ServerNotReady
from playbook.serve import alive, serve
from playbook.serve.handle import Handle


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
    with pytest.raises(ServerDied, match="with version 4, version 1 answers now"):
        alive.check_alive(dataclasses.replace(attached, version=4))
    with pytest.raises(ServerDied, match=r"'another' was expected at .*does not answer there any more"):
        alive.check_alive(dataclasses.replace(attached, model_name="another"))


def test_a_server_of_ours_that_ended_is_noticed_though_another_answers_at_its_port(
    tmp_path: Path, other: Handle
) -> None:
    gone = dataclasses.replace(other, pid=other.pid, pid_started=(other.pid_started or 0) - 100)
    with pytest.raises(ServerDied, match="has ended while it was needed"):
        alive.check_alive(gone)
