"""How gRPC connections live and end: age, idleness, keep-alive, pings, and what is left of them; and proper clients."""

from __future__ import annotations

import asyncio
import gc
import re
import shutil
import socket
import subprocess
import time

import grpc
import numpy as np
import psutil
import pytest
from harness import NO_LIMIT, Server, in_threads, predict_request, rpc_error, tensor, wait_until
from http2 import ACK, DATA, END_STREAM, GOAWAY, PING, PREDICT, PREFACE, RawClient, frame, prefixed, settings
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from model_server.grpc.connection import Http2Connection
from model_server.grpc.heads import Head
from model_server.grpc.limits import ChannelLimits

REQUEST = predict_request("default", x=[1.0, 2.0])
LAST = 2**31 - 1


@pytest.fixture
def start(models, tmp_path):
    """start(model, arguments): a server with these channel arguments."""
    running = []

    def begin(arguments: str, model: str = "half_plus_two") -> Server:
        flags = (f"--model_base_path={models}/{model}", f"--grpc_channel_arguments={arguments}")
        running.append(Server(tmp_path, *flags, rest=False))
        return running[-1]

    yield begin
    for server in running:
        server.stop()


def goaway(raw: RawClient) -> tuple[int, str]:
    got = raw.wait(GOAWAY)
    return int.from_bytes(got.payload[:4], "big"), got.code


def test_an_old_connection_is_left_in_two_steps_and_its_calls_are_answered(start):
    server = start("grpc.max_connection_age_ms=700")
    with RawClient(server.port) as raw:
        early = raw.open()
        assert goaway(raw) == (LAST, "NO_ERROR")
        ping = raw.wait(PING)
        late = raw.open()  # the client has not read the GOAWAY yet
        raw.send(frame(PING, ACK, 0, ping.payload))
        assert goaway(raw) == (late, "NO_ERROR")
        refused = raw.open()
        assert raw.ends_stream(refused) == "REFUSED_STREAM"
        for stream in (early, late):
            raw.send(frame(DATA, END_STREAM, stream, prefixed(REQUEST.SerializeToString())))
            assert raw.status(stream) == ("0", "")
        assert raw.read() is None


def test_the_grace_of_an_old_connection_ends(start):
    server = start("grpc.max_connection_age_ms=300,grpc.max_connection_age_grace_ms=300")
    with RawClient(server.port) as raw:
        raw.open()
        assert goaway(raw)[0] == LAST
        started_s = time.monotonic()
        assert raw.end() == "closed"
        assert time.monotonic() - started_s > 0.25


def test_a_client_of_grpc_moves_from_an_old_connection_to_a_new_one_without_an_error(start):
    server = start("grpc.max_connection_age_ms=150,grpc.max_connection_age_grace_ms=2000")
    until_s, answers = time.monotonic() + 2, 0
    while time.monotonic() < until_s:
        assert list(server.prediction.Predict(REQUEST, timeout=9).outputs["y"].float_val) == [2.5, 3.0]
        answers += 1
    assert answers > 50


def test_an_idle_connection_is_left(start):
    server = start("grpc.max_connection_idle_ms=400")
    with RawClient(server.port) as raw:
        started_s = time.monotonic()
        raw.status(raw.begin(REQUEST.SerializeToString()))
        assert goaway(raw) == (LAST, "NO_ERROR")
        assert time.monotonic() - started_s > 0.35
        raw.send(frame(PING, ACK, 0, raw.wait(PING).payload))
        assert raw.end() == "NO_ERROR"


def test_a_client_that_does_not_answer_keepalive_is_hung_up_on(start):
    server = start("grpc.keepalive_time_ms=300,grpc.keepalive_timeout_ms=300")
    with RawClient(server.port) as raw:
        raw.open()
        for _ in range(2):
            raw.send(frame(PING, ACK, 0, raw.wait(PING).payload))
        raw.wait(PING)
        assert raw.end() == "closed"
    with RawClient(server.port) as raw:  # without a call nobody asks
        raw.socket.settimeout(1.2)
        with pytest.raises(TimeoutError):
            raw.read()


