"""HTTP/2 on the gRPC port, frame by frame: what is right is served, what is wrong ends with RFC 9113's code for it."""

from __future__ import annotations

import struct

import pytest
from harness import predict_request
from http2 import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    PREFACE,
    PRIORITISED,
    PRIORITY,
    PUSH_PROMISE,
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


@pytest.fixture
def client(server):
    with RawClient(server.port) as raw:
        yield raw
    assert server.process.poll() is None


def answered(raw: RawClient, stream: int) -> list[float]:
    given, data = raw.reply(stream)
    assert (given[":status"], given["grpc-status"]) == ("200", "0"), given
    return list(predict_pb2.PredictResponse.FromString(data[5:]).outputs["y"].float_val)


def test_a_call_is_answered_with_headers_a_message_and_trailers(client):
    assert answered(client, client.begin(REQUEST)) == [2.5, 3.0]


def test_the_server_tells_its_limits(client):
    values = dict(struct.iter_unpack(">HI", client.server_settings.payload))
    assert values == {1: 0, 3: 65_536, 4: 1 << 22, 5: 1 << 16, 6: 16_384}


def test_frames_may_come_in_single_bytes(server):
    with RawClient(server.port, greet=False) as raw:
        call = frame(HEADERS, END_HEADERS, 1, raw.block(fields())) + frame(DATA, END_STREAM, 1, prefixed(REQUEST))
        for byte in PREFACE + settings() + call:
            raw.send(bytes([byte]))
        assert answered(raw, 1) == [2.5, 3.0]


def test_a_client_that_has_not_seen_the_settings_may_use_its_header_table(server):
    from hpack import Encoder

    encoder = Encoder()
    with RawClient(server.port, greet=False) as raw:
        raw.send(PREFACE + settings())
        for stream in (1, 3, 5):
            raw.send(frame(HEADERS, END_HEADERS, stream, encoder.encode(fields())))
            raw.send(frame(DATA, END_STREAM, stream, prefixed(REQUEST)))
            assert answered(raw, stream) == [2.5, 3.0]
        raw.send(frame(SETTINGS, ACK, 0))
        raw.send(frame(HEADERS, END_HEADERS, 7, encoder.encode(fields())))  # the table was not emptied
        assert raw.end() == "COMPRESSION_ERROR"


def test_continuation_padding_and_priority_are_read(client):
    block, stream = client.block(fields()), 1
    first = b"\x03" + WORD(0) + b"\x10" + block[:10] + b"\0\0\0"
    client.send(frame(HEADERS, PADDED | PRIORITISED, stream, first))
    client.send(frame(CONTINUATION, 0, stream, block[10:20]) + frame(CONTINUATION, 0, stream, b""))
    client.send(frame(CONTINUATION, END_HEADERS, stream, block[20:]))
    body = prefixed(REQUEST)
    client.send(frame(DATA, PADDED, stream, b"\x05" + body[:3] + b"\0" * 5) + frame(DATA, 0, stream, b""))
    client.send(frame(DATA, END_STREAM | PADDED, stream, b"\x00" + body[3:]))
    assert answered(client, stream) == [2.5, 3.0]


def test_trailers_of_a_request_end_it(client):
    stream = client.open()
    client.send(frame(DATA, 0, stream, prefixed(REQUEST)))
    client.open([("x-checksum", "1")], END_HEADERS | END_STREAM, stream)
    assert answered(client, stream) == [2.5, 3.0]


def test_priority_and_unknown_frames_and_settings_are_passed_over(client):
    client.send(frame(PRIORITY, 0, 9, WORD(3) + b"\x01") + frame(0xBE, 0xFF, 77, b"what"))
    client.send(settings(s99=5, s1=0, s6=100))
    assert answered(client, client.begin(REQUEST)) == [2.5, 3.0]


def test_the_reserved_bit_of_a_stream_number_is_ignored(client):
    client.send(frame(HEADERS, END_HEADERS, 1 | 1 << 31, client.block(fields())))
    client.send(frame(DATA, END_STREAM, 1 | 1 << 31, prefixed(REQUEST)))
    assert answered(client, 1) == [2.5, 3.0]


