"""Windows, sizes, compression, deadlines, cancellation and floods on the gRPC port."""

from __future__ import annotations

import gzip
import struct
import time
import zlib

import grpc
import numpy as np
import pytest
from harness import NO_LIMIT, Server, predict_request, prediction_service_pb2_grpc, rpc_error, tensor, wait_until
from http2 import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PING,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    RawClient,
    fields,
    frame,
    prefixed,
    settings,
)
from tensorflow_serving.apis import predict_pb2

REQUEST = predict_request("half_plus_two", x=[1.0, 2.0]).SerializeToString()
WORD = struct.Struct(">I").pack


def large(rows: int, model: str = "half_plus_two") -> predict_pb2.PredictRequest:
    proto = tensor([0.0])
    del proto.float_val[:]
    proto.tensor_shape.dim[0].size, proto.tensor_content = rows, np.arange(rows, dtype=np.float32).tobytes()
    return predict_request(model, x=proto)


def slow(steps: int) -> bytes:
    return predict_request("odd", signature="slow", steps=tensor([steps], np.int32)).SerializeToString()


@pytest.fixture
def client(server):
    with RawClient(server.port) as raw:
        yield raw
    assert server.process.poll() is None


def values(data: bytes) -> list[float]:
    return list(predict_pb2.PredictResponse.FromString(data[5:]).outputs["y"].float_val)


def test_a_reply_waits_for_the_clients_windows(server):
    message = large(30_000).SerializeToString()
    with RawClient(server.port, hello=settings(s4=10)) as raw:  # ten bytes a stream
        stream = raw.begin(message)
        parts = [raw.wait(DATA)]
        assert len(parts[0].payload) == 10
        raw.send(frame(PING, 0, 0, b"12345678"))
        assert raw.read().kind == PING, "nothing more may come before the window is opened"
        raw.send(settings(s4=100))
        parts.append(raw.wait(DATA))
        assert len(parts[1].payload) == 90
        raw.send(frame(WINDOW_UPDATE, 0, stream, WORD(1 << 20)))
        while sum(len(part.payload) for part in parts) < 65_535:  # the connection's window is as it began
            parts.append(raw.wait(DATA))
        raw.send(frame(WINDOW_UPDATE, 0, 0, WORD(1 << 20)))
        while not (got := raw.read()).flags & END_STREAM:
            parts.append(got)
        assert got.kind == HEADERS
    assert all(len(part.payload) <= 16_384 for part in parts)
    assert values(b"".join(part.payload for part in parts)) == (np.arange(30_000) / 2 + 2).tolist()


def test_a_window_below_zero_stays_shut_until_it_is_above(server):
    with RawClient(server.port, hello=settings(s4=1000)) as raw:
        stream = raw.begin(large(1000).SerializeToString())
        assert len(raw.wait(DATA).payload) == 1000
        raw.send(settings(s4=0))  # the stream's window is now -1000
        raw.wait(SETTINGS)
        raw.send(frame(WINDOW_UPDATE, 0, stream, WORD(1000)) + frame(PING, 0, 0, b"12345678"))
        assert raw.read().kind == PING
        raw.send(frame(WINDOW_UPDATE, 0, stream, WORD(7)))
        assert len(raw.wait(DATA).payload) == 7


def test_a_window_may_be_opened_before_the_reply_begins(server):
    with RawClient(server.port, hello=settings(s4=0)) as raw:
        stream = raw.open()
        raw.send(frame(WINDOW_UPDATE, 0, stream, WORD(1 << 20)))
        raw.send(frame(DATA, END_STREAM, stream, prefixed(REQUEST)))
        assert values(raw.reply(stream)[1]) == [2.5, 3.0]


def test_a_client_that_does_not_read_does_not_hold_up_others(server):
    with RawClient(server.port, hello=settings(s4=2**31 - 1)) as raw:
        raw.send(frame(WINDOW_UPDATE, 0, 0, WORD(1 << 30)))
        streams = [raw.begin(large(200_000).SerializeToString()) for _ in range(8)]
        assert server.prediction.Predict(predict_request("half_plus_two", x=[1.0]), timeout=20).outputs["y"].float_val
        given, data = raw.reply(streams[0])
    assert (given["grpc-status"], len(values(data))) == ("0", 200_000)