def test_pings_too_often_end_the_connection_as_grpc_does(start):
    server = start("grpc.http2.max_ping_strikes=1")
    with RawClient(server.port) as raw:
        raw.send(frame(PING, 0, 0, b"12345678") * 3)
        got = raw.wait(GOAWAY)
        assert (got.code, got.payload[8:]) == ("ENHANCE_YOUR_CALM", b"too_many_pings")
    with RawClient(server.port) as raw:  # what is answered in between may be pinged about
        for _ in range(20):
            raw.send(frame(PING, 0, 0, b"12345678"))
            assert raw.status(raw.begin(REQUEST.SerializeToString())) == ("0", "")


def test_pings_as_often_as_allowed_are_answered(start):
    server = start("grpc.http2.min_ping_interval_without_data_ms=0,grpc.keepalive_permit_without_calls=1")
    with RawClient(server.port) as raw:
        raw.send(frame(PING, 0, 0, b"12345678") * 50)
        for _ in range(50):
            assert raw.wait(PING).flags == ACK


def test_a_client_that_never_introduces_itself_is_hung_up_on(start):
    server = start("grpc.server_handshake_timeout_ms=300")
    with RawClient(server.port, greet=False) as raw:
        raw.send(PREFACE[:10])
        assert raw.end() == "closed"


def test_arguments_without_effect_are_told(start):
    server = start("grpc.lb_policy_name=pick_first,grpc.max_concurrent_streams=7")
    assert "--grpc_channel_arguments=grpc.lb_policy_name=pick_first has no effect" in server.log
    assert "max_concurrent_streams=7 has no effect" not in server.log


def test_two_servers_share_a_port_where_the_channel_arguments_say_so(models, tmp_path, start):
    first = start("grpc.so_reuseport=1")
    flags = (
        f"--model_base_path={models}/half_plus_two",
        f"--port={first.port}",
        "--grpc_channel_arguments=grpc.so_reuseport=1",
    )
    with Server(tmp_path, *flags, rest=False) as second:
        assert second.process.poll() is None


def test_a_connection_that_is_closed_leaves_nothing_to_the_collector():
    def talk(port: int) -> None:
        with RawClient(port) as raw:
            assert raw.status(raw.begin(b"", "/a/B")) == ("0", "")
            raw.begin(b"", "/a/Silent")
            raw.send(frame(99, 0, 0))

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        methods = {b"/a/B": lambda message, stream: stream.answer(message), b"/a/Silent": lambda message, stream: None}
        limits = ChannelLimits(most_age_ms=60_000)
        server = await loop.create_server(lambda: Http2Connection(methods, limits), "127.0.0.1")
        async with server:
            port = server.sockets[0].getsockname()[1]
            for _ in range(10):
                await loop.run_in_executor(None, talk, port)
            await asyncio.sleep(0.2)

    gc.collect()
    gc.disable()
    try:
        asyncio.run(serve())
        left = [thing for thing in gc.get_objects() if "model_server.grpc." in str(type(thing))]
    finally:
        gc.enable()
    kept = (ChannelLimits, Head)  # heads are remembered, for the next client
    assert [type(thing).__name__ for thing in left if not isinstance(thing, kept)] == []


def test_hundreds_of_connections_leave_no_memory_behind(start):
    server = start("")
    process = psutil.Process(server.process.pid)

    def use() -> None:
        for number in range(80):
            with RawClient(server.port) as raw:
                raw.status(raw.begin(REQUEST.SerializeToString(), x_request=str(number)))
                raw.open()

    use()
    before = process.memory_info().rss
    for _ in range(2):
        use()
    assert process.memory_info().rss - before < 8 << 20
    wait_until(lambda: len(process.net_connections()) <= 2)


