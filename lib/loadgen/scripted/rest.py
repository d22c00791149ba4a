"""The scripted server's HTTP/1.1 side; also the metrics page."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

from httptools import HttpParserError, HttpRequestParser

from loadgen.scripted.script import Player

REFUSAL = b'{\n    "error": "scripted"\n}'


def message(body: bytes, status: bytes = b"200 OK", size: int | None = None, extra: bytes = b"") -> bytes:
    """A reply with headers; `size` may lie."""
    length = str(len(body) if size is None else size).encode()
    head = b"HTTP/1.1 " + status + b"\r\nContent-Type: application/json\r\nContent-Length: " + length
    return head + b"\r\n" + extra + b"\r\n" + body


def reset(transport: asyncio.Transport) -> None:
    """Drop the connection with a TCP reset."""
    with contextlib.suppress(OSError):
        raw = transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


class RestSide(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, player: Player) -> None:
        self.player, self.path = player, b""
        self.parts: list[bytes] = []

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there."""
        self.transport, self.parser = transport, HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        """Bytes of requests."""
        try:
            self.parser.feed_data(data)
        except HttpParserError:
            self.transport.abort()

    def on_url(self, url: bytes) -> None:
        """Called by the parser."""
        self.path = url

    def on_body(self, part: bytes) -> None:
        """Called by the parser."""
        self.parts.append(part)

    def on_message_complete(self) -> None:
        """A whole request is in."""
        body = b"".join(self.parts)
        self.parts.clear()
        if self.path.endswith(b"/metrics"):
            self.transport.write(message(self.player.metrics()))
            return
        fault = self.player.fault()
        if fault == "reset":
            reset(self.transport)
        elif fault != "silent":
            reply = self._reply(fault, self.player.answer(body, fault))
            self.player.when_due(lambda: self._send(reply, fault in ("short", "leave")))

    def _reply(self, fault: str, answer: bytes) -> bytes:
        if fault == "status":
            return message(REFUSAL, b"503 Service Unavailable")
        if fault == "short":
            return message(answer[: len(answer) // 2], size=len(answer))
        if fault == "garbage":
            return b"\x00\x01 this is not HTTP\r\n\r\n"
        return message(answer, extra=b"Connection: close\r\n" if fault == "leave" else b"")

    def _send(self, reply: bytes, then_close: bool) -> None:
        if not self.transport.is_closing():
            self.transport.write(reply)
            if then_close:
                self.transport.close()