def test_a_window_is_opened_again_for_what_was_read(client):
    size = 12 << 20
    stream, sent, allowed = client.open(), 0, 1 << 22
    body = prefixed(large(size // 4).SerializeToString())
    updates = 0
    while sent < len(body):
        if allowed < 1 << 16:
            got = client.wait(WINDOW_UPDATE)
            updates += 1
            allowed += int.from_bytes(got.payload, "big") if got.stream == stream else 0
            continue
        part = body[sent : sent + (1 << 16)]
        sent, allowed = sent + len(part), allowed - len(part)
        client.send(frame(DATA, END_STREAM if sent == len(body) else 0, stream, part))
    client.send(frame(RST_STREAM, 0, stream, WORD(8)))
    assert updates >= 2


def test_more_than_a_window_resets_the_stream(client):
    """The server reads as fast as it can: only a stream that is never read on can be overrun."""
    stream = client.open(fields("/no/Method"))
    assert client.status(stream) == ("12", "")
    for _ in range((1 << 24) // (1 << 16) + 1):
        client.send(frame(DATA, 0, stream, b"\0" * (1 << 16)))
    client.send(frame(PING, 0, 0, b"12345678"))
    assert client.wait(PING).payload == b"12345678", "what comes for a stream that is over opens the window again"


@pytest.mark.parametrize(
    ("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", None)]
)
def test_compressed_messages_are_read(client, encoding, compress):
    stream = client.open(fields(grpc_encoding=encoding))
    body = prefixed(compress(REQUEST), 1) if compress else prefixed(REQUEST)
    client.send(frame(DATA, END_STREAM, stream, body))
    given, data = client.reply(stream)
    assert (given["grpc-status"], values(data)) == ("0", [2.5, 3.0])
    assert given["grpc-accept-encoding"] == "identity, deflate, gzip"


@pytest.mark.parametrize(
    ("body", "more", "code", "text"),
    [
        (b"", {}, "13", "No payload"),
        (b"\0\0\0", {}, "13", "the request message is cut off"),
        (b"\0\0\0\0\x09abc", {}, "13", "the request message is cut off"),
        (prefixed(REQUEST) * 2, {}, "13", "expected one request message, got more"),
        (prefixed(REQUEST, 2), {}, "13", "expected a message flag of 0 or 1, got 2"),
        (prefixed(REQUEST, 1), {}, "13", "a compressed message came without grpc-encoding"),
        (
            prefixed(REQUEST, 1),
            {"grpc_encoding": "snappy"},
            "12",
            "expected grpc-encoding identity, deflate or gzip, got snappy",
        ),
        (prefixed(REQUEST, 1), {"grpc_encoding": "gzip"}, "13", "the request message is no gzip"),
        (
            prefixed(gzip.compress(REQUEST)[:-9], 1),
            {"grpc_encoding": "gzip"},
            "13",
            "the request message is no whole gzip",
        ),
        (
            prefixed(gzip.compress(REQUEST) + b"x", 1),
            {"grpc_encoding": "gzip"},
            "13",
            "the request message is no whole",
        ),
        (
            prefixed(gzip.compress(bytes(200 << 20)), 1),
            {"grpc_encoding": "gzip"},
            "8",
            "SERVER: Received message larger than max (104857601 vs. 104857600)",
        ),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_message_that_is_none_is_refused_in_a_sentence(client, body, more, code, text):
    stream = client.open(fields(**more))
    for begin in range(0, len(body) + 1, 1 << 14):
        last = begin + (1 << 14) > len(body)
        client.send(frame(DATA, END_STREAM if last else 0, stream, body[begin : begin + (1 << 14)]))
    got_code, got_text = client.status(stream)
    assert (got_code, got_text[: len(text)]) == (code, text)


def test_texts_are_percent_encoded(client):
    stream = client.begin(predict_request("é%\t", x=[1.0]).SerializeToString())
    assert client.status(stream) == ("5", "Servable not found for request: Latest(%C3%A9%25%09)")


def test_errors_are_trailers_only_and_a_client_that_still_sends_is_told_to_stop(client):
    stream = client.open(fields("/no/Method"))
    got = client.wait(HEADERS, stream)
    assert got.flags & END_STREAM
    assert client.ends_stream(stream) == "NO_ERROR"


def test_a_deadline_is_kept_by_the_server_too(client):
    started_s = time.monotonic()
    stream = client.begin(slow(100_000), grpc_timeout="200m")
    assert client.status(stream) == ("4", "Deadline Exceeded")
    assert time.monotonic() - started_s >= 0.19
    stream = client.open(fields(grpc_timeout="100000u"))  # nothing is ever sent on it
    assert client.status(stream) == ("4", "Deadline Exceeded")


@pytest.mark.parametrize("text", ["", "1", "m", "1x", "-1S", "123456789S", "1 S"])
def test_a_timeout_that_is_none_is_refused(client, text):
    assert client.status(client.begin(REQUEST, grpc_timeout=text)) == ("13", f"malformed grpc-timeout: {text}")


@pytest.mark.parametrize("text", ["1H", "99999999H", "5M", "9S", "9000m", "9000000u", "99999999n"])
def test_every_unit_of_a_timeout_is_read(client, text):
    assert client.status(client.begin(REQUEST, grpc_timeout=text)) == ("0", "")


def test_metadata_beyond_the_limit_is_refused(client):
    assert client.status(client.begin(REQUEST, x="v" * 12_000))[0] == "0"
    code, text = client.status(client.begin(REQUEST, x="v" * 17_000))
    assert (code, text[:41]) == ("8", "received metadata size exceeds hard limit")


def test_a_call_that_is_given_up_works_on_and_its_place_is_free_again(models, tmp_path):
    flags = (f"--model_base_path={models}/odd", "--grpc_max_threads=1")
    message = predict_request("default", signature="slow", steps=tensor([300], np.int32)).SerializeToString()
    with Server(tmp_path, *flags, rest=False) as running, RawClient(running.port) as raw:
        stream = raw.begin(message)
        raw.send(frame(RST_STREAM, 0, stream, WORD(8)))
        assert raw.status(raw.begin(message)) == ("8", "Server Threadpool Exhausted")
        wait_until(lambda: raw.status(raw.begin(message)) == ("0", ""))


def test_a_health_watch_tells_the_state_and_stays(models, tmp_path):
    flags = (f"--model_base_path={models}/half_plus_two", "--enable_grpc_healthcheck_service")
    with Server(tmp_path, *flags, rest=False) as running:
        watch = running.channel.unary_stream("/grpc.health.v1.Health/Watch")
        messages = (b"", b"\x0a\x11PredictionService", b"\x0a\x01x")
        calls = [watch(message, timeout=9) for message in messages]
        assert [next(call) for call in calls] == [b"\x08\x01", b"\x08\x01", b"\x08\x03"]  # SERVING, SERVICE_UNKNOWN
        for call in calls:
            call.cancel()
        short = watch(b"", timeout=0.3)
        assert next(short) == b"\x08\x01"
        with pytest.raises(grpc.RpcError) as ended:
            next(short)
        assert ended.value.code().name == "DEADLINE_EXCEEDED"
        check = running.channel.unary_unary("/grpc.health.v1.Health/Check")
        assert rpc_error(check, b"\x0a\x01x") == ("NOT_FOUND", "service name unknown")
        assert rpc_error(check, b"\xff")[0] == "INTERNAL"


@pytest.fixture(scope="module")
def small(models, tmp_path_factory):
    """A server whose limits are small."""
    arguments = "grpc.max_receive_message_length=200,grpc.max_send_message_length=150,grpc.max_concurrent_streams=3,"
    arguments += "grpc.http2.max_frame_size=20000,grpc.max_metadata_size=1000"
    flags = (f"--model_base_path={models}/half_plus_two", f"--grpc_channel_arguments={arguments}")
    with Server(tmp_path_factory.mktemp("small"), *flags, rest=False) as running:
        yield running


def test_message_limits_of_the_channel_arguments(small):
    fine = small.prediction.Predict(predict_request("default", x=[1.0] * 5), timeout=9)
    assert len(fine.outputs["y"].float_val) == 5
    request = large(100, "default")
    size = len(request.SerializeToString())
    text = f"SERVER: Received message larger than max ({size} vs. 200)"
    assert rpc_error(small.prediction.Predict, request) == ("RESOURCE_EXHAUSTED", text)
    proto = tensor([1.0])
    proto.tensor_shape.dim[0].size = 90  # one value that is repeated
    code, text = rpc_error(small.prediction.Predict, predict_request("default", x=proto))
    assert (code, text[:39]) == ("RESOURCE_EXHAUSTED", "SERVER: Sent message larger than max (4")


def test_a_message_too_large_is_refused_by_its_first_bytes(small):
    with RawClient(small.port) as raw:
        stream = raw.open()
        raw.send(frame(DATA, 0, stream, b"\0" + WORD(1 << 30)))
        assert raw.status(stream) == ("8", f"SERVER: Received message larger than max ({1 << 30} vs. 200)")
        assert raw.ends_stream(stream) == "NO_ERROR"


def test_streams_frames_and_metadata_of_the_channel_arguments(small):
    with RawClient(small.port) as raw:
        told = dict(struct.iter_unpack(">HI", raw.server_settings.payload))
        assert (told[3], told[5], told[6]) == (3, 20_000, 1000)
        for _ in range(3):
            raw.open()
        assert raw.ends_stream(raw.open()) == "REFUSED_STREAM"
        raw.send(frame(RST_STREAM, 0, 1, WORD(8)))
        assert raw.status(raw.begin(b"", "/no/Method"))[0] == "12"
        assert raw.status(raw.begin(b"", x="v" * 1100))[0] == "8"
        raw.send(frame(DATA, 0, 3, bytes(20_001)))
        assert raw.end() == "FRAME_SIZE_ERROR"


def test_replies_are_compressed_where_the_channel_arguments_and_the_client_say_so(models, tmp_path):
    flags = (
        f"--model_base_path={models}/half_plus_two",
        "--grpc_channel_arguments=grpc.default_compression_algorithm=2",
    )
    with Server(tmp_path, *flags, rest=False) as running, RawClient(running.port) as raw:
        message = predict_request("default", x=[1.0]).SerializeToString()
        given, data = raw.reply(raw.begin(message, grpc_accept_encoding="identity, gzip"))
        assert (given["grpc-encoding"], data[0]) == ("gzip", 1)
        assert predict_pb2.PredictResponse.FromString(gzip.decompress(data[5:])).outputs["y"].float_val == [2.5]
        given, data = raw.reply(raw.begin(message))
        assert ("grpc-encoding" in given, data[0]) == (False, 0)
        options = [("grpc.default_compression_algorithm", 2), *NO_LIMIT]
        with grpc.insecure_channel(f"127.0.0.1:{running.port}", options) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            reply = stub.Predict(large(50_000, "default"), timeout=20)
        assert list(reply.outputs["y"].float_val) == (np.arange(50_000) / 2 + 2).tolist()


FLOODS = {
    "settings": lambda raw: settings(),
    "acknowledged settings": lambda raw: frame(SETTINGS, 1, 0),
    "answered pings": lambda raw: frame(PING, 1, 0, b"12345678"),
    "pings": lambda raw: frame(PING, 0, 0, b"12345678"),
    "priorities": lambda raw: frame(2, 0, 1, b"\0" * 5),
    "unknown frames": lambda raw: frame(200, 0, 0),
    "goaways": lambda raw: frame(GOAWAY, 0, 0, WORD(0) + WORD(0)),
    "calls reset at once": lambda raw: started(raw) + frame(RST_STREAM, 0, raw.next_stream - 2, WORD(8)),
    "calls without a path": lambda raw: started(raw, [(":method", "POST")]),
    "empty data": lambda raw: (b"" if raw.next_stream > 1 else started(raw)) + frame(DATA, 0, 1),
}


def started(raw: RawClient, given: list[tuple[str, str]] | None = None) -> bytes:
    stream = raw.next_stream
    raw.next_stream += 2
    return frame(HEADERS, END_HEADERS, stream, raw.block(given or fields()))


@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_of_frames_that_serve_nobody_ends_the_connection(client, kind):
    client.send(b"".join(FLOODS[kind](client) for _ in range(1500)))
    assert client.end() == "ENHANCE_YOUR_CALM"


def test_a_header_block_without_end_ends_the_connection(client):
    client.send(frame(HEADERS, 0, 1, b"\x82") + frame(CONTINUATION, 0, 1) * 70)
    assert client.end() == "ENHANCE_YOUR_CALM"


def test_a_large_header_block_ends_the_connection(client):
    part = b"\x00\x01x\x7f\x81\x7f" + b"v" * 16_256
    client.send(frame(HEADERS, 0, 1, part) + b"".join(frame(CONTINUATION, 0, 1, part) for _ in range(5)))
    assert client.end() == "ENHANCE_YOUR_CALM"


def test_a_header_block_that_unfolds_to_much_ends_the_connection(server):
    with RawClient(server.port, greet=False) as raw:
        raw.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings())
        entry = b"\x40\x01x\x7f\xa1\x1e" + b"v" * 4000  # into the table once, then one byte each time
        raw.send(frame(HEADERS, END_HEADERS, 1, entry + b"\xbe" * 60_000))
        assert raw.end() == "ENHANCE_YOUR_CALM"


def test_many_calls_that_are_given_up_late_are_no_flood(client):
    """A client whose calls time out resets each of them: that is its right."""
    for _ in range(15):
        streams = [client.open() for _ in range(100)]
        time.sleep(0.11)
        client.send(b"".join(frame(RST_STREAM, 0, stream, WORD(8)) for stream in streams))
    assert client.status(client.begin(REQUEST)) == ("0", "")