def test_grpc_aio_with_many_calls_at_a_time(server):
    async def ask() -> list[float]:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}", NO_LIMIT) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            calls = [stub.Predict(predict_request("half_plus_two", x=[float(v)]), timeout=30) for v in range(64)]
            replies = await asyncio.gather(*calls)
            return [reply.outputs["y"].float_val[0] for reply in replies]

    assert asyncio.run(ask()) == [value / 2 + 2 for value in range(64)]


def test_threads_of_grpcio_with_messages_of_all_sizes(server):
    sizes = [1, 2, 4080, 4090, 16_000, 70_000, 1_000_000]

    def ask(index: int) -> bool:
        rows = np.random.default_rng(index).random(sizes[index % len(sizes)]).astype(np.float32)
        proto = tensor([0.0])
        del proto.float_val[:]
        proto.tensor_shape.dim[0].size, proto.tensor_content = len(rows), rows.tobytes()
        metadata = [("request-id", str(index))]
        reply = server.prediction.Predict(predict_request("half_plus_two", x=proto), timeout=60, metadata=metadata)
        return np.array_equal(np.array(reply.outputs["y"].float_val, np.float32), rows / 2 + 2)

    assert in_threads(21, ask) == [True] * 21


def test_cancelled_calls_and_closed_channels_leave_the_server_well(server):
    slow = predict_request("odd", signature="slow", steps=tensor([200], np.int32))
    for _ in range(20):
        with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            calls = [stub.Predict.future(slow, timeout=20) for _ in range(3)]
            calls[0].cancel()
    reply = server.prediction.Predict(predict_request("half_plus_two", x=[1.0]), timeout=30)
    assert reply.outputs["y"].float_val == [2.5]


@pytest.mark.skipif(not shutil.which("nghttp"), reason="nghttp is not installed")
def test_nghttp_reads_a_reply(server, tmp_path):
    (tmp_path / "message").write_bytes(prefixed(predict_request("half_plus_two", x=[1.0]).SerializeToString()))
    headers = ["-Hcontent-type: application/grpc", "-Hte: trailers"]
    command = ["nghttp", *headers, "-d", str(tmp_path / "message"), f"http://127.0.0.1:{server.port}{PREDICT}"]
    done = subprocess.run(command, capture_output=True, timeout=30, check=True)
    assert predict_pb2.PredictResponse.FromString(done.stdout[5:]).outputs["y"].float_val == [2.5]
    shown = subprocess.run(
        [*command[:1], "-v", *command[1:]], capture_output=True, text=True, timeout=30, errors="replace"
    )
    assert re.search(r"grpc-status: 0", shown.stdout)


@pytest.mark.skipif(not shutil.which("h2load"), reason="h2load is not installed")
def test_h2load_sees_every_call_answered(models, tmp_path):
    (tmp_path / "message").write_bytes(prefixed(REQUEST.SerializeToString()))
    headers = ["-Hcontent-type: application/grpc", "-Hte: trailers"]
    with Server(tmp_path, f"--model_base_path={models}/half_plus_two", "--grpc_max_threads=500", rest=False) as running:
        url = f"http://127.0.0.1:{running.port}{PREDICT}"
        load = ["h2load", "-n3000", "-c8", "-m20", "-d", str(tmp_path / "message"), *headers, url]
        out = subprocess.run(load, capture_output=True, text=True, timeout=60, check=True).stdout
    assert "3000 total, 3000 started, 3000 done, 3000 succeeded, 0 failed, 0 errored, 0 timeout" in out


def test_half_a_message_and_a_vanished_client_leave_the_server_well(server):
    for size in (1, 20, 40, 60, 90):
        with socket.create_connection(("127.0.0.1", server.port), 5) as client:
            client.sendall((PREFACE + settings() + frame(1, 4, 1, b"\x83\x86"))[:size])
    assert rpc_error(server.channel.unary_unary("/no/Method"), b"") == ("UNIMPLEMENTED", "")
