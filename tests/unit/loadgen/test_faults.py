"""Every way a request can fail is counted by kind, stays out of the latency, and does not stop the load."""

from __future__ import annotations

import json
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import duckdb
import grpc
import pytest

from loadgen import Level, hold
from loadgen.errors import ServerUnreachable
from loadgen.scripted.script import LIES, Script
from loadgen.scripted.server import running
from loadgen.verdict.counters import requests_served

ROWS = 50


@pytest.fixture(scope="module")
def bodies(tmp_path_factory):
    """Fifty rows, each with an answer of its own."""
    folder = tmp_path_factory.mktemp("bodies")
    for i in range(ROWS):
        (folder / f"{i:05d}.body").write_text(json.dumps({"instances": [[i / ROWS] * 20]}))
        (folder / f"{i:05d}.expect").write_text(json.dumps({"predictions": [[i / ROWS, 1 - i / ROWS]]}))
    return folder


def held(server, protocol, bodies, out, on_progress=None, **changes):
    base = {
        "arrival": "poisson",
        "rate_rps": 1500.0,
        "duration_s": 0.8,
        "ramp_up_s": 0.1,
        "timeout_s": 2.0,  # a server that waits for a core has not fallen silent
        "connections": 60,
        "check_share": 1.0,
        "metrics_url": server.metrics_url,
    }
    return hold(Level(server.url, protocol, bodies, **{**base, **changes}), out, on_progress)


def held_until(requests, script, protocol, bodies, out, duration_s, **fields):
    """A level that is held anew, for longer, until it has more requests than this: a busy machine takes its time."""
    for times in (1, 3, 9, 27):
        with running(protocol, script) as server:
            level = Level(server.url, protocol, bodies, duration_s=times * duration_s, ramp_up_s=0.1, **fields)
            summary = hold(level, out)
        if summary["requests"] > requests:
            break
    return summary


KINDS = {"reset": "reset", "short": "short_reply", "silent": "timeout", "garbage": "protocol", "wrong": "wrong_answer"}


@pytest.mark.parametrize(("protocol", "status"), [("rest", "http_503"), ("grpc", "grpc_8")])
def test_each_fault_is_counted_by_kind_and_stays_out_of_latency(protocol, status, bodies, tmp_path):
    script = Script(fault=",".join([*KINDS, "status"]), fault_every=60, bodies=str(bodies))
    with running(protocol, script) as server:
        summary = held(server, protocol, bodies, tmp_path)
    seen = summary["errors_by_kind"]
    assert set(seen) == {*KINDS.values(), status}
    assert summary["errors"] == sum(seen.values()) <= 0.05 * summary["requests"]
    good = f"SELECT max(done_ns - scheduled_ns) / 1e6 FROM '{tmp_path}/requests.parquet' WHERE error IS NULL"
    assert summary["latency_ms"]["max"] == pytest.approx(duckdb.sql(good).fetchall()[0][0], rel=0.001)
    assert {"wrong_answers", "broken_protocol", "too_many_errors"} <= set(summary["failed_checks"])
    first = summary["answers"]["first_broken"]
    assert first["got"] != first["expected"]
    assert any(first["body"] in text and repr(first["got"]) in text for text in summary["warnings"])
    assert summary["balance"]["balanced"], summary["balance"]
    rows = duckdb.sql(f"SELECT error, count(*) FROM '{tmp_path}/requests.parquet' WHERE error NOT NULL GROUP BY 1")
    by_kind = {kind.partition("_")[0] if kind == status else kind: n for kind, n in seen.items()}
    assert dict(rows.fetchall()) == by_kind


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_a_server_that_closes_politely_costs_a_connection_but_no_request(protocol, bodies, tmp_path):
    with running(protocol, Script(fault="leave", fault_every=100, bodies=str(bodies))) as server:
        summary = held(server, protocol, bodies, tmp_path, timeout_s=30.0)
    assert summary["errors"] == 0, summary["errors_by_kind"]
    assert summary["connections_opened"] > summary["connections"]
    assert (summary["answers"]["wrong"], summary["answers"]["first_wrong"]) == (0, None)
    assert summary["answers"]["checked"] >= summary["requests"]