def test_a_ping_is_answered_with_its_own_bytes(client):
    client.send(frame(PING, 0, 0, b"12345678"))
    got = client.wait(PING)
    assert (got.flags, got.payload) == (ACK, b"12345678")


def test_calls_on_one_connection_are_answered_each_with_its_own(client):
    streams = {}
    for value in range(60):
        message = predict_request("half_plus_two", x=[float(value)]).SerializeToString()
        streams[client.begin(message)] = value / 2 + 2
    values = {}
    while len(values) < len(streams):
        got = client.wait(DATA)
        values[got.stream] = predict_pb2.PredictResponse.FromString(got.payload[5:]).outputs["y"].float_val[0]
    assert values == streams


CONNECTION_FAULTS = {
    "DATA on stream 0": (frame(DATA, 0, 0, b"x"), "PROTOCOL_ERROR"),
    "DATA on an idle stream": (frame(DATA, 0, 5, b"x"), "PROTOCOL_ERROR"),
    "HEADERS on stream 0": (frame(HEADERS, END_HEADERS, 0, b"\x82"), "PROTOCOL_ERROR"),
    "HEADERS on an even stream": (frame(HEADERS, END_HEADERS, 2, b"\x82"), "PROTOCOL_ERROR"),
    "HEADERS too short for its padding": (frame(HEADERS, END_HEADERS | PADDED, 1, b"\x09\x82"), "PROTOCOL_ERROR"),
    "HEADERS without its padding's length": (frame(HEADERS, END_HEADERS | PADDED, 1), "FRAME_SIZE_ERROR"),
    "HEADERS too short for its priority": (frame(HEADERS, END_HEADERS | PRIORITISED, 1, b"\0"), "FRAME_SIZE_ERROR"),
    "a header block that is none": (frame(HEADERS, END_HEADERS, 1, b"\xff\xff\xff\xff\xff\xff"), "COMPRESSION_ERROR"),
    "an index beyond the tables": (frame(HEADERS, END_HEADERS, 1, b"\xfe"), "COMPRESSION_ERROR"),
    "a header table that grows": (frame(HEADERS, END_HEADERS, 1, b"\x3f\xe1\x1f\x82"), "COMPRESSION_ERROR"),
    "CONTINUATION without HEADERS": (frame(CONTINUATION, END_HEADERS, 1, b"\x82"), "PROTOCOL_ERROR"),
    "PING amid a header block": (frame(HEADERS, 0, 1, b"\x82") + frame(PING, 0, 0, b"12345678"), "PROTOCOL_ERROR"),
    "an unknown frame amid a header block": (frame(HEADERS, 0, 1, b"\x82") + frame(99, 0, 0), "PROTOCOL_ERROR"),
    "CONTINUATION of another stream": (
        frame(HEADERS, 0, 1, b"\x82") + frame(CONTINUATION, END_HEADERS, 3, b"\x84"),
        "PROTOCOL_ERROR",
    ),
    "PRIORITY on stream 0": (frame(PRIORITY, 0, 0, b"\0" * 5), "PROTOCOL_ERROR"),
    "RST_STREAM on stream 0": (frame(RST_STREAM, 0, 0, WORD(8)), "PROTOCOL_ERROR"),
    "RST_STREAM on an idle stream": (frame(RST_STREAM, 0, 7, WORD(8)), "PROTOCOL_ERROR"),
    "RST_STREAM of three bytes": (frame(RST_STREAM, 0, 1, b"\0\0\0"), "FRAME_SIZE_ERROR"),
    "SETTINGS on a stream": (frame(SETTINGS, 0, 1), "PROTOCOL_ERROR"),
    "SETTINGS of five bytes": (frame(SETTINGS, 0, 0, b"\0" * 5), "FRAME_SIZE_ERROR"),
    "a SETTINGS acknowledgement with a payload": (frame(SETTINGS, ACK, 0, b"\0" * 6), "FRAME_SIZE_ERROR"),
    "ENABLE_PUSH 2": (settings(s2=2), "PROTOCOL_ERROR"),
    "INITIAL_WINDOW_SIZE 2^31": (settings(s4=1 << 31), "FLOW_CONTROL_ERROR"),
    "MAX_FRAME_SIZE 16383": (settings(s5=16_383), "PROTOCOL_ERROR"),
    "MAX_FRAME_SIZE 2^24": (settings(s5=1 << 24), "PROTOCOL_ERROR"),
    "ENABLE_PUSH 2 and then 0": (frame(SETTINGS, 0, 0, b"\0\2" + WORD(2) + b"\0\2" + WORD(0)), "PROTOCOL_ERROR"),
    "PUSH_PROMISE": (frame(PUSH_PROMISE, END_HEADERS, 1, WORD(2) + b"\x82"), "PROTOCOL_ERROR"),
    "PING on a stream": (frame(PING, 0, 1, b"12345678"), "PROTOCOL_ERROR"),
    "PING of six bytes": (frame(PING, 0, 0, b"123456"), "FRAME_SIZE_ERROR"),
    "GOAWAY on a stream": (frame(GOAWAY, 0, 1, WORD(0) + WORD(0)), "PROTOCOL_ERROR"),
    "GOAWAY of four bytes": (frame(GOAWAY, 0, 0, WORD(0)), "FRAME_SIZE_ERROR"),
    "WINDOW_UPDATE by nothing": (frame(WINDOW_UPDATE, 0, 0, WORD(0)), "PROTOCOL_ERROR"),
    "WINDOW_UPDATE of three bytes": (frame(WINDOW_UPDATE, 0, 0, b"\0\0\1"), "FRAME_SIZE_ERROR"),
    "WINDOW_UPDATE on an idle stream": (frame(WINDOW_UPDATE, 0, 9, WORD(1)), "PROTOCOL_ERROR"),
    "a connection's window above 2^31-1": (frame(WINDOW_UPDATE, 0, 0, WORD(2**31 - 1)), "FLOW_CONTROL_ERROR"),
    "a frame larger than announced": (frame(DATA, 0, 1, b"", length=(1 << 16) + 1), "FRAME_SIZE_ERROR"),
}


