"""A server that the playbook starts with ssl_config_file: gRPC over TLS in every stage, REST plain and said so."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import certificates
import published_run
import pytest

from playbook import progress, warmup
from playbook.adapt import choices
from playbook.chain import params
from playbook.errors import ParameterError, ServerHung, ServerNotReady
from playbook.prove import proof
from playbook.records import record, secrets, trust
from playbook.serve import answers, serve, signalling, words
from playbook.serve.handle import Handle
from playbook.stress import stress
from playbook.stress.load import Load
from playbook.tfserving.reference import Reference
from playbook.tfserving.requests import grpc_body, rest_body
from playbook.tune import points
from playbook.warmup import sending


@pytest.fixture(scope="module")
def pems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificates.all_kinds(tmp_path_factory.mktemp("pems"))


def asked(pems: Path, **changed: Any) -> dict[str, Any]:
    """The parameters of 20_serve for a server that asks its clients for a certificate."""
    mine = {"ssl_config_file": str(certificates.ssl_config(pems, client_ca="ca.pem")), "ca_file": str(pems / "ca.pem")}
    mine |= {"client_certificate": str(pems / "client.pem"), "client_key": str(pems / "client.key")}
    return {"server": "embedded", "model_name": "digits", "image": "", **mine, **changed}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    published_run.published(folder)
    exported = {"model_name": "digits", "base_path": "models/digits", "version": 1}
    record.save(folder, "export", params={}, results=exported, verdict="exported")
    return folder


@pytest.fixture(scope="module")
def up(run: Path, pems: Path) -> Iterator[Handle]:
    given = asked(pems)
    spec = serve.from_parameters(given, run / "models" / "digits")
    with serve.running(spec, run) as handle:
        differences = {name: answers.parity(handle, Reference.load(run), name, rtol=1e-3) for name in ("rest", "grpc")}
        record.save(run, "serve", params=given, results=words.results(handle, spec, 1, differences), verdict="Up.")
        yield handle


def test_control_calls_and_load_speak_tls_in_a_later_notebook_and_the_key_is_copied_nowhere(
    up: Handle, run: Path, pems: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "_known", {})  # as in the next notebook
    again = Handle.load(run)
    assert (again.grpc_url, again.rest_url[:7]) == (f"grpcs://{up.grpc_target}", "http://")
    load = Load(protocol="grpc", duration_s=0.5, ramp_up_s=0.1, p99_limit_ms=500.0)
    with stress.bench(again, run, load, verb="tls") as under:
        bar = progress.Stretch(SimpleNamespace(update=lambda *_: None), 0.0, 1.0)
        row = under.hold({"arrival": "closed", "concurrency": 1}, bar)
    assert (row["errors"], row["requests"] > 5) == (0, True)
    told = words.warnings(record.load(run, "serve")["results"])
    assert any("gives TLS to gRPC alone" in text for text in told)
    keys = [(pems / name).read_bytes()[40:80] for name in ("server.key", "client.key")]
    texts = {path.name: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert not [name for name, text in texts.items() if any(key in text for key in keys)]


def test_every_stage_that_starts_a_server_again_starts_it_with_the_same_tls(up: Handle, run: Path, pems: Path) -> None:
    ours = {"run_dir": str(run), "protocol": "grpc", "p99_limit_ms": 400.0, "target_rate_rps": 50.0}
    settings = {verb: params.defaults(verb) | ours for verb in ("tune", "prove", "adapt")}
    specs = {
        "tune": points.points_of(settings["tune"])[0].spec,
        "prove": proof.proof_of(settings["prove"]).spec,
        "adapt": choices.prepare(settings["adapt"]).spec,
        "warmup": warmup.from_parameters(record.load(run, "serve")["params"], run / "models" / "digits"),
    }
    config = certificates.ssl_config(pems, client_ca="ca.pem")
    assert {name: (spec.ssl_config_file, spec.ca_file) for name, spec in specs.items()} == dict.fromkeys(
        specs, (str(config), str(pems / "ca.pem"))
    )
    plan = warmup.ColdStartPlan("grpc", 4, 2, 1, 60.0)
    rows = warmup.measure(specs["warmup"], run, Reference.load(run), plan)
    assert all(len(row["latency_ms"]) == 4 for row in rows)


@pytest.mark.parametrize(
    ("served", "changed", "said"),
    [
        ("server", {"ca_file": "other_ca.pem"}, "is not signed by any of the authorities in .*other_ca.pem"),
        ("expired", {}, "its certificate has expired"),
        ("other_name", {}, "its certificate is not for '127.0.0.1'; set server_name"),
    ],
)
def test_what_does_not_fit_ends_the_start_and_is_told_apart(
    run: Path, pems: Path, tmp_path: Path, served: str, changed: dict[str, str], said: str
) -> None:
    given = asked(pems, ssl_config_file=str(certificates.ssl_config(pems, served)))
    given |= {name: str(pems / value) for name, value in changed.items()}
    spec = serve.from_parameters(given, run / "models" / "digits")
    with pytest.raises(ServerNotReady, match=said):
        serve.start(spec, tmp_path)
    assert [handle.process() for _, handle in Handle.noted(tmp_path)] == [None]


def test_a_plain_server_on_a_port_that_spoke_tls_before_is_spoken_to_plainly(pems: Path) -> None:
    trust.note("grpcs://127.0.0.1:9", trust.chosen(str(pems / "ca.pem"), "", "", ""))
    handle = Handle("embedded", "m", "", "http://127.0.0.1:8", "127.0.0.1:9", "", [], [])
    assert handle.grpc_url.startswith("grpcs://")
    trust.forget("grpc://127.0.0.1:9")
    assert handle.grpc_url.startswith("grpc://")


def test_what_cannot_be_is_refused_at_the_door(pems: Path, tmp_path: Path) -> None:
    for wrong, said in (
        ({"ssl_config_file": "/no/such.config"}, "ssl_config_file is '/no/such.config'"),
        ({"ssl_config_file": "", "extra_flags": ["--ssl_config_file=x"]}, "give the file as the parameter"),
        ({"server": "attach", "rest_url": "http://h:1"}, "is for a server that is started here"),
    ):
        with pytest.raises(ParameterError, match=said):
            serve.from_parameters(asked(pems, **wrong), tmp_path)


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_warm_up_tells_of_a_server_that_hangs_and_waits_for_no_time_out(up: Handle, run: Path, protocol: str) -> None:
    one = Reference.load(run).slice(0, 1)
    body = rest_body(one.inputs) if protocol == "rest" else grpc_body(one.inputs, one.signature, "digits")
    with sending.sender(up, protocol) as send:
        send(body)
        signalling.send(up, signal.SIGSTOP)
        try:
            with pytest.raises(ServerHung, match=r"hangs: it answered nothing for \d+\.\d s, its status neither"):
                send(body)
        finally:
            signalling.send(up, signal.SIGCONT)
