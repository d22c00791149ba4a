"""The balancer passes bytes on, tries the next server where it is told to, and drains one without losing a request."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator

import pytest
import requests

from playbook.drill.balancer import Balancer

GONE = ("127.0.0.1", 1)  # nothing listens there


class Named(http.server.BaseHTTPRequestHandler):
    """Answers with the name of its server, and keeps connections."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.server.name.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def servers() -> Iterator[list[tuple[str, int]]]:
    """Two servers that tell their names, 0 and 1."""
    made = [http.server.ThreadingHTTPServer(("127.0.0.1", 0), Named) for _ in range(2)]
    for name, server in enumerate(made):
        server.name, server.daemon_threads = str(name), True
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield [server.server_address for server in made]
    for server in made:
        server.shutdown()
        server.server_close()


def url(balancer: Balancer) -> str:
    return f"http://127.0.0.1:{balancer.port}/"


def test_connections_go_to_the_servers_in_turn(servers) -> None:
    with Balancer(servers) as balancer:
        answers = [requests.get(url(balancer), headers={"Connection": "close"}, timeout=5).text for _ in range(6)]
    assert sorted(answers) == ["0", "0", "0", "1", "1", "1"]


def test_a_server_that_is_gone_costs_a_connection_unless_the_next_one_is_tried(servers) -> None:
    with Balancer([GONE, servers[0]]) as balancer, pytest.raises(requests.ConnectionError):
        [requests.get(url(balancer), headers={"Connection": "close"}, timeout=5) for _ in range(2)]
    with Balancer([GONE, servers[0]], retries=True) as balancer:
        answers = [requests.get(url(balancer), headers={"Connection": "close"}, timeout=5).text for _ in range(4)]
    assert answers == ["0"] * 4


def test_a_server_taken_out_keeps_no_connection_and_no_request_is_lost(servers) -> None:
    with Balancer(servers, rotation=[0]) as balancer, requests.Session() as used:
        idle = socket.create_connection(("127.0.0.1", balancer.port))
        idle.sendall(b"GET / HTTP/1.1\r\nHost: drill\r\n\r\n")
        said = b""
        while not said.endswith(b"0"):  # head and body may come apart
            said += idle.recv(4096)
        assert used.get(url(balancer), timeout=5).text == "0"
        balancer.put_in(1)
        balancer.take_out(0)
        last = used.get(url(balancer), timeout=5)  # on the connection that stands
        assert (last.text, last.headers["Connection"]) == ("0", "close")
        assert used.get(url(balancer), timeout=5).text == "1"
        assert balancer.drained(0, 5.0) is not None
        assert idle.recv(4096) == b"", "one that nobody used is closed after a while"
        idle.close()