@pytest.mark.parametrize("case", CONNECTION_FAULTS)
def test_what_breaks_a_connection_ends_it_with_the_right_code(client, case):
    sent, code = CONNECTION_FAULTS[case]
    client.send(sent)
    assert client.end() == code


STREAM_FAULTS = {
    "an upper-case name": [("X-Upper", "1")],
    "a space in a name": [("x y", "1")],
    "a line break in a value": [("x", "a\r\nb")],
    "connection": [("connection", "keep-alive")],
    "transfer-encoding": [("transfer-encoding", "chunked")],
    "te: gzip": [("te", "gzip")],
    "a late pseudo-field": [("x", "1"), (":path", "/late")],
    "a pseudo-field twice": [(":path", "/again")],
    "a pseudo-field of responses": [(":status", "200")],
    "an unknown pseudo-field": [(":protocol", "websocket")],
    "two content-lengths": [("content-length", "1"), ("content-length", "2")],
    "a content-length that is no number": [("content-length", "-1")],
}


@pytest.mark.parametrize("case", STREAM_FAULTS)
def test_a_malformed_head_resets_its_stream_and_no_other(client, case):
    late = [field for field in STREAM_FAULTS[case] if not field[0].startswith(":") or case == "a late pseudo-field"]
    pseudo = [field for field in STREAM_FAULTS[case] if field not in late]
    given = fields()
    stream = client.open([*given[:4], *pseudo, *given[4:], *late])
    assert client.ends_stream(stream) == "PROTOCOL_ERROR"
    assert answered(client, client.begin(REQUEST)) == [2.5, 3.0]


@pytest.mark.parametrize("name", [":method", ":scheme", ":path"])
def test_a_head_without_a_pseudo_field_resets_its_stream(client, name):
    stream = client.open([field for field in fields() if field[0] != name])
    assert client.ends_stream(stream) == "PROTOCOL_ERROR"
    stream = client.open([(key, "" if key == ":path" else value) for key, value in fields()])
    assert client.ends_stream(stream) == "PROTOCOL_ERROR"


@pytest.mark.parametrize(
    ("length", "sent"), [("100", b"too short"), ("3", b"too long"), ("9", b"in"), ("1", b"")], ids=str
)
def test_a_content_length_that_lies_resets_its_stream(client, length, sent):
    stream = client.open(fields(content_length=length))
    client.send(frame(DATA, END_STREAM, stream, sent))
    assert client.ends_stream(stream) == "PROTOCOL_ERROR"


