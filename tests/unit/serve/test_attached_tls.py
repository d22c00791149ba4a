"""An attached server behind TLS and a gateway: certificates, a server name and headers, from parameters to records."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import certificates
import published_run
import pytest
import tls_front

from playbook import progress
from playbook.adapt import controller
from playbook.errors import MonitorError, ParameterError, PredictFailed, ServerNotReady
from playbook.monitor import monitor
from playbook.monitor.sensor import Sensor
from playbook.prove import candidate
from playbook.records import record, run_folder, secrets, store, trust
from playbook.serve import answers, client, serve, words
from playbook.serve.handle import Handle
from playbook.serve.spec import choose_port
from playbook.stress import stress
from playbook.stress.load import Load
from playbook.tfserving.reference import Reference
from playbook.warmup import coldstart, sending

TOKEN = "t0ken-of-mine"
QUIET = SimpleNamespace(update=lambda *_: None)
SSL_CONFIG = 'server_key: "{key}"\nserver_cert: "{certificate}"\ncustom_ca: "{ca}"\nclient_verify: true\n'


@pytest.fixture(scope="module")
def pems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificates.all_kinds(tmp_path_factory.mktemp("pems"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    published_run.published(folder)
    return folder


@pytest.fixture(scope="module")
def behind(run: Path, pems: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Handle]:
    """An embedded server whose gRPC port asks for TLS and a client's certificate."""
    text = SSL_CONFIG.format(**{
        name: (pems / file).read_text().replace("\n", "\\n")
        for name, file in (("key", "server.key"), ("certificate", "server.pem"), ("ca", "ca.pem"))
    })  # fmt: skip
    config = tmp_path_factory.mktemp("config") / "ssl.config"
    config.write_text(text)
    monitoring = config.with_name("monitoring.config")
    monitoring.write_text('prometheus_config { enable: true path: "/monitoring/prometheus/metrics" }')
    rest, grpc = choose_port("rest_api_port", 0), choose_port("port", 0)
    flags = [f"--rest_api_port={rest}", f"--port={grpc}", "--model_name=digits", f"--ssl_config_file={config}"]
    flags += [f"--model_base_path={run}/models/digits", f"--monitoring_config_file={monitoring}"]
    with (config.with_name("log")).open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "model_server", *flags], stdout=log, stderr=log)
    handle = Handle("attach", "digits", "", f"http://127.0.0.1:{rest}", f"127.0.0.1:{grpc}", "", [], [])
    try:
        client.wait_available(handle, 120)
        yield handle
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def door(behind: Handle, pems: Path) -> Iterator[int]:
    with tls_front.front(behind.rest_url, pems / "server.pem", pems / "ca.pem", TOKEN) as port:
        yield port


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_known", {})


def settings(door: int, behind: Handle, pems: Path, **changed: Any) -> dict[str, Any]:
    """The parameters of 20_serve for this server."""
    urls = {"rest_url": f"https://127.0.0.1:{door}", "grpc_url": f"grpcs://{behind.grpc_target}"}
    urls |= {"metrics_url": f"https://127.0.0.1:{door}/monitoring/prometheus/metrics"}
    files = {"client_certificate": str(pems / "client.pem"), "client_key": str(pems / "client.key")}
    mine = {"server": "attach", "model_name": "digits", "ca_file": str(pems / "ca.pem"), "server_name": "localhost"}
    return {**urls, **files, **mine, "headers": {"Authorization": f"Bearer {TOKEN}"}, **changed}


