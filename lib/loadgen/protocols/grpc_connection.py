"""gRPC over HTTP/2 with its own framing: unary calls, many streams a connection, requests encoded beforehand.

Settings, windows, pings, resets, goaway, continuation and trailers are handled; the tests compare answers with grpcio.
"""

from __future__ import annotations

import asyncio

from loadgen.engine import Engine, clock
from loadgen.protocols import frames as h2
from loadgen.protocols.frames import HEAD, STREAM
from loadgen.protocols.grpc_requests import PREFIX
from loadgen.protocols.outbox import Outbox
from loadgen.rows import AGAIN, GRPC, HTTP, OK, PROTOCOL, RESET, SHORT, TIMEOUT, UNCHECKED, pack

HELLO = (
    h2.PREFACE
    + h2.settings({h2.HEADER_TABLE_SIZE: 0, h2.ENABLE_PUSH: 0, h2.INITIAL_WINDOW_SIZE: h2.LARGEST_WINDOW})
    + h2.window_update(0, h2.LARGEST_WINDOW - h2.DEFAULT_WINDOW)
)
REFILL = 1 << 30  # bytes received after which the connection's window is opened again
LAST_STREAM = 2**31 - 3


class _Stream:
    """A call outstanding."""

    __slots__ = ("body", "flags", "parts", "scheduled_ns", "sent_ns", "status")

    def __init__(self, body: int, scheduled_ns: int, sent_ns: int, flags: int) -> None:
        self.body, self.scheduled_ns, self.sent_ns, self.flags = body, scheduled_ns, sent_ns, flags
        self.status = -1
        self.parts = b""


