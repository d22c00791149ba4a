"""Routing, methods, status, metadata and the HTTP layer of the REST port."""

from __future__ import annotations

import gzip
import http.client
import json
import shutil
import socket
import subprocess

import pytest
from harness import METRICS_PATH, Server

from playbook.lint.checks.rest_paths import refused_path


def raw(server, request: bytes, timeout_s: float = 10) -> bytes:
    """Send bytes, read until the server hangs up or falls silent."""
    with socket.create_connection(("127.0.0.1", server.rest_port), timeout_s) as client:
        client.sendall(request)
        client.settimeout(1)
        answer = b""
        try:
            while piece := client.recv(65536):
                answer += piece
        except TimeoutError:
            pass
        return answer


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/models/half_plus_two:predict"),
        ("POST", "/v1/models/half_plus_two"),
        ("PUT", "/v1/models/half_plus_two:predict"),
        ("DELETE", "/v1/models/half_plus_two"),
        ("PATCH", "/v1/models/half_plus_two"),
        ("POST", "/v1/models/half_plus_two:predict?x=1"),
        ("POST", "/v1/models/half_plus_two:explain"),
        ("POST", "/v1/models/half_plus_two:PREDICT"),
        ("POST", "/v1/models/half_plus_two/versions/123:Classify"),
        ("POST", "/v1/models/half_plus_two/labels/a:rEgress"),
        ("POST", "/v1/models/half_plus_two/versions/abc:predict"),
        ("GET", "/v1/anything"),
    ],
)
def test_everything_else_under_v1_is_malformed(server, method, path):
    reply = server.session.request(method, server.url + path, data=b"{}", timeout=10)
    assert (reply.status_code, reply.json()) == (400, {"error": f"Malformed request: {method} {path}"})
    assert reply.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_lint_names_a_path_exactly_when_the_server_has_no_such_route(server, method):
    ends = ["", "/", "/metadata", "/versions/123", "/versions/x", "/labels/a", "/labels/a/metadata", "/versions/123/"]
    ends += [":predict", ":PREDICT", "/predict", ":explain", ":regress", "/versions/123:classify", "/labels/a:predict"]
    paths = [f"{begin}/half_plus_two{end}" for begin in ("v1/models", "v1/model", "models") for end in ends]
    paths = [path for path in paths if not (method == "GET" and ":" in path)]  # lint cannot tell that curl asks by GET
    for path in paths:
        reply = server.session.request(method, f"{server.url}/{path}", data=b"{}", timeout=10)
        refused = reply.status_code == 404 and "html" in reply.headers["Content-Type"]
        refused |= reply.status_code == 400 and reply.json()["error"].startswith("Malformed request")
        told = [hit.message for hit in refused_path(path, method == "POST", "a.md", 1)]
        assert bool(told) == refused, (path, reply.text, told)
        assert all(f"by {reply.status_code}:" in message for message in told), (path, told)


def test_other_paths_get_libevents_page(server):
    reply = server.get("/")
    assert reply.status_code == 404
    assert reply.headers["Content-Type"] == "text/html"
    assert reply.headers["Connection"] == "close"
    assert reply.text == (
        "<HTML><HEAD>\n<TITLE>404 Not Found</TITLE>\n</HEAD><BODY>\n<H1>Not Found</H1>\n</BODY></HTML>\n"
    )


def test_missing_model_name_and_version_too_big(server):
    assert server.get("/v1/models").json() == {"error": "Missing model name in request."}
    for big in ("9" * 25, str(1 << 63), "8" * 5000, "0" * 5000 + "9" * 20):
        for reply in (server.get(f"/v1/models/m/versions/{big}"), server.get(f"/v1/models/m/versions/{big}/metadata")):
            assert (reply.status_code, reply.json()["error"]) == (400, f"Failed to convert version: {big} to numeric.")
        assert server.error(f"half_plus_two/versions/{big}", {"instances": [1]}).startswith("Failed to convert version")
    assert server.get(f"/v1/models/half_plus_two/versions/{'0' * 5000}123").status_code == 200


def test_the_prefix_ignores_case_and_names_are_percent_decoded(server):
    url = f"{server.url}/V1/MODELS/half%5Fplus_two/VERSIONS/123:predict"
    assert server.session.post(url, json={"instances": [1]}, timeout=9).json() == {"predictions": [2.5]}


def test_metadata_in_capitals_is_the_status(server):
    assert server.get("/v1/models/half_plus_two/METADATA").json() == server.get("/v1/models/half_plus_two").json()