def grpcio_gets(fault):
    """What grpcio's user sees of a server that does this to every third call."""
    with running("grpc", Script(fault=fault, fault_every=3)) as server, grpc.insecure_channel(server.url) as channel:
        call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
        return len([call(b"x", timeout=10) for _ in range(8)])


def test_a_call_that_the_server_has_not_looked_at_is_sent_again_once_as_grpcio_does(bodies, tmp_path):
    assert grpcio_gets("unseen") == 8
    with running("grpc", Script(fault="unseen", fault_every=50, bodies=str(bodies))) as server:
        summary = held(server, "grpc", bodies, tmp_path, timeout_s=30.0)
    assert summary["resent"] > 5
    assert set(summary["errors_by_kind"]) <= {"reset"}, "the second try may meet the server's next farewell"
    assert summary["errors"] < summary["resent"] / 3
    assert summary["balance"]["balanced"], summary["balance"]
    assert any(f"{summary['resent']} calls were sent a second time" in text for text in summary["warnings"])
    assert "little_law" not in summary["failed_checks"]


def test_a_call_that_is_not_looked_at_twice_has_failed_and_so_has_one_that_is_refused(bodies, tmp_path):
    with running("grpc", Script(fault="unseen", fault_every=1, bodies=str(bodies))) as server:
        unseen = held(server, "grpc", bodies, tmp_path, duration_s=0.3)
    assert set(unseen["errors_by_kind"]) <= {"reset", "timeout"}
    assert unseen["errors"] == unseen["requests"] >= unseen["resent"] > 0
    with pytest.raises(grpc.RpcError, match="UNAVAILABLE"):
        grpcio_gets("refused")
    with running("grpc", Script(fault="refused", fault_every=1, bodies=str(bodies))) as server:
        refused = held(server, "grpc", bodies, tmp_path, duration_s=0.3, timeout_s=30.0)
    assert (refused["resent"], refused["errors_by_kind"]) == (0, {"reset": refused["requests"]})


def test_a_closed_loop_whose_connections_are_told_to_go_keeps_its_clients(bodies, tmp_path):
    with running("grpc", Script(fault="unseen", fault_every=40, delay_s=0.002, bodies=str(bodies))) as server:
        closed = {"arrival": "closed", "rate_rps": None, "concurrency": 8, "connections": 2}
        summary = held(server, "grpc", bodies, tmp_path, **closed)
    assert summary["resent"] > 5
    assert summary["mean_in_flight"] <= 8.01


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_a_neighbours_row_in_one_reply_of_ten_thousand_is_caught_by_default(protocol, bodies, tmp_path):
    script = Script(fault="wrong", fault_every=10_000, bodies=str(bodies))
    summary = held_until(10_000, script, protocol, bodies, tmp_path, duration_s=2.0, concurrency=32)
    answers = summary["answers"]
    assert summary["requests"] > 10_000
    assert answers["checked"] >= summary["requests"]
    assert answers["checked"] / 10_000 - 2 <= answers["wrong"] <= answers["checked"] / 10_000
    assert "wrong_answers" in summary["failed_checks"]
    assert answers["first_wrong"]["got"] != answers["first_wrong"]["expected"]
    asked = json.loads((bodies / answers["first_wrong"]["body"]).read_text())["instances"][0][0]
    if protocol == "rest":
        assert json.loads(answers["first_wrong"]["expected"])["predictions"][0][0] == asked


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
@pytest.mark.parametrize("lie", LIES)
def test_an_answer_that_is_none_is_found_although_its_status_is_good(lie, protocol, bodies, tmp_path):
    script = Script(fault=lie, fault_every=150, bodies=str(bodies))
    summary = held_until(150, script, protocol, bodies, tmp_path, duration_s=0.3, concurrency=2)
    assert summary["answers"]["wrong"] >= 1
    assert set(summary["errors_by_kind"]) <= {"wrong_answer"}
    assert "wrong_answers" in summary["failed_checks"]
    (said,) = [text for text in summary["warnings"] if "were not the expected answer" in text]
    assert summary["answers"]["first_wrong"]["body"] in said


