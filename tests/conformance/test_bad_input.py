"""Slow, truncated, oversized and flooding clients: the others keep being served, and the server lives."""

from __future__ import annotations

import contextlib
import resource
import socket
import time

import pytest
from harness import in_threads, predict_request

POST = b"POST /v1/models/half_plus_two:predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"


def served(server) -> None:
    """The server answers both protocols, soon."""
    started = time.monotonic()
    assert server.predict("half_plus_two", {"instances": [1.0]}) == (200, {"predictions": [2.5]})
    reply = server.prediction.Predict(predict_request("half_plus_two", x=[1.0]), timeout=5)
    assert reply.outputs["y"].float_val == [2.5]
    assert time.monotonic() - started < 5
    assert server.process.poll() is None


@pytest.fixture
def sockets(server):
    """connect(count) -> open connections to the REST port, closed afterwards."""
    with contextlib.ExitStack() as stack:

        def connect(count: int) -> list[socket.socket]:
            address = ("127.0.0.1", server.rest_port)
            return [stack.enter_context(socket.create_connection(address, 10)) for _ in range(count)]

        yield connect


def test_truncated_and_slow_bodies_hold_nobody_up(server, sockets):
    clients = sockets(50)
    for client in clients:
        client.sendall(POST % 1000 + b'{"instances": [')
    served(server)
    for client in clients[:25]:
        client.close()
    slow = clients[30]
    body = b'{"instances": [1.0]}' + b" " * 980
    for start in range(15, 1000, 197):
        slow.sendall(body[start : start + 197])
        time.sleep(0.02)
    assert b"2.5" in slow.recv(1000)
    served(server)


def test_half_a_header_and_an_endless_header(server, sockets):
    first, second = sockets(2)
    first.sendall(b"POST /v1/models/half_plus")
    with contextlib.suppress(OSError):
        for _ in range(200):
            second.sendall(b"X-Header: " + b"x" * 10_000 + b"\r\n")
    served(server)


def test_an_oversized_body_is_read_and_refused(server):
    body = b'{"instances": [' + b"1.0, " * 4_000_000 + b"}"
    reply = server.session.post(f"{server.url}/v1/models/half_plus_two:predict", data=body, timeout=60)
    assert reply.status_code == 400
    assert "Invalid value." in reply.json()["error"]
    served(server)


def test_a_thousand_idle_connections(server, sockets):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2500:
        pytest.skip(f"only {hard} files may be open")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2500), hard))
    connections = sockets(1000)
    served(server)
    connections[999].sendall(b"GET /v1/models/half_plus_two HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"AVAILABLE" in connections[999].recv(1000)


def test_a_flood_of_connections(server):
    def flood(index: int) -> int:
        for step in range(60):
            with socket.create_connection(("127.0.0.1", server.rest_port), 10) as client:
                if step % 3 == 0:
                    client.sendall(b"\x00\xff\r\n\r\n" if step % 2 else POST % 10)
        return index

    assert in_threads(8, lambda i: flood(i) if i else served(server))[1:] == list(range(1, 8))
    served(server)


def test_deeply_nested_json_is_refused(server):
    for depth in (300, 500, 1000, 100_000):
        body = b'{"instances": ' + b"[" * depth + b"]" * depth + b"}"
        assert server.predict("half_plus_two", body)[0] == 400
    served(server)


def test_a_request_that_dies_in_flight_leaves_no_trace(server, sockets):
    body = b'{"signature_name": "slow", "instances": [50]}'
    for client in sockets(20):
        client.sendall(POST.replace(b"half_plus_two", b"odd") % len(body) + body)
        client.close()
    served(server)
