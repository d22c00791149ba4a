"""One HTTP/1.1 connection on uvloop: httptools parses, requests are answered in their order, keep-alive as libevent's.

Why not a ready server: measured on one core with the same body and reply, granian's RSGI kept 0.85 of this layer's
speed and uvicorn less; both decode the path before the application sees it, which TensorFlow Serving does not.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import httptools

from model_server.rest.http_replies import HTML, REASONS, error_page, start_of_reply

KNOWN_METHODS = frozenset({b"GET", b"POST", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"PATCH"})
LONG = 1 << 20  # bytes of a body that may be joined, read or written in the event loop's own turn
_MOST_PIPELINED = 64
_MOST_HEADS, _LONGEST_HEAD = 1024, 4096
_PARTED = (b"transfer-encoding", b"expect", b"upgrade")
_ABSOLUTE = re.compile(rb"https?://[^/?#]*(.*)", re.I | re.S)


class Request:
    """The head of one request.

    `target` is the raw path with its query, header names are lower case. A head that comes again, be it for a body of
    another length, is the same object: what the application keeps in `note` is there again, and so is the
    `content-length` of the first one. A body's length is told by the body.
    """

    __slots__ = ("headers", "keep_alive", "method", "note", "old", "target")

    def __init__(self):
        self.method = b""
        self.target = b""
        self.headers: dict[bytes, bytes] = {}
        self.keep_alive = True
        self.old = False  # HTTP/1.0
        self.note: Any = None


_Known = tuple[bytes, int, Request]  # a head that httptools parsed before, its length with the body's, and what it says
_heads: dict[bytes, _Known] = {}  # clients send the same heads again and again
_requests: dict[tuple, Request] = {}  # those of heads that differ in nothing but the body's length are one


def _remember(data: bytes, request: Request, length: int) -> None:
    """Keep the head of `data`, which was exactly this one request, for the next request with the same head."""
    headers = request.headers
    end = data.find(b"\r\n\r\n") + 4
    whole = end + length == len(data) and headers.get(b"content-length", b"0") == b"%d" % length
    room = end <= _LONGEST_HEAD and len(_heads) < _MOST_HEADS
    if whole and room and request.keep_alive and headers.keys().isdisjoint(_PARTED):
        lines = frozenset(line for line in headers.items() if line[0] != b"content-length")
        same = _requests.setdefault((request.method, request.target, request.old, lines), request)
        head = data[:end]
        _heads[head] = head, end + length, same


Sent = bytes | deque[bytes]  # a body; in pieces where it is long
Reply = Callable[[int, bytes, bytes | memoryview], None]
Answer = Callable[[Request, Sent, Reply], None]


class HttpConnection(asyncio.Protocol):
    """Feeds each complete request to `answer(request, body, reply)`; `reply(status, headers, body)` may come later.

    `headers` are encoded lines, each ended by CR LF; Date and Content-Length are added.
    """

    __slots__ = ("_answer", "_answered", "_busy", "_chunks", "_complete", "_ended", "_inside", "_known", "_length",
                 "_parser", "_paused", "_request", "_transport", "_unheeded", "_waiting")  # fmt: skip

    def __init__(self, answer: Answer):
        self._answer = answer
        self._parser: Any = httptools.HttpRequestParser(self)  # None when the client is gone
        self._transport: asyncio.Transport | None = None
        self._request = Request()
        self._known: _Known | None = None  # of the last head that came whole
        self._chunks: list[bytes] = []
        self._answered = self._request  # whose reply is expected while _busy
        self._waiting: deque[tuple[Request, Sent]] | None = None  # pipelined requests
        self._busy = False
        self._ended = False  # the client sends no more
        self._paused = False
        self._inside = False
        self._complete = self._length = self._unheeded = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        """The client went away; what is still running for it runs on, as in TensorFlow Serving."""
        self._transport = self._waiting = self._parser = None  # it knows this connection: the collector would be needed

    def eof_received(self) -> bool:
        """The client sends no more; it still gets the replies to its whole requests. False: none is due."""
        self._ended = True
        return self._busy

    def data_received(self, data: bytes) -> None:
        """Parse what came, unless it is one whole request with a known head; the parser calls the on_... methods."""
        inside = self._inside
        if not inside:
            known = self._known
            if known is None or not data.startswith(known[0]):
                known = self._known = _heads.get(data[: data.find(b"\r\n\r\n") + 4])
            if known is not None:
                head, whole, request = known
                if whole == len(data):
                    self._take(request, data[len(head) :])
                    return
        self._complete = 0
        try:
            self._parser.feed_data(data)
            if self._complete == 1 and not inside and not self._inside:
                _remember(data, self._request, self._length)
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
        self._inside = True
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
        parser = self._parser
        request.method, request.keep_alive = parser.get_method(), parser.should_keep_alive()
        request.old = parser.get_http_version() == "1.0"
        if request.target[:1] != b"/" and (absolute := _ABSOLUTE.match(request.target)):
            request.target = absolute[1] or b"/"
        if request.headers.get(b"expect", b"").lower() == b"100-continue" and self._transport:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, data: bytes) -> None:
        """A piece of the body; after each LONG of them the other connections have their turn."""
        self._chunks.append(data)
        self._unheeded += len(data)
        if self._unheeded > LONG and self._transport and not self._paused:
            self._unheeded = 0
            self._paused = True
            self._transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._read_on)

    def _read_on(self) -> None:
        if self._transport and self._paused and len(self._waiting or ()) < _MOST_PIPELINED:
            self._paused = False
            self._transport.resume_reading()

    def on_message_complete(self) -> None:
        """The request is whole: answer it now, or after the ones before it."""
        if self._parser.should_upgrade() and self._request.method != b"CONNECT":
            return  # not whole yet: see _ignore_upgrade
        chunks = self._chunks
        self._length = sum(map(len, chunks))
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks) if self._length <= LONG else deque(chunks)
        self._chunks = []
        self._inside = False
        self._complete += 1
        self._take(self._request, body)

    def _take(self, request: Request, body: Sent) -> None:
        if self._busy:
            if self._waiting is None:
                self._waiting = deque()
            self._waiting.append((request, body))
            if len(self._waiting) >= _MOST_PIPELINED and not self._paused and self._transport:
                self._paused = True
                self._transport.pause_reading()
            return
        self._busy, self._answered = True, request
        if request.method in KNOWN_METHODS:
            self._answer(request, body, self._reply)
        else:
            self._refuse(501)

    def _reply(self, status: int, headers: bytes, body: bytes | memoryview) -> None:
        transport, request = self._transport, self._answered
        if transport is None:
            return
        start, ends = start_of_reply(status, headers, request.keep_alive, request.old, int(time.time()))
        shown = b"" if request.method == b"HEAD" else body
        if len(shown) > LONG:
            transport.write(b"%s%d\r\n\r\n" % (start, len(body)))
            transport.write(shown)  # as it lies in memory
        else:
            transport.write(b"%s%d\r\n\r\n%s" % (start, len(body), shown))
        if ends:
            transport.close()
            self._waiting = None
        elif self._waiting:
            asyncio.get_running_loop().call_soon(self._start_waiting)
        elif self._ended:
            transport.close()
        else:
            self._busy = False

    def _start_waiting(self) -> None:
        if self._waiting and self._transport:
            if self._paused:
                self._paused = False
                self._transport.resume_reading()
            self._busy = False
            self._take(*self._waiting.popleft())

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