def test_refusals_of_a_path_that_names_a_model_are_counted_under_its_name(server):
    name = 'serving:request_count{model_name="half_plus_two",status="INVALID_ARGUMENT"}'
    before = server.metric(name)
    server.error("half_plus_two", b"", 400)
    assert server.session.post(f"{server.url}/v1/models/half_plus_two:PREDICT", timeout=9).status_code == 400
    assert server.get(f"/v1/models/half_plus_two/versions/{'9' * 30}").status_code == 400
    assert server.metric(name) - before == 3


def test_status_has_protobufs_json(server):
    reply = server.get("/v1/models/half_plus_two")
    entry = {"version": "123", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    assert reply.json() == {"model_version_status": [entry]}
    assert reply.text.startswith('{\n "model_version_status": [\n  {\n   "version": "123",\n   "state": "AVAILABLE"')
    assert server.get("/v1/models/half_plus_two/versions/123").json() == reply.json()
    assert server.get("/v1/models/half_plus_two/labels/any").json() == reply.json()


def test_status_of_what_is_not_there(server):
    reply = server.get("/v1/models/nobody")
    assert (reply.status_code, reply.json()) == (404, {"error": "Could not find any versions of model nobody"})
    reply = server.get("/v1/models/half_plus_two/versions/9")
    assert (reply.status_code, reply.json()) == (404, {"error": "Could not find version 9 of model half_plus_two"})


def test_metadata_has_the_doubled_signature_def(server):
    reply = server.get("/v1/models/half_plus_two/versions/123/metadata").json()
    assert reply["model_spec"] == {"name": "half_plus_two", "signature_name": "", "version": "123"}
    signatures = reply["metadata"]["signature_def"]["signature_def"]
    assert {"serving_default", "triple", "__saved_model_init_op"} <= set(signatures)
    assert signatures["serving_default"]["inputs"]["x"]["dtype"] == "DT_FLOAT"
    assert signatures["serving_default"]["method_name"] == "tensorflow/serving/predict"


def test_options_needs_an_origin(server):
    url = f"{server.url}/v1/models/half_plus_two:predict"
    refused = server.session.options(url, timeout=9)
    assert (refused.status_code, refused.content) == (400, b"")
    allowed = server.session.options(url, headers={"Origin": "https://example.org"}, timeout=9)
    assert (allowed.status_code, allowed.content) == (200, b"")
    assert "Access-Control-Allow-Origin" not in allowed.headers
    assert "Content-Type" not in allowed.headers


def test_options_are_counted_under_no_name(server):
    def counts() -> list[float]:
        names = ('count{model_name="",status="OK"}', 'count{model_name="",status="FAILED_PRECONDITION"}')
        latency = 'serving:request_latency_count{model_name="",API="",entrypoint="REST"}'
        return [*(server.metric(f"serving:request_{name}") for name in names), server.metric(latency)]

    before = counts()
    for origin in ("http://a", "https://b", "null"):
        server.session.options(f"{server.url}/v1/x", headers={"Origin": origin}, timeout=9)
    assert [after - b for after, b in zip(counts(), before, strict=True)] == [2, 1, 2]


def test_cors_headers_with_the_flag(models, tmp_path):
    flags = (f"--model_base_path={models}/half_plus_two", "--model_name=m", "--rest_api_enable_cors_support=true")
    with Server(tmp_path, *flags) as running:
        for reply in (running.get("/v1/models/m"), running.get("/v1/models/no")):
            assert reply.headers["Access-Control-Allow-Origin"] == "*"
            assert reply.headers["Access-Control-Allow-Methods"] == "POST, GET"
            assert reply.headers["Access-Control-Allow-Headers"] == "Content-Type"
        assert running.get(METRICS_PATH).status_code == 404  # no monitoring config: libevent's page


def test_keep_alive_serves_many_requests_on_one_connection(server):
    client = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=10)
    for value in range(5):
        client.request("POST", "/v1/models/half_plus_two:predict", json.dumps({"instances": [value]}))
        reply = client.getresponse()
        assert json.loads(reply.read()) == {"predictions": [value / 2 + 2]}
        assert reply.getheader("Date")
    client.close()


def test_heads_that_differ_only_in_the_length_are_known_again_and_others_are_not(server):
    client = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=9)
    client.connect()

    def predictions(name: str, body: bytes, header: str = "X: y"):
        head = f"POST /v1/models/{name}:predict HTTP/1.1\r\n{header}\r\nContent-Length: {len(body)}\r\n\r\n"
        client.sock.sendall(head.encode() + body)  # at once, or it is no head that came whole
        reply = http.client.HTTPResponse(client.sock)
        reply.begin()
        return json.loads(reply.read())["predictions"]

    for _ in range(3):
        for values in ([1.0], [1.0, 2.0], [1.0, 2.0, 100.0], [7.0]):
            body = json.dumps({"instances": values}).encode()
            assert predictions("half_plus_two", body) == [0.5 * value + 2 for value in values]
            assert predictions("half_plus_three", body) == [0.5 * value + 3 for value in values]
            assert predictions("half_plus_two", gzip.compress(body), "Content-Encoding: gzip")[0] == 0.5 * values[0] + 2
    client.close()