@pytest.fixture(scope="module")
def ended_early(bodies, tmp_path_factory):
    """Levels of 60 s against a port where nothing listens, and against servers killed under load, all at once."""
    out = tmp_path_factory.mktemp("out")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
    base = Level(url, bodies=bodies, concurrency=4, duration_s=60.0, ramp_up_s=0.1, connections=10)

    def killed(protocol):
        with running(protocol, Script(bodies=str(bodies))) as server:

            def kill(progress):
                if progress["requests"] > 300:
                    server.process.send_signal(signal.SIGKILL)

            return held(server, protocol, bodies, out / protocol, on_progress=kill, duration_s=60.0)

    began = time.monotonic()
    with ThreadPoolExecutor() as pool:
        jobs = {protocol: pool.submit(killed, protocol) for protocol in ("rest", "grpc")}
        jobs["closed"] = pool.submit(hold, base, out / "closed")
        jobs["open"] = pool.submit(hold, base.with_(arrival="poisson", rate_rps=100.0, concurrency=None), out / "open")
        found = {name: job.result() for name, job in jobs.items()}
    assert time.monotonic() - began < 15
    return found


@pytest.mark.parametrize("loop", ["closed", "open"])
def test_a_dead_port_ends_the_level_early_and_invalid(loop, ended_early):
    summary = ended_early[loop]
    assert "refused" in summary["errors_by_kind"]
    assert summary["errors"] == summary["requests"] > 0
    assert summary["dead"]
    assert not summary["valid"]
    assert "stopped answering" in summary["warnings"][0]
    assert summary["refusals"] <= 10 * 20, "ten connections that back off to a second let no more pass"


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_a_server_killed_under_load_ends_the_level_early(protocol, ended_early):
    summary = ended_early[protocol]
    assert summary["dead"]
    assert summary["duration_s"] < 12
    assert summary["requests"] > summary["errors"] > 0


def test_requests_beyond_the_cap_are_timed_from_when_they_were_due(bodies, tmp_path):
    script = Script(delay_s=0.05, bodies=str(bodies))  # 600/s x 0.05 s want 30 connections; 10 let 200/s through
    with running("rest", script) as server:
        summary = held(server, "rest", bodies, tmp_path, rate_rps=600.0, connections=10, timeout_s=30.0, duration_s=0.5)
    assert summary["in_flight_cap"] == 10
    assert summary["queued"] > summary["requests"] / 2
    assert summary["latency_ms"]["max"] > 5 * summary["service_ms"]["mean"]
    assert "offered_rate" in summary["failed_checks"]


def test_a_few_grpc_connections_carry_as_many_streams_as_the_rate_asks_for(bodies, tmp_path):
    with running("grpc", Script(delay_s=0.1, bodies=str(bodies))) as server:
        summary = held(server, "grpc", bodies, tmp_path, rate_rps=300.0, connections=2, duration_s=0.5)
    assert summary["queued"] == 0
    assert summary["latency_ms"]["mean"] < 1000, "one a connection: 150 requests would wait 3.7 s in the mean"


def test_a_level_held_to_its_end_calls_on_when_nothing_answers(bodies, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
    base = {"arrival": "constant", "rate_rps": 50.0, "duration_s": 4.0, "ramp_up_s": 0.0, "to_the_end": True}
    summary = hold(Level(url, "rest", bodies, **base), tmp_path, is_alive=lambda: False)
    assert (summary["dead"], summary["hung"], summary["duration_s"]) == (False, False, 4.0)
    assert summary["errors"] == summary["requests"] == 200


def test_half_of_a_metrics_page_is_a_server_that_cannot_be_read():
    """As of one that is killed while it answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as pool:

        def half() -> None:
            peer, _ = listening.accept()
            with peer:
                peer.recv(1000)
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n# TYPE x counter\n")

        answered = pool.submit(half)
        with pytest.raises(ServerUnreachable, match="more expected"):
            requests_served(f"http://127.0.0.1:{listening.getsockname()[1]}/metrics")
        answered.result()
