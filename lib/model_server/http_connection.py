"""One HTTP/1.1 connection on uvloop: httptools parses, requests are answered in their order, keep-alive as libevent's.

Why not a ready server: measured on one core with the same body and reply, granian's RSGI kept 0.85 of this layer's
speed and uvicorn less; both decode the path before the application sees it, which TensorFlow Serving does not.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import httptools

from model_server.http_replies import HTML, REASONS, Date, error_page

KNOWN_METHODS = frozenset({b"GET", b"POST", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"PATCH"})
_MOST_PIPELINED = 64


class Request:
    """One request as it came: `target` is the raw path with its query, header names are lower case."""

    __slots__ = ("body", "headers", "keep_alive", "method", "target")

    def __init__(self):
        self.method = b""
        self.target = b""
        self.headers: dict[bytes, bytes] = {}
        self.body = b""
        self.keep_alive = True


Reply = Callable[[int, bytes, bytes], None]
Answer = Callable[[Request, Reply], None]


class HttpConnection(asyncio.Protocol):
    """Feeds each complete request to `answer(request, reply)`; `reply(status, headers, body)` may come later.

    `headers` are encoded lines, each ended by CR LF; Date and Content-Length are added.
    """

    def __init__(self, answer: Answer):
        self._answer = answer
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._request = Request()
        self._chunks: list[bytes] = []
        self._waiting: deque[Request] = deque()
        self._busy = False
        self._paused = False

    def connection_made(self, transport: asyncio.Transport) -> None:
        """A client connected."""
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        """The client went away; what is still running for it runs on, as in TensorFlow Serving."""
        self._transport = None
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        """Parse what came; the parser calls the on_... methods."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._ignore_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refuse(400)

    def _ignore_upgrade(self, rest: bytes) -> None:
        """Read a request that asks for another protocol once more without that wish: the parser stops at its body."""
        request = self._request
        lines = [b"%s %s HTTP/1.1" % (request.method, request.target)]
        wishes = (b"upgrade", b"connection")
        lines += [b"%s: %s" % item for item in request.headers.items() if item[0] not in wishes]
        self._parser = httptools.HttpRequestParser(self)
        self.data_received(b"\r\n".join(lines) + b"\r\n\r\n" + rest)

    def on_message_begin(self) -> None:
        """A request line follows."""
        self._request, self._chunks = Request(), []

    def on_url(self, url: bytes) -> None:
        """(A piece of) the request target."""
        self._request.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header line."""
        self._request.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """A client that waits for leave to send its body gets it."""
        request = self._request
        request.method, request.keep_alive = self._parser.get_method(), self._parser.should_keep_alive()
        if request.headers.get(b"expect", b"").lower() == b"100-continue" and self._transport:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        self._chunks.append(data)

    def on_message_complete(self) -> None:
        """The request is whole: answer it now, or after the ones before it."""
        if self._parser.should_upgrade() and self._request.method != b"CONNECT":
            return  # not whole yet: see _ignore_upgrade
        request, chunks = self._request, self._chunks
        request.body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        self._chunks = []
        if self._busy:
            self._waiting.append(request)
            if len(self._waiting) >= _MOST_PIPELINED and not self._paused:
                self._paused = True
                self._transport.pause_reading()
        else:
            self._start(request)

    def _start(self, request: Request) -> None:
        self._busy = True
        if request.method not in KNOWN_METHODS:
            self._refuse(501)
            return

        def reply(status: int, headers: bytes, body: bytes) -> None:
            self._reply(request, status, headers, body)

        self._answer(request, reply)

    def _reply(self, request: Request, status: int, headers: bytes, body: bytes) -> None:
        transport = self._transport
        if transport is None:
            return
        close = not request.keep_alive or b"Connection: close" in headers
        if not request.keep_alive:
            headers += b"Connection: close\r\n"
        head = b"HTTP/1.1 %d %s\r\n%s%sContent-Length: %d\r\n\r\n" % (
            status,
            REASONS.get(status, "Unknown").encode(),
            headers,
            Date.now(),
            len(body),
        )
        transport.write(head if request.method == b"HEAD" else head + body)
        if close:
            transport.close()
            self._waiting.clear()
            return
        self._next()

    def _next(self) -> None:
        self._busy = False
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._start_waiting)
            self._busy = True

    def _start_waiting(self) -> None:
        if self._waiting and self._transport:
            if self._paused:
                self._paused = False
                self._transport.resume_reading()
            self._start(self._waiting.popleft())

    def _refuse(self, status: int) -> None:
        """Answer with libevent's page and hang up."""
        if self._transport is None:
            return
        page = error_page(status)
        reason = REASONS[status].encode()
        self._transport.write(
            b"HTTP/1.1 %d %s\r\n%sConnection: close\r\nContent-Length: %d\r\n\r\n" % (status, reason, HTML, len(page))
            + page
        )
        self._transport.close()
        self._transport = None