class GrpcClientConnection(asyncio.Protocol):
    """One HTTP/2 connection; tells its engine what became of each call."""

    def __init__(self, engine: Engine, block: bytes, messages: list[bytes], slots: int) -> None:
        self.engine, self.slots = engine, slots
        self.finish, self.freed, self.checker = engine.finish, engine.freed, engine.checker
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.streams: dict[int, _Stream] = {}
        self.next_id, self.rest, self.received = 1, b"", 0
        self.ready = self.leaving = False
        self.answered = 0
        self.block, self.messages = block, messages
        self.head = h2.start(h2.HEADERS, h2.END_HEADERS, len(block))
        self.middles = [block + h2.start(h2.DATA, h2.END_STREAM, len(m)) if len(m) < 1 << 24 else b"" for m in messages]
        self.header_parts: list[bytes] = []

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Greet; slots are offered once the server's settings are in."""
        self.transport, self.write = transport, transport.write
        self.outbox = Outbox(transport.write)
        self.write(HELLO)

    def send(self, body: int, scheduled_ns: int, flags: int) -> None:
        """Begin a call with message number `body`."""
        stream, message = self.next_id, self.messages[body]
        self.next_id = stream + 2
        self.streams[stream] = _Stream(body, scheduled_ns, clock(), flags)
        number, outbox = STREAM.pack(stream), self.outbox
        if outbox.takes(len(message)):
            self.write(b"".join((self.head, number, self.middles[body], number, message)))
        else:  # larger than a frame, or than the windows allow just now
            self.write(self.head + number + self.block)
            outbox.add(stream, message)
        if stream >= LAST_STREAM:
            self._leave_after_last()

    def data_received(self, data: bytes) -> None:
        """Frames of any number of replies."""
        self.done_ns = clock()
        data = self.rest + data if self.rest else data
        position, size, streams, unpack = 0, len(data), self.streams, HEAD.unpack_from
        while size - position >= 9:
            high, low, kind, flags, number = unpack(data, position)
            begin = position + 9
            position = begin + (high << 8 | low)
            if position > size:
                position = begin - 9
                break
            if kind == h2.DATA:
                self.received += position - begin
                stream = streams.get(number)
                if stream:
                    part = data[begin:position]
                    stream.parts += h2.unpadded(part, flags) if flags & h2.PADDED else part
                    if flags & h2.END_STREAM:
                        self._finish(number, SHORT, 0)  # a gRPC reply ends with trailers
            elif kind == h2.HEADERS and flags & h2.END_HEADERS:
                self._headers(number, data[begin:position], flags)
            else:
                self._control(kind, flags, number, data[begin:position])
        self.rest = data[position:]
        if self.received > REFILL:
            self.write(h2.window_update(0, self.received))
            self.received = 0

    def _headers(self, number: int, block: bytes, flags: int) -> None:
        stream = self.streams.get(number)
        if stream is None:
            return
        if flags & (h2.PADDED | h2.PRIORITISED):
            block = h2.unpadded(block, flags)
        try:
            http, grpc = h2.read_status(block)
        except Exception:  # whatever the header decoder stumbles over, the connection cannot go on
            self.checker.note_broken(stream.body, block, self.done_ns)
            self._fail_all(PROTOCOL)
            return
        if http >= 0:
            stream.status = http
        if not flags & h2.END_STREAM:
            return
        if stream.status != 200:
            self._finish(number, HTTP, max(stream.status, 0))
        elif grpc:
            if grpc < 0:
                self.checker.note_broken(stream.body, block, self.done_ns)
            self._finish(number, GRPC if grpc > 0 else PROTOCOL, max(grpc, 0))
        else:
            self._finish(number, OK, 0)

    def _finish(self, number: int, kind: int, status: int) -> None:
        stream, engine, checker = self.streams.pop(number), self.engine, self.checker
        reply = stream.parts
        size = len(reply) - PREFIX
        if kind == OK and (size < 0 or int.from_bytes(reply[1:PREFIX], "big") != size):
            kind = SHORT
        if kind == OK:
            self.answered += 1
            engine.failures = 0
            which = UNCHECKED
            if checker.skip:
                checker.skip -= 1
            elif reply == checker.first[stream.body]:
                which = stream.body
            else:
                which = checker.number(stream.body, reply)
            self.finish(stream.scheduled_ns, stream.sent_ns, self.done_ns, size | stream.flags, which)
        else:
            self.answered += status > 0
            engine.failed(answered=status > 0)
            code = pack(kind, status, max(0, size), stream.flags)
            self.finish(stream.scheduled_ns, stream.sent_ns, self.done_ns, code)
        if not self.leaving:
            self.freed(self)
        elif not self.streams:
            self._leave()

    def _control(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        if kind == h2.SETTINGS and not flags & h2.ACK:
            self._settings(h2.read_settings(payload))
        elif kind == h2.PING and not flags & h2.ACK:
            self.write(h2.frame(h2.PING, h2.ACK, 0, payload))
        elif kind == h2.WINDOW_UPDATE:
            self.outbox.open(number, int.from_bytes(payload, "big"))
        elif kind == h2.RST_STREAM and number in self.streams:
            self.outbox.drop(number)
            self._finish(number, RESET, 0)
        elif kind == h2.GOAWAY:
            self._goaway(int.from_bytes(payload[:4], "big"))
        elif kind == h2.HEADERS:
            self.header_parts = [bytes([flags]), h2.unpadded(payload, flags)]
        elif kind == h2.CONTINUATION and self.header_parts:
            self.header_parts.append(payload)
            if flags & h2.END_HEADERS:
                first, *parts = self.header_parts
                self.header_parts = []
                self._headers(number, b"".join(parts), first[0] & h2.END_STREAM)

    def _settings(self, values: dict[int, int]) -> None:
        self.outbox.settings(values)
        self.write(h2.frame(h2.SETTINGS, h2.ACK, 0))
        if not self.ready:
            self.ready = True
            self.engine.new_slots(self, min(self.slots, values.get(h2.MAX_CONCURRENT_STREAMS, self.slots)))

    def _goaway(self, last: int) -> None:
        """The server takes no new calls; those above `last` were not looked at."""
        self._leave_after_last()
        for number in [n for n in self.streams if n > last]:
            self.outbox.drop(number)
            self._unseen(number)
        if not self.streams:
            self._leave()

    def _unseen(self, number: int) -> None:
        """The server did not look at a call: it is sent again elsewhere, once, as by gRPC's own clients.

        Not one that it refuses by REFUSED_STREAM: Python's and C++'s clients hand that on as UNAVAILABLE.
        """
        stream = self.streams[number]
        again = stream.body, stream.scheduled_ns, stream.flags | AGAIN
        if stream.flags & AGAIN or not self.engine.send_elsewhere(*again):
            self._finish(number, RESET, 0)
        else:
            del self.streams[number]

    def _leave_after_last(self) -> None:
        if not self.leaving:
            self.leaving = True
            self.engine.lost_slots(self, len(self.streams))

    def connection_lost(self, exc: Exception | None) -> None:
        """Gone; every call outstanding was reset."""
        self._fail_all(RESET)

    def fail_overdue(self, before_ns: int) -> None:
        """Cancel calls sent before `before_ns`; streams stand in the order they were sent."""
        late = []
        for number, stream in self.streams.items():
            if stream.sent_ns >= before_ns:
                break
            late.append(number)
        self.done_ns = clock()
        for number in late:
            self.outbox.drop(number)
            self.write(h2.frame(h2.RST_STREAM, 0, number, STREAM.pack(h2.CANCEL)))
            self._finish(number, TIMEOUT, 0)

    def close(self) -> None:
        """Close without ceremony."""
        self.transport.abort()

    def _fail_all(self, kind: int) -> None:
        self.done_ns = clock()
        self._leave_after_last()
        for number in list(self.streams):
            self._finish(number, kind, 0)
        self._leave()

    def _leave(self) -> None:
        if not self.lost.done():
            self.lost.set_result(None)
            self.engine.lost_slots(self, 0)
            self.transport.abort()