def test_a_content_length_that_is_true_is_served(client):
    assert answered(client, client.begin(REQUEST, content_length=str(len(REQUEST) + 5))) == [2.5, 3.0]


def test_trailers_that_end_nothing_or_hold_pseudo_fields_reset_their_stream(client):
    for trailers, flags in (([("x", "1")], END_HEADERS), ([(":path", "/")], END_HEADERS | END_STREAM)):
        stream = client.open()
        client.open(trailers, flags, stream)
        assert client.ends_stream(stream) == "PROTOCOL_ERROR"


def test_padding_longer_than_its_data_ends_the_connection(client):
    client.send(frame(DATA, PADDED, client.open(), b"\x05abc"))
    assert client.end() == "PROTOCOL_ERROR"


def test_data_behind_the_end_of_a_request_resets_the_stream(client):
    stream = client.begin(REQUEST)
    client.send(frame(DATA, END_STREAM, stream, b"more"))
    assert client.ends_stream(stream) == "STREAM_CLOSED"


def test_headers_behind_an_answered_call_end_the_connection(client):
    stream = client.begin(REQUEST)
    answered(client, stream)
    client.open(stream=stream)
    assert client.end() == "STREAM_CLOSED"


def test_headers_with_a_lower_number_end_the_connection(client):
    answered(client, client.begin(REQUEST))
    client.open(stream=9)
    client.open(stream=7)
    assert client.end() == "STREAM_CLOSED"


def test_frames_on_a_stream_that_the_server_reset_are_passed_over(client):
    stream = client.open([*fields(), ("X", "1")])
    client.send(
        frame(DATA, 0, stream, b"x") + frame(WINDOW_UPDATE, 0, stream, WORD(5)) + frame(RST_STREAM, 0, stream, WORD(8))
    )
    client.open([("x", "1")], END_HEADERS | END_STREAM, stream)
    assert client.ends_stream(stream) == "PROTOCOL_ERROR"
    assert answered(client, client.begin(REQUEST)) == [2.5, 3.0]


def test_priority_of_four_bytes_resets_its_stream(client):
    stream = client.open()
    client.send(frame(PRIORITY, 0, stream, b"\0" * 4))
    assert client.ends_stream(stream) == "FRAME_SIZE_ERROR"


def test_windows_of_a_stream(client):
    stream = client.open()
    client.send(frame(WINDOW_UPDATE, 0, stream, WORD(0)))
    assert client.ends_stream(stream) == "PROTOCOL_ERROR"
    stream = client.open()
    client.send(frame(WINDOW_UPDATE, 0, stream, WORD(2**31 - 1)))
    assert client.ends_stream(stream) == "FLOW_CONTROL_ERROR"
    stream = client.open()
    client.send(frame(WINDOW_UPDATE, 0, stream, WORD(1000)) + settings(s4=2**31 - 1))
    assert client.end() == "FLOW_CONTROL_ERROR"


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: here\r\n\r\n",
        PREFACE[:-1] + b"x" + settings(),
        PREFACE + frame(PING, 0, 0, b"12345678"),
    ],
)
def test_what_does_not_begin_as_http2_is_hung_up_on(server, sent):
    with RawClient(server.port, greet=False) as raw:
        raw.send(sent)
        assert raw.end() == "PROTOCOL_ERROR"


@pytest.mark.parametrize("changed", [{":method": "GET"}, {":method": "PUT"}, {"te": None}], ids=str)
def test_what_is_no_grpc_call_resets_its_stream(client, changed):
    given = [(name, value) for name, value in {**dict(fields()), **changed}.items() if value is not None]
    assert client.ends_stream(client.open(given, END_HEADERS | END_STREAM)) == "PROTOCOL_ERROR"
    assert answered(client, client.begin(REQUEST)) == [2.5, 3.0]


@pytest.mark.parametrize("kind", [None, "text/plain", "application/grpc+proto"])
def test_the_content_type_is_not_looked_at_as_grpc_does_not(client, kind):
    assert answered(client, client.begin(REQUEST, content_type=kind)) == [2.5, 3.0]
