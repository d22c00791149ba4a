"""Load over TLS and with headers of its own, against real servers; a failed handshake says what is wrong."""

from __future__ import annotations

import contextlib
import json
import shutil
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import certificates
import grpc
import pytest

from loadgen import Level, LevelError, ServerUnreachable, hold
from loadgen.__main__ import main
from loadgen.scripted.script import Script
from loadgen.scripted.server import running

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
REPLY = b'{"predictions": [[1.0]]}'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with certificates and a body with its expected answer."""
    folder = certificates.all_kinds(tmp_path_factory.mktemp("tls"))
    (folder / "00000.body").write_text(json.dumps({"instances": [[1.0]]}))
    (folder / "00000.expect").write_bytes(REPLY)
    return folder


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_POST(self):
        self.server.heard.append(dict(self.headers))
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(REPLY)))
        self.end_headers()
        self.wfile.write(REPLY)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def rest(folder, certificate="server", wants_client=False):
    """An HTTPS server of the standard library; yields its port and the headers it heard."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.daemon_threads, server.heard = True, []
    if certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(folder / f"{certificate}.pem", folder / f"{certificate}.key")
        if wants_client:
            tls.verify_mode = ssl.CERT_REQUIRED
            tls.load_verify_locations(folder / "ca.pem")
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.handle_error = lambda *_: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port, server.heard
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def grpcio(folder, certificate="server", wants_client=False):
    """A grpcio server over TLS; yields its port and the metadata it heard."""
    heard = []

    def answer(request, context):
        heard.append(dict(context.invocation_metadata()))
        return request[::-1]

    server = grpc.server(ThreadPoolExecutor(4))
    handler = grpc.unary_unary_rpc_method_handler(answer)
    service = grpc.method_handlers_generic_handler("tensorflow.serving.PredictionService", {"Predict": handler})
    server.add_generic_rpc_handlers((service,))
    pair = ((folder / f"{certificate}.key").read_bytes(), (folder / f"{certificate}.pem").read_bytes())
    ca = (folder / "ca.pem").read_bytes() if wants_client else None
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair], ca, wants_client))
    server.start()
    try:
        yield port, heard
    finally:
        server.stop(0)


SERVERS = {"rest": (rest, "https"), "grpc": (grpcio, "grpcs")}


def level(folder, protocol, port, host="localhost", **changes):
    url = f"{SERVERS[protocol][1]}://{host}:{port}" + ("/v1/models/m:predict" if protocol == "rest" else "")
    timing = {"concurrency": 4, "duration_s": 0.4, "ramp_up_s": 0.1, "timeout_s": 3.0, "ca": str(folder / "ca.pem")}
    body = folder / "00000.body"
    if protocol == "grpc":
        body = folder / "grpc" / "00000.body"
        body.parent.mkdir(exist_ok=True)
        body.write_bytes(b"abc")
        body.with_suffix(".expect").write_bytes(b"cba")
    return Level(url, protocol, body, **{**timing, **changes})


@pytest.mark.parametrize("protocol", SERVERS)
@pytest.mark.parametrize("wants_client", [False, True])
def test_load_goes_over_tls_with_headers_and_right_answers(protocol, wants_client, folder, tmp_path):
    serve, _ = SERVERS[protocol]
    own = {"client_certificate": str(folder / "client.pem"), "client_key": str(folder / "client.key")}
    headers = {"Authorization": "Bearer secret-token", "X-Team": "ours"}
    with serve(folder, wants_client=wants_client) as (port, heard):
        asked = level(folder, protocol, port, headers=headers, **(own if wants_client else {}))
        summary = hold(asked, tmp_path)
    assert summary["requests"] > 10
    assert (summary["errors"], summary["answers"]["wrong"]) == (0, 0)
    assert summary["answers"]["checked"] >= summary["requests"]
    first = {name.lower(): value for name, value in heard[-1].items()}
    assert (first["authorization"], first["x-team"]) == ("Bearer secret-token", "ours")
    assert "secret-token" not in json.dumps(summary), "a record shows the secret"


REFUSED = {
    "wrong authority": ({"ca": "other_ca.pem"}, {}, "not signed by any of the authorities in .*other_ca.pem"),
    "no authority": ({"ca": None}, {}, "not signed by any of the authorities that this machine knows"),
    "stranger": ({}, {"certificate": "stranger"}, "not signed by any of"),
    "expired": ({}, {"certificate": "expired"}, "has expired; renew it"),
    "other name": ({}, {"certificate": "other_name"}, "is not for 'localhost'; set server_name"),
    "wrong name": ({"server_name": "nobody.example"}, {}, "is not for 'nobody.example'"),
    "no client": ({}, {"wants_client": True}, "asks for a client certificate|may .* want a client certificate"),
}


@pytest.mark.parametrize("protocol", SERVERS)
@pytest.mark.parametrize("case", REFUSED)
def test_a_failed_handshake_is_told_from_the_others_before_any_load(case, protocol, folder, tmp_path):
    changes, server, words = REFUSED[case]
    if changes.get("ca"):
        changes = {**changes, "ca": str(folder / changes["ca"])}
    serve, _ = SERVERS[protocol]
    with serve(folder, **server) as (port, heard):
        with pytest.raises(ServerUnreachable, match=words):
            hold(level(folder, protocol, port, **changes), tmp_path)
        assert heard == []


