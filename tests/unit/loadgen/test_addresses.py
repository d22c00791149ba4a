"""Every address behind a name gets its share of the connections, and what each answered is told."""

import asyncio
import socket
from collections import Counter

import pytest

from loadgen import Level, hold
from loadgen.scripted.script import Script
from loadgen.scripted.server import running
from loadgen.workers import addresses
from loadgen.workers.addresses import Addresses, add_up


class Answering:
    """A connection that has answered so many requests."""

    def __init__(self, answered):
        self.answered, self.lost = answered, asyncio.get_running_loop().create_future()


@pytest.fixture
def names(monkeypatch):
    """What the resolver says of the name `pods`; tests change it."""
    known = {"pods": ["10.0.0.2", "10.0.0.1", "10.0.0.3"]}

    def look_up(host, port, **_):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in known[host]]

    async def look_up_later(_, host, port, **more):
        return look_up(host, port)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", look_up_later)
    return known


def test_connections_go_to_all_addresses_in_turn_and_workers_begin_apart(names):
    async def taken(turn):
        pods = Addresses("pods", 8501, turn)
        return [await pods.next() for _ in range(6)]

    first, second = asyncio.run(taken(0)), asyncio.run(taken(1))
    assert Counter(first) == Counter(second) == dict.fromkeys(sorted(names["pods"]), 2)
    assert first[0] != second[0]


@pytest.mark.parametrize("listens", ["127.0.0.1", "::1", None])
def test_a_name_of_two_kinds_of_address_is_reached_where_its_server_listens(monkeypatch, listens):
    kinds = {"::1": socket.AF_INET6, "127.0.0.1": socket.AF_INET}
    with socket.socket(kinds[listens or "::1"]) as server:
        server.bind((listens or "::1", 0))
        server.listen() if listens else None
        port = server.getsockname()[1]
        found = [(kind, socket.SOCK_STREAM, 6, "", (address, port)) for address, kind in kinds.items()]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        assert Addresses("localhost", port).known == [listens or "::1"]


def test_a_pod_that_came_later_is_found_and_one_that_went_is_left_alone(names, monkeypatch):
    monkeypatch.setattr(addresses, "FRESH_S", 0.0)

    async def taken():
        pods = Addresses("pods", 8501)
        await pods.next()
        names["pods"] = ["10.0.0.3", "10.0.0.9"]
        return {await pods.next() for _ in range(4)}

    assert asyncio.run(taken()) == {"10.0.0.3", "10.0.0.9"}


def test_what_each_address_answered_is_counted_also_over_connections_that_went(names):
    async def counted():
        pods = Addresses("pods", 8501)
        gone, stands = Answering(70), Answering(30)
        pods.opened("10.0.0.1", gone)
        pods.opened("10.0.0.1", stands)
        pods.opened("10.0.0.2", Answering(5))
        gone.lost.set_result(None)
        await asyncio.sleep(0)
        return pods.counts()

    assert asyncio.run(counted()) == {"10.0.0.1": 100, "10.0.0.2": 5, "10.0.0.3": 0}
    assert add_up([{"a": 1, "b": 0}, {"a": 2}]) == {"a": 3, "b": 0}


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_the_result_of_a_level_counts_every_answer_by_address(protocol, tmp_path):
    body = tmp_path / "one.body"
    body.write_bytes(b"{}")
    with running(protocol) as server:
        level = Level(server.url, protocol, body, "constant", rate_rps=200.0, duration_s=1.0, ramp_up_s=0.2)
        summary = hold(level, tmp_path / "rows")
    # 200 in the window, and half of that rate while it rises over 0.2 s
    assert summary["addresses"] == {"127.0.0.1": pytest.approx(220, abs=2)}
    assert summary["errors"] == 0


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
@pytest.mark.parametrize("fault", ["silent", "reset"])
def test_an_address_that_answers_nothing_has_answered_nothing_and_is_not_asked_without_a_pause(
    fault, protocol, tmp_path
):
    """Over gRPC every time-out and reset was an answer: a hung pod looked as busy as the others."""
    body = tmp_path / "one.body"
    body.write_bytes(b"{}")
    with running(protocol, Script(fault=fault, fault_every=1)) as server:
        level = Level(
            server.url, protocol, body, concurrency=4, connections=4, duration_s=1.0, ramp_up_s=0.0, timeout_s=0.2
        )
        summary = hold(level.with_(to_the_end=True), tmp_path / "rows")
    assert summary["errors"] == summary["requests"] > 0
    assert summary["addresses"] == {"127.0.0.1": 0}
    # Waits of 10 ms, doubled from one to the next, let seven times pass in a second; one wait may fall to the end
    assert summary["connections_opened"] <= 4 * 8


def test_a_grpc_status_is_an_answer_too(tmp_path):
    body = tmp_path / "one.body"
    body.write_bytes(b"x")
    with running("grpc", Script(fault="status", fault_every=2)) as server:
        level = Level(server.url, "grpc", body, "constant", rate_rps=100.0, duration_s=0.5, ramp_up_s=0.0)
        summary = hold(level, tmp_path / "rows")
    assert (summary["errors"], summary["addresses"]) == (25, {"127.0.0.1": 50})
