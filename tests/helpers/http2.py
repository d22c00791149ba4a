"""An HTTP/2 client of single frames, right or wrong ones, for what no proper client would send."""

from __future__ import annotations

import contextlib
import socket
import struct
from dataclasses import dataclass

from hpack import Decoder, Encoder

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITISED = 1, 1, 4, 8, 32
CODES = (
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
)
PREDICT = "/tensorflow.serving.PredictionService/Predict"
CLOSED = "closed"
LARGEST = 16_384  # bytes of a frame


@dataclass(frozen=True)
class Frame:
    """What the server sent."""

    kind: int
    flags: int
    stream: int
    payload: bytes

    @property
    def code(self) -> str:
        """The error of a GOAWAY or RST_STREAM frame."""
        at = 4 if self.kind == GOAWAY else 0
        return CODES[int.from_bytes(self.payload[at : at + 4], "big")]


def frame(kind: int, flags: int, stream: int, payload: bytes = b"", length: int | None = None) -> bytes:
    """A frame; `length` may lie."""
    size = len(payload) if length is None else length
    return struct.pack(">HBBBI", size >> 8, size & 255, kind, flags, stream) + payload


def settings(**values: int) -> bytes:
    """A SETTINGS frame of `s4=65535` and the like."""
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", int(name[1:]), value) for name, value in values.items()))


def prefixed(message: bytes, flag: int = 0) -> bytes:
    """A gRPC message as it goes into DATA frames."""
    return struct.pack(">BI", flag, len(message)) + message


def fields(path: str = PREDICT, **more: str | None) -> list[tuple[str, str]]:
    """The header fields of a call; `te=None` leaves one out, `grpc_timeout="1S"` adds one."""
    given = {
        ":method": "POST",
        ":scheme": "http",
        ":path": path,
        ":authority": "here",
        "te": "trailers",
        "content-type": "application/grpc",
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    return [(name, value) for name, value in given.items() if value is not None]


class RawClient:
    """One connection. `greet`: exchange preface and settings first, so that the header table is settled."""

    def __init__(self, port: int, greet: bool = True, hello: bytes | None = None):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.socket.settimeout(10)
        self._rest, self._decoder, self._encoder = b"", Decoder(), Encoder()
        self._encoder.header_table_size = 0
        self.next_stream = 1
        if greet:
            self.send(PREFACE + (settings() if hello is None else hello))
            self.server_settings = self.wait(SETTINGS)
            self.send(frame(SETTINGS, ACK, 0))
            while not (self.wait(SETTINGS).flags & ACK):
                pass

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send bytes; a server that hung up meanwhile is seen when reading."""
        with contextlib.suppress(OSError):
            self.socket.sendall(data)

    def block(self, given: list[tuple[str, str]]) -> bytes:
        """A header block."""
        return self._encoder.encode(given)

    def open(self, given: list[tuple[str, str]] | None = None, flags: int = END_HEADERS, stream: int = 0) -> int:
        """Send HEADERS; gives the stream."""
        stream = stream or self.next_stream
        self.next_stream = max(self.next_stream, stream + 2)
        self.send(frame(HEADERS, flags, stream, self.block(given or fields())))
        return stream

    def begin(self, message: bytes, path: str = PREDICT, **more: str | None) -> int:
        """Send a whole unary call; gives its stream."""
        stream, body = self.open(fields(path, **more)), prefixed(message)
        for at in range(0, len(body), LARGEST):
            last = at + LARGEST >= len(body)
            self.send(frame(DATA, END_STREAM if last else 0, stream, body[at : at + LARGEST]))
        return stream

    def read(self) -> Frame | None:
        """The next frame; None where the server has hung up."""
        while len(self._rest) < 9 or len(self._rest) < 9 + int.from_bytes(self._rest[:3], "big"):
            try:
                data = self.socket.recv(1 << 16)
            except ConnectionResetError:
                data = b""
            if not data:
                return None
            self._rest += data
        size = 9 + int.from_bytes(self._rest[:3], "big")
        whole, self._rest = self._rest[:size], self._rest[size:]
        return Frame(whole[3], whole[4], int.from_bytes(whole[5:9], "big"), whole[9:])

    def wait(self, kind: int, stream: int | None = None) -> Frame:
        """The next frame of a kind; others are passed over."""
        while True:
            got = self.read()
            assert got is not None, "the server hung up"
            if got.kind == kind and stream in (None, got.stream):
                return got

    def end(self) -> str:
        """How the connection ends: the GOAWAY's code, or `closed` without one."""
        while (got := self.read()) is not None:
            if got.kind == GOAWAY:
                return got.code
        return CLOSED

    def ends_stream(self, stream: int) -> str:
        """The code of the stream's RST_STREAM."""
        return self.wait(RST_STREAM, stream).code

    def reply(self, stream: int) -> tuple[dict[str, str], bytes]:
        """All header fields of a reply, trailers among them, and its DATA."""
        given: dict[str, str] = {}
        data = b""
        while True:
            got = self.read()
            assert got is not None, "the server hung up"
            if got.stream == stream:
                assert got.kind in (HEADERS, DATA), f"{got.kind} {got.code}"
                if got.kind == HEADERS:
                    given.update(self._decoder.decode(got.payload))
                else:
                    data += got.payload
                if got.flags & END_STREAM:
                    return given, data

    def status(self, stream: int) -> tuple[str, str]:
        """grpc-status and grpc-message of a reply."""
        given, _ = self.reply(stream)
        return given.get("grpc-status", ""), given.get("grpc-message", "")