def test_a_name_of_the_certificate_may_stand_in_for_the_address(folder, tmp_path):
    with rest(folder, "other_name") as (port, _):
        summary = hold(level(folder, "rest", port, server_name="elsewhere.example"), tmp_path)
    assert summary["errors"] == 0 < summary["requests"]


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_plain_text_where_tls_was_asked_for_and_the_reverse_are_told(protocol, folder, tmp_path):
    with running(protocol) as plain:
        port = int(plain.url.partition("//")[2].partition("/")[0].rpartition(":")[2] or plain.url.rpartition(":")[2])
        with pytest.raises(ServerUnreachable, match="plain text"):
            hold(level(folder, protocol, port), tmp_path)
    serve, scheme = SERVERS[protocol]
    with serve(folder) as (port, _):
        asked = level(folder, protocol, port)
        url = asked.url.replace(scheme, {"rest": "http", "grpc": "grpc"}[protocol])
        summary = hold(asked.with_(url=url, ca=None, timeout_s=1.0), tmp_path)
    assert summary["answered_inside"] == 0
    assert not summary["valid"]
    assert "speaks TLS and the load was plain text; use https://" in summary["warnings"][0]


@pytest.mark.parametrize(("is_alive", "kind"), [(None, "timeout"), (lambda: False, "unsent")])
def test_an_open_grpc_loop_in_plain_text_is_told_that_the_port_speaks_tls(is_alive, kind, folder, tmp_path):
    """Nothing is sent before the server has greeted: what is due waits, and times out or is never sent."""
    with grpcio(folder) as (port, _):
        asked = level(folder, "grpc", port, concurrency=None, arrival="constant", rate_rps=50.0, timeout_s=0.3)
        plain = asked.with_(url=f"grpc://localhost:{port}", ca=None)
        summary = hold(plain, tmp_path, is_alive=is_alive)
    assert kind in summary["errors_by_kind"]
    assert "speaks TLS and the load was plain text; use https://" in summary["warnings"][0]


def test_a_plain_grpc_server_that_hangs_is_not_said_to_speak_tls(folder, tmp_path):
    with running("grpc", Script(fault="silent", fault_every=1)) as server:
        port = int(server.url.rpartition(":")[2])
        asked = level(folder, "grpc", port, concurrency=None, arrival="constant", rate_rps=50.0, timeout_s=0.2)
        summary = hold(asked.with_(url=f"grpc://127.0.0.1:{port}", ca=None), tmp_path)
    assert set(summary["errors_by_kind"]) == {"timeout"}
    assert not [text for text in summary["warnings"] if "TLS" in text]


@pytest.mark.parametrize("broken", [{"ca": "00000.body"}, {"ca": "nowhere.pem"}, {"client_certificate": "ca.key"}])
def test_certificate_files_that_are_none_are_refused_by_name(broken, folder, tmp_path):
    changes = {name: str(folder / file) for name, file in broken.items()}
    with rest(folder) as (port, _), pytest.raises(LevelError, match=next(iter(broken))):
        hold(level(folder, "rest", port, **changes), tmp_path)


def test_a_user_and_a_password_in_the_url_are_sent_and_never_recorded(folder, tmp_path):
    with rest(folder, certificate="") as (port, heard):
        url = f"http://me:pass%20word@127.0.0.1:{port}/x"
        summary = hold(Level(url, bodies=folder / "00000.body", concurrency=1, duration_s=0.2, ramp_up_s=0), tmp_path)
    assert heard[-1]["Authorization"] == "Basic bWU6cGFzcyB3b3Jk"
    assert heard[-1]["Host"] == f"127.0.0.1:{port}"
    assert summary["level"]["url"] == f"http://***@127.0.0.1:{port}/x"
    assert "pass%20word" not in json.dumps(summary)


def test_the_host_header_stands_in_for_the_address(folder, tmp_path):
    with rest(folder, certificate="") as (port, heard):
        host = {"Host": "models.example"}
        body = folder / "00000.body"
        asked = Level(
            f"http://127.0.0.1:{port}/", bodies=body, concurrency=1, duration_s=0.2, ramp_up_s=0, headers=host
        )
        summary = hold(asked, tmp_path)
    assert heard[-1]["Host"] == "models.example"
    assert summary["level"]["headers"] == host


@pytest.mark.parametrize(
    ("name", "value"), [("X", "a\r\nY: b"), ("a b", "c"), ("", "c"), ("Content-Length", "3"), ("X", "\x00")]
)
def test_headers_that_would_break_a_request_are_refused_without_telling_the_value(name, value, folder):
    with pytest.raises(LevelError, match="headers") as refused:
        Level("http://127.0.0.1:1/", bodies=folder / "00000.body", concurrency=1, headers={name: value})
    assert len(value) < 2 or value not in str(refused.value)


def test_the_command_takes_them_all(folder, tmp_path, capsys):
    token = tmp_path / "token"
    token.write_text("Authorization: Bearer from-a-file\n")
    with rest(folder, wants_client=True) as (port, heard):
        url = f"https://127.0.0.1:{port}/"
        files = [
            "--ca",
            folder / "ca.pem",
            "--client-cert",
            folder / "client.pem",
            "--client-key",
            folder / "client.key",
        ]
        load = ["--concurrency", 1, "--duration", 0.3, "--ramp-up", 0, "--out", tmp_path, "--server-name", "localhost"]
        given = ["--url", url, "--body", folder / "00000.body", *files, *load, "--header", f"@{token}"]
        assert main([str(word) for word in given]) == 0
        assert heard[-1]["Authorization"] == "Bearer from-a-file"
        assert "from-a-file" not in capsys.readouterr().out
        given[given.index("--ca") + 1] = folder / "other_ca.pem"
        assert main([str(word) for word in given]) == 3
    assert "ServerUnreachable: No TLS with 127.0.0.1" in capsys.readouterr().err