def test_control_calls_load_and_monitor_pass_the_door_and_no_record_holds_the_token(
    door: int, behind: Handle, pems: Path, run: Path
) -> None:
    given = settings(door, behind, pems)
    spec = serve.from_parameters(given, run)
    handle = serve.start(spec, run, 10)
    reference = Reference.load(run)
    differences = {name: answers.parity(handle, reference, name, rtol=1e-3) for name in ("rest", "grpc")}
    record.save(run, "serve", params=given, results=words.results(handle, spec, 1, differences), verdict="Up.")
    secrets._known.clear()  # as in the next notebook
    again = Handle.load(run)
    assert again.grpc_url.startswith("grpcs://")
    with monitor.watching(again, run, every_s=0.3):
        for protocol in ("rest", "grpc"):
            load = Load(protocol=protocol, duration_s=0.5, ramp_up_s=0.1, p99_limit_ms=500.0)
            with stress.bench(again, run, load, verb=f"tls{protocol}") as under:
                row = under.hold({"arrival": "closed", "concurrency": 1}, progress.Stretch(QUIET, 0.0, 1.0))
            assert (row["errors"], row["requests"] > 5) == (0, True)
        time.sleep(0.5)
    assert store.query("SELECT count(*) AS n FROM metrics", run.parent, run.name)["n"][0] > 10
    assert record.load(run, "serve")["params"]["headers"] == {"Authorization": "***"}
    texts = {path.name: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert [name for name, text in texts.items() if TOKEN.encode() in text] == [secrets.FILE]
    key = (pems / "client.key").read_bytes()[40:80]
    assert not [name for name, text in texts.items() if key in text]


def test_a_later_proof_passes_the_door_with_what_20_serve_was_given(
    door: int, behind: Handle, pems: Path, run: Path, tmp_path: Path
) -> None:
    given = settings(door, behind, pems)
    record.save(tmp_path, "export", params={}, results={"model_name": "digits", "base_path": "m"}, verdict="Exported.")
    handle = serve.start(serve.from_parameters(given, run), tmp_path, 10)
    record.save(tmp_path, "serve", params=given, results=asdict(handle), verdict="Up.")
    secrets._known.clear()  # as in the next notebook
    asked = {"server": "embedded", "model_name": "digits", "image": "", "client_cpus": []}
    spec, _, _ = candidate.server_of(run_folder.read(tmp_path), asked)
    again = serve.start(spec, tmp_path, 10)
    inputs = {name: rows[:1] for name, rows in Reference.load(run).inputs.items()}
    assert client.predict_rest(again, inputs)
    assert client.predict_grpc(again, inputs)


def test_the_sensor_of_a_controller_and_playbook_monitor_pass_a_door_with_an_authority_of_ones_own(
    behind: Handle, pems: Path, tmp_path: Path
) -> None:
    with tls_front.front(behind.rest_url, pems / "server.pem", pems / "ca.pem") as port:
        url, ours = (
            f"https://127.0.0.1:{port}",
            trust.chosen(str(pems / "ca.pem"), str(pems / "client.pem"), str(pems / "client.key"), "localhost"),
        )
        trust.note(url, ours)
        target = controller.attach(url, tmp_path, "digits")
        assert Sensor(target.handle.metrics_url, "digits").read().points
        assert store.query(
            "SELECT count(*) AS n FROM metrics", tmp_path, monitor.collect(url, 0.2, 0.3, tmp_path).name
        )["n"][0]
        trust.note(url, trust.chosen(str(pems / "other_ca.pem"), "", "", ""))
        with pytest.raises(MonitorError, match=r"is not signed by any of the authorities in .*other_ca\.pem"):
            Sensor(target.handle.metrics_url, "digits").read()
        with pytest.raises(MonitorError, match=r"is not signed by any of the authorities in .*other_ca\.pem"):
            monitor.collect(url, 0.2, 0.3, tmp_path)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"ca_file": "other_ca.pem"}, "is not signed by any of the authorities in .*other_ca.pem"),
        ({"client_certificate": "", "client_key": ""}, "asks for a client certificate"),
        ({"server_name": "elsewhere.example"}, "its certificate is not for 'elsewhere.example'"),
        ({"headers": {}}, "HTTP 401"),
    ],
)
def test_what_does_not_fit_is_told_apart(
    door: int, behind: Handle, pems: Path, tmp_path: Path, changed: dict[str, Any], said: str
) -> None:
    changed = {name: str(pems / value) if value and name == "ca_file" else value for name, value in changed.items()}
    with pytest.raises(ServerNotReady, match=said):
        serve.start(serve.from_parameters(settings(door, behind, pems, **changed), tmp_path), tmp_path, 1.0)


