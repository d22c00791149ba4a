"""`server: attach` uses what runs and changes nothing on it; `server: binary` starts the binary of the PATH."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict, replace

import pytest

from playbook.errors import ServerNotReady
from playbook.serve import answers, client, serve, words
from playbook.serve.handle import Handle
from playbook.serve.spec import ServerSpec
from playbook.tfserving.reference import Reference

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def running(run, tmp_path_factory):
    """A server that someone else started."""
    spec = ServerSpec("digits", run / "models" / "digits", rest_api_num_threads=8)
    with serve.running(spec, tmp_path_factory.mktemp("elsewhere")) as handle:
        yield handle


def files(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def attached(running, run, metrics=True) -> ServerSpec:
    urls = {"rest_url": running.rest_url, "grpc_url": running.grpc_target}
    page = running.metrics_url if metrics else ""
    return ServerSpec("digits", run / "models" / "digits", server="attach", metrics_url=page, **urls)


def test_attach_answers_the_models_numbers_and_leaves_the_server_as_it_is(running, run, tmp_path):
    before = files(run / "models"), client.status(running)
    with serve.running(attached(running, run), tmp_path) as handle:
        assert answers.parity(handle, Reference.load(run), "rest") < 1e-4
        assert answers.parity(handle, Reference.load(run), "grpc") < 1e-4
    assert (files(run / "models"), client.status(running)) == before
    assert running.process() is not None


def test_attach_without_metrics_says_which_figures_are_missing(running, run, tmp_path):
    told = " ".join(words.warnings(asdict(serve.start(attached(running, run, metrics=False), tmp_path))))
    assert "metrics_url" in told
    for figure in ("queue", "batch", "bottleneck"):
        assert figure in told
    assert "metrics_url" not in " ".join(words.warnings(asdict(serve.start(attached(running, run), tmp_path))))


def test_attach_to_nothing_says_what_was_awaited(run, tmp_path):
    nothing = replace(attached(Handle("x", "digits", "", "http://127.0.0.1:1", "", "", [], []), run))
    with pytest.raises(ServerNotReady, match="no open port"):
        serve.start(nothing, tmp_path, timeout_s=1)


def test_the_binary_of_the_path_is_started_with_the_same_flags(run, tmp_path, monkeypatch):
    script = tmp_path / "bin" / "tensorflow_model_server"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m model_server "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
    spec = ServerSpec("digits", run / "models" / "digits", server="binary", rest_api_num_threads=8)
    with serve.running(spec, tmp_path / "run") as handle:
        assert handle.server == "binary"
        assert "--rest_api_num_threads=8" in handle.flags
        assert answers.parity(handle, Reference.load(run), "rest") < 1e-4
    assert handle.process() is None


def test_no_binary_is_told_with_the_way_out(run, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    spec = ServerSpec("digits", run / "models" / "digits", server="binary")
    with pytest.raises(ServerNotReady, match=r"tensorflow_model_server on the PATH.*'embedded'"):
        serve.start(spec, tmp_path / "run")