def test_pipelined_requests_are_answered_in_order(server):
    bodies = [json.dumps({"instances": [value]}).encode() for value in range(20)]
    head = b"POST /v1/models/half_plus_two:predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
    answer = raw(server, b"".join(head % (len(body), body) for body in bodies))
    found = [
        json.loads(piece.split(b"\r\n\r\n")[1])["predictions"][0] for piece in answer.split(b"HTTP/1.1 200 OK")[1:]
    ]
    assert found == [value / 2 + 2 for value in range(20)]


def test_http_10_closes_unless_asked(server):
    answer = raw(server, b"GET /v1/models/half_plus_two HTTP/1.0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.0 200 OK")
    assert b"Connection: close" in answer
    assert b"Date:" not in answer


def test_http_10_with_keep_alive_is_told_that_the_connection_stays(server):
    post = b"POST /v1/models/half_plus_two:predict HTTP/1.0\r\nConnection: Keep-Alive\r\nContent-Length: 18\r\n\r\n"
    missing = b"GET /v1/models/nobody HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.rest_port), 10) as client:
        for sent, line in ((post + b'{"instances": [1]}', b"200 OK"), (missing, b"404 Not Found")) * 2:
            client.sendall(sent)
            head, _, body = client.recv(1000).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.0 " + line)
            assert b"Connection: keep-alive" in head
            assert b"Content-Length: %d" % len(body) in head


def test_a_client_that_says_no_more_gets_its_replies_and_then_the_end(server):
    body = b'{"instances": [1]}'
    post = b"POST /v1/models/half_plus_two:predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
    slow = b'{"signature_name": "slow", "instances": [300]}'
    later = post.replace(b"half_plus_two", b"odd") % (len(slow), slow)
    for sent, replies in ((post % (18, body), 1), (post % (18, body) * 3, 3), (later + post % (18, body), 2)):
        with socket.create_connection(("127.0.0.1", server.rest_port), 10) as client:
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            answer = b""
            while piece := client.recv(65536):
                answer += piece
        assert answer.count(b"HTTP/1.1 200 OK") == replies
    assert raw(server, b"") == b""


def test_a_target_with_scheme_and_host_is_its_path(server):
    body = b'{"instances": [1]}'
    for host in (b"http://example.com:80", b"HTTPS://[::1]"):
        head = b"POST %s/v1/models/half_plus_two:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 18\r\n\r\n" % host
        assert b"200 OK" in raw(server, head + body)
    assert b"404 Not Found" in raw(server, b"GET http://example.com HTTP/1.1\r\nHost: x\r\n\r\n")


def test_expect_100_continue_is_answered(server):
    head = b"POST /v1/models/half_plus_two:predict HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 18\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.rest_port), 10) as client:
        client.sendall(head)
        assert client.recv(100).startswith(b"HTTP/1.1 100 Continue")
        client.sendall(b'{"instances": [1]}')
        assert b"200 OK" in client.recv(1000)


def test_trace_and_garbage_get_libevents_answers(server):
    assert raw(server, b"TRACE /v1/models/x HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 501 Not Implemented")
    assert raw(server, b"\x16\x03\x01 garbage\r\n\r\n").startswith(b"HTTP/1.1 400 Bad Request")


def test_head_has_no_body(server):
    answer = raw(server, b"HEAD /v1/models/half_plus_two HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 Bad Request")
    assert answer.endswith(b"\r\n\r\n")


def test_metrics_page_refuses_a_query(server):
    reply = server.get(f"{METRICS_PATH}?x=1")
    assert reply.status_code == 400
    assert reply.headers["Content-Type"] == "text/plain"
    assert reply.text == f"Unexpected path: {METRICS_PATH}?x=1. Should be {METRICS_PATH}"
    assert server.session.post(server.url + METRICS_PATH, timeout=9).status_code == 200


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_curl_as_in_the_guide(server):
    command = ["curl", "-s", "-d", '{"instances": [1.0, 2.0, 5.0]}', f"{server.url}/v1/models/half_plus_two:predict"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    assert json.loads(done.stdout) == {"predictions": [2.5, 3.0, 4.5]}
    chunked = [*command[:2], "-H", "Transfer-Encoding: chunked", "--http2", *command[2:]]
    done = subprocess.run(chunked, capture_output=True, text=True, timeout=10, check=True)
    assert json.loads(done.stdout) == {"predictions": [2.5, 3.0, 4.5]}
