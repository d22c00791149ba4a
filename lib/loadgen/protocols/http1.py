"""HTTP/1.1 keep-alive, one request outstanding a connection, requests encoded before the clock starts."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from httptools import HttpParserError, HttpResponseParser

from loadgen.engine import Engine, clock
from loadgen.level import authority
from loadgen.rows import HTTP, KIND_SHIFT, PROTOCOL, RESET, SHORT, STATUS_SHIFT, TIMEOUT, UNCHECKED, pack

BLANK_LINE = b"\r\n\r\n"
MOST_HEADS = 1000
Heads = dict[bytes, tuple[int, int, bool]]  # head of a reply: its status, length of its body, whether to keep alive


NONE: Mapping[str, str] = MappingProxyType({})


def encode(host: str, port: int, path: str, bodies: Sequence[bytes], headers: Mapping[str, str] = NONE) -> list[bytes]:
    """Whole requests, headers and body, ready to be written; `headers` stand in for the usual ones of the same name."""
    given = {name.lower() for name in headers}
    usual = {"Host": authority(host, port), "Content-Type": "application/json"}
    named = {name: value for name, value in usual.items() if name.lower() not in given} | dict(headers)
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    head = f"POST {path} HTTP/1.1\r\n{lines}Content-Length: ".encode("latin-1")
    return [head + str(len(body)).encode() + b"\r\n\r\n" + body for body in bodies]


class HttpClientConnection(asyncio.Protocol):
    """One connection; tells its engine what became of each request."""

    def __init__(self, engine: Engine, requests: list[bytes], heads: Heads) -> None:
        self.engine, self.requests, self.heads = engine, requests, heads
        self.finish, self.freed, self.checker = engine.finish, engine.freed, engine.checker
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.busy = self.begun = False
        self.answered = 0
        self.parts: list[bytes] = []
        self.first = b""
        self.body = self.scheduled_ns = self.sent_ns = self.flags = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The connection stands: offer its one slot."""
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.write = transport.write
        self.parser = HttpResponseParser(self)
        self.feed = self.parser.feed_data
        self.engine.new_slots(self, 1)

    def send(self, body: int, scheduled_ns: int, flags: int) -> None:
        """Write request number `body`."""
        self.body, self.scheduled_ns, self.flags, self.busy = body, scheduled_ns, flags, True
        self.sent_ns = clock()
        self.write(self.requests[body])

    def data_received(self, data: bytes) -> None:
        """Bytes of a reply. One that came whole, under a head seen before, needs no parser."""
        self.done_ns = clock()
        if self.begun:
            self.first = b""
        else:
            body_at = data.find(BLANK_LINE) + len(BLANK_LINE)
            known = self.heads.get(data[:body_at])
            if known and len(data) == body_at + known[1]:
                self._answered(known[0], data[body_at:], known[2])
                return
            self.begun, self.first = True, data
        try:
            self.feed(data)
        except HttpParserError:
            self.checker.note_broken(self.body, data, self.done_ns)
            self._fail(PROTOCOL)

    def on_body(self, part: bytes) -> None:
        """Called by the parser for each piece of the body."""
        self.parts.append(part)

    def on_message_complete(self) -> None:
        """Called by the parser at the end of a reply."""
        parts = self.parts
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        parts.clear()
        status, keeps_alive = self.parser.get_status_code(), self.parser.should_keep_alive()
        body_at = self.first.find(BLANK_LINE) + len(BLANK_LINE)
        if body and len(self.first) == body_at + len(body):  # came whole, and not in chunks
            if len(self.heads) >= MOST_HEADS:  # they may hold the time of day
                self.heads.clear()
            self.heads[self.first[:body_at]] = (status, len(body), keeps_alive)
        self._answered(status, body, keeps_alive)

    def _answered(self, status: int, body: bytes, keeps_alive: bool) -> None:
        if not self.busy:  # a reply nobody asked for: the two sides no longer agree
            self.transport.abort()
            return
        checker, engine = self.checker, self.engine
        self.busy = self.begun = False
        self.answered += 1
        code = status << STATUS_SHIFT | len(body) | self.flags
        reply = UNCHECKED
        if 200 <= status < 300:
            engine.failures = 0
            if checker.skip:
                checker.skip -= 1
            elif body == checker.first[self.body]:
                reply = self.body
            else:
                reply = checker.number(self.body, body)
        else:
            code |= HTTP << KIND_SHIFT
            engine.failed(answered=True)
        self.finish(self.scheduled_ns, self.sent_ns, self.done_ns, code, reply)
        if keeps_alive:
            self.freed(self)
        else:
            self._leave(1)  # a closed-loop client now waits for the next connection

    def connection_lost(self, exc: Exception | None) -> None:
        """Gone; a request outstanding was reset, or its reply cut short."""
        if self.busy:
            self._fail(SHORT if self.begun else RESET)
        else:
            self._leave(0)

    def fail_overdue(self, before_ns: int) -> None:
        """Fail the request outstanding when it was sent before `before_ns`."""
        if self.busy and self.sent_ns < before_ns:
            self._fail(TIMEOUT)

    def close(self) -> None:
        """Close without ceremony."""
        self.transport.abort()

    def _fail(self, kind: int) -> None:
        if self.busy:
            self.busy = False
            self.engine.failed(answered=False)
            self.finish(self.scheduled_ns, self.sent_ns, clock(), pack(kind, 0, 0, self.flags))
            self._leave(1)
        else:
            self._leave(0)

    def _leave(self, unanswered: int) -> None:
        """Give the connection up; the engine opens another in its place."""
        if not self.lost.done():
            self.lost.set_result(None)
            self.engine.lost_slots(self, unanswered)
            self.transport.abort()