def test_an_expired_certificate_and_plain_text_are_told_apart(behind: Handle, pems: Path, tmp_path: Path) -> None:
    with tls_front.front(behind.rest_url, pems / "expired.pem") as port:
        given = settings(port, behind, pems, headers={})
        with pytest.raises(ServerNotReady, match="its certificate has expired"):
            serve.start(serve.from_parameters(given, tmp_path), tmp_path, 1.0)
        plain = {**given, "rest_url": f"http://127.0.0.1:{port}", "metrics_url": ""}
        with pytest.raises(ServerNotReady, match="speaks TLS"):
            serve.start(serve.from_parameters(plain, tmp_path), tmp_path, 1.0)
    given = settings(0, behind, pems, rest_url=behind.rest_url.replace("http", "https"), metrics_url="")
    with pytest.raises(ServerNotReady, match="the server speaks plain text there"):
        serve.start(serve.from_parameters(given, tmp_path), tmp_path, 1.0)


def test_grpc_with_a_wrong_authority_says_so(door: int, behind: Handle, pems: Path, run: Path, tmp_path: Path) -> None:
    handle = serve.start(serve.from_parameters(settings(door, behind, pems), tmp_path), tmp_path, 10)
    wrong = {"ca": str(pems / "other_ca.pem"), "client_certificate": None, "client_key": None, "server_name": None}
    secrets.remember(f"trust {behind.grpc_target}", json.dumps(wrong))
    inputs = {name: rows[:1] for name, rows in Reference.load(run).inputs.items()}
    with pytest.raises(PredictFailed, match=r"is not signed by any of the authorities in .*other_ca\.pem"):
        client.predict_grpc(handle, inputs)


def test_warm_up_passes_the_door_over_both_protocols_and_tells_what_keeps_it_out(
    door: int, behind: Handle, pems: Path, run: Path, tmp_path: Path
) -> None:
    handle = serve.start(serve.from_parameters(settings(door, behind, pems), tmp_path), tmp_path, 10)
    reference = Reference.load(run)
    for protocol in ("rest", "grpc"):
        plan = coldstart.planned(coldstart.ColdStartPlan(protocol), handle, reference, 1.0)
        assert plan.request_ms is not None
    assert coldstart.records_read(handle) is not None
    with sending.sender(handle, "grpc") as send, pytest.raises(PredictFailed, match="over gRPC: INVALID_ARGUMENT"):
        send(b"")
    wrong = {"ca": str(pems / "other_ca.pem"), "client_certificate": None, "client_key": None, "server_name": None}
    for protocol, address in (("grpc", behind.grpc_target), ("rest", f"127.0.0.1:{door}")):
        secrets.remember(f"trust {address}", json.dumps(wrong))
        with pytest.raises(PredictFailed, match="is not signed by any of"), sending.sender(handle, protocol):
            pass


def test_a_token_goes_to_no_other_host(pems: Path, tmp_path: Path) -> None:
    given = {"rest_url": "https://a.example:1", "metrics_url": "https://b.example:1/m", "grpc_url": ""}
    spec = serve.from_parameters({**settings(0, Handle(*[""] * 6, [], []), pems), **given}, tmp_path)
    serve.reach(spec)
    assert secrets.header("https://a.example:1/v1")["Authorization"] == f"Bearer {TOKEN}"
    assert secrets.header("https://b.example:1/m") == {}


def test_a_file_that_is_not_there_and_a_header_with_a_line_break_are_refused_at_the_door(tmp_path: Path) -> None:
    base = {"server": "attach", "model_name": "digits", "rest_url": "https://h:1"}
    for wrong, said in (
        ({"ca_file": "/no/such.pem"}, "ca_file is '/no/such.pem'"),
        ({"client_key": __file__}, "without client_certificate"),
        ({"headers": {"X-A": "b\r\nHost: c"}}, "headers has a value for 'X-A'"),
        ({"server_name": "a b"}, "server_name is 'a b'"),
    ):
        with pytest.raises(ParameterError, match=said):
            serve.from_parameters(base | wrong, tmp_path)
