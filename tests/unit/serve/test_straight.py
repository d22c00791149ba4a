"""A proxy that the environment names for the world outside sees nothing of what is asked of a server under test."""

from __future__ import annotations

import socket
import threading

import pytest

from loadgen.errors import ServerUnreachable
from loadgen.scripted.server import running
from loadgen.verdict.counters import requests_served
from playbook.records.sessions import connection
from playbook.serve import client
from playbook.serve.handle import Handle


@pytest.fixture
def proxy(monkeypatch):
    """Who connects to the proxy that http_proxy names; it takes calls and says nothing."""
    seen: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def take() -> None:
            while True:
                try:
                    peer, _ = listening.accept()
                except OSError:
                    return
                seen.append(peer.recv(200))
                peer.close()

        threading.Thread(target=take, daemon=True).start()
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "grpc_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{listening.getsockname()[1]}")
        for name in ("no_proxy", "NO_PROXY", "no_grpc_proxy"):
            monkeypatch.delenv(name, raising=False)
        yield seen
        listening.close()


def test_what_is_asked_beside_load_goes_straight_as_load_does(proxy):
    with running("rest") as server, connection(server.url) as session:
        assert session.post(server.url, data=b"{}").status_code == 200
        assert requests_served(server.metrics_url) >= 1
    assert proxy == []


def test_a_grpc_call_goes_straight(proxy):
    with running("grpc") as server:
        handle = Handle("attach", "m", "", "", server.url.rpartition("//")[2], "", [], [])
        with client.channel(handle) as channel:
            assert channel.unary_unary("/tensorflow.serving.PredictionService/Predict")(b"x", timeout=10)
    assert proxy == []


def test_a_page_that_is_not_there_is_not_asked_of_the_proxy(proxy):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(ServerUnreachable, match="refused"):
        requests_served(f"http://127.0.0.1:{port}/metrics")
    assert proxy == []
