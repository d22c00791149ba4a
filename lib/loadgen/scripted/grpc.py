"""The scripted server's gRPC side: unary calls over HTTP/2, headers of the request unread."""

from __future__ import annotations

import asyncio

from loadgen.protocols import frames as h2
from loadgen.protocols.frames import HEAD, STREAM
from loadgen.protocols.outbox import Outbox
from loadgen.scripted.rest import reset
from loadgen.scripted.script import Player

WELCOME = h2.settings({h2.HEADER_TABLE_SIZE: 0, h2.INITIAL_WINDOW_SIZE: h2.LARGEST_WINDOW}) + h2.window_update(
    0, h2.LARGEST_WINDOW - h2.DEFAULT_WINDOW
)
RESPONSE = b"\x88" + h2.literal("content-type", "application/grpc")
REFILL = 1 << 30


def trailers(stream: int, status: int, alone: bool = False) -> bytes:
    """The end of a reply; `alone`: it is the whole reply."""
    block = (RESPONSE if alone else b"") + h2.literal("grpc-status", str(status))
    return h2.frame(h2.HEADERS, h2.END_STREAM | h2.END_HEADERS, stream, block)


class GrpcSide(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, player: Player) -> None:
        self.player, self.rest, self.greeted, self.received = player, b"", False, 0
        self.calls: dict[int, bytes] = {}
        self.last = 2**31 - 1  # calls above it are not looked at

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there."""
        self.transport, self.write = transport, transport.write
        self.outbox = Outbox(transport.write)
        self.write(WELCOME)

    def data_received(self, data: bytes) -> None:
        """Frames of any number of calls."""
        data = self.rest + data if self.rest else data
        position, size = 0, len(data)
        if not self.greeted and size >= len(h2.PREFACE):
            self.greeted, position = True, len(h2.PREFACE)
        while self.greeted and size - position >= 9:
            high, low, kind, flags, number = HEAD.unpack_from(data, position)
            end = position + 9 + (high << 8 | low)
            if end > size:
                break
            self._frame(kind, flags, number, data[position + 9 : end])
            position = end
        self.rest = data[position:]
        if self.received > REFILL:
            self.write(h2.window_update(0, self.received))
            self.received = 0

    def _frame(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        if kind == h2.DATA:
            self.received += len(payload)
            if number in self.calls:
                self.calls[number] += h2.unpadded(payload, flags) if flags & h2.PADDED else payload
                if flags & h2.END_STREAM:
                    self._called(number, self.calls.pop(number))
        elif kind == h2.HEADERS:
            self.calls[number] = b""
        elif kind == h2.SETTINGS and not flags & h2.ACK:
            self.outbox.settings(h2.read_settings(payload))
            self.write(h2.frame(h2.SETTINGS, h2.ACK, 0))
        elif kind == h2.WINDOW_UPDATE:
            self.outbox.open(number, int.from_bytes(payload, "big"))
        elif kind == h2.PING and not flags & h2.ACK:
            self.write(h2.frame(h2.PING, h2.ACK, 0, payload))
        elif kind == h2.RST_STREAM:
            self.calls.pop(number, None)
            self.outbox.drop(number)

    def _called(self, number: int, body: bytes) -> None:
        if number > self.last:
            return
        fault = self.player.fault()
        if fault == "reset":
            reset(self.transport)
        elif fault == "unseen":
            self.last = max(0, number - 2)
            self.write(h2.frame(h2.GOAWAY, 0, 0, STREAM.pack(self.last) + STREAM.pack(h2.NO_ERROR)))
        elif fault == "refused":
            self.write(h2.frame(h2.RST_STREAM, 0, number, STREAM.pack(h2.REFUSED_STREAM)))
        elif fault != "silent":
            answer = self.player.answer(body[5:], fault)
            self.player.when_due(lambda: self._send(number, answer, fault))

    def _send(self, number: int, answer: bytes, fault: str) -> None:
        if self.transport.is_closing():
            return
        message = b"\x00" + STREAM.pack(len(answer)) + answer
        if fault == "status":
            self.write(trailers(number, 8, alone=True))
        elif fault == "garbage":
            self.write(h2.frame(h2.HEADERS, h2.END_HEADERS, number, b"\xff\xff\xff\xff"))
        elif fault == "short":
            self._reply(number, message[: len(message) // 2])
        else:
            if fault == "leave":
                # As gRPC's servers announce it: with the highest number, since calls may be under way to them.
                self.write(h2.frame(h2.GOAWAY, 0, 0, STREAM.pack(2**31 - 1) + STREAM.pack(h2.NO_ERROR)))
            self._reply(number, message)

    def _reply(self, number: int, message: bytes) -> None:
        head = h2.frame(h2.HEADERS, h2.END_HEADERS, number, RESPONSE)
        if self.outbox.takes(len(message)):
            self.write(head + h2.frame(h2.DATA, 0, number, message) + trailers(number, 0))
        else:
            self.write(head)
            self.outbox.add(number, message, trailers(number, 0))
