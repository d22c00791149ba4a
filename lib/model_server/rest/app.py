"""The HTTP/REST API as one application: what is a call, what is not, and how many calls are at work at a time."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass

from model_server.models.core import Core
from model_server.rest.call import RestApi, RestCall
from model_server.rest.http_connection import Reply, Request, Sent
from model_server.rest.http_replies import HTML, error_page
from model_server.rest.json_helper import JsonHelper
from model_server.rest.plain_predict import PlainPredict
from model_server.rest.side_calls import MetricsPage, Preflight

_JSON = b"Content-Type: application/json\r\n"
_CORS = (
    b"Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: POST, GET\r\n"
    b"Access-Control-Allow-Headers: Content-Type\r\n"
)
_END_OF_PATH = re.compile(rb"[?#]")


@dataclass(frozen=True)
class RestOptions:
    """What the flags say about REST.

    `workers`: requests at work at a time; the others wait. `timeout_ms`: 0 or less is no time-out.
    """

    workers: int
    timeout_ms: int = 30000
    cors: bool = False
    metrics_path: str | None = None
    check_method_names: bool = False


class _Gate:
    """Lets `free` calls in at a time, the others in their order, in the loop's turn after those before them left."""

    def __init__(self, free: int, loop):
        self._free, self._call_soon = free, loop.call_soon
        self._waiting: deque[RestCall] = deque()
        self._let_in: list[RestCall] = []

    def enter(self, call: RestCall) -> None:
        """Begin the call, now or when there is a place for it."""
        if self._free > 0:
            self._free -= 1
            call.begin()
        else:
            self._waiting.append(call)

    def leave(self) -> None:
        """A call is over: its place goes to the next one, or is free."""
        if not self._waiting:
            self._free += 1
            return
        if not self._let_in:
            self._call_soon(self._open)
        self._let_in.append(self._waiting.popleft())

    def _open(self) -> None:
        calls, self._let_in = self._let_in, []
        for call in calls:
            call.begin()


class RestApp:
    """Answers HTTP requests: `app.answer(request, body, reply)`, called in the thread of `loop`."""

    def __init__(self, core: Core, options: RestOptions, loop):
        cors = _CORS if options.cors else b""
        self._gate = _Gate(options.workers, loop)
        timeout_ns = options.timeout_ms * 1_000_000 if options.timeout_ms > 0 else None
        check = options.check_method_names
        self._api = RestApi(core, _JSON + cors, cors, timeout_ns, check, JsonHelper(), self._gate.leave)
        self._metrics_path = options.metrics_path.encode() if options.metrics_path else None

    def answer(self, request: Request, body: Sent, reply: Reply) -> None:
        """Answer a request, now or later."""
        endpoint, target = request.note, request.target
        if endpoint is not None:  # a head that came before
            kind = PlainPredict if endpoint.api == "predict" else RestCall
            self._gate.enter(kind(self._api, request, body, reply))
        elif self._metrics_path and _END_OF_PATH.split(target, maxsplit=1)[0] == self._metrics_path:
            self._gate.enter(MetricsPage(self._api, request, self._metrics_path, reply))
        elif target[:4].lower() == b"/v1/":
            kind = Preflight if request.method == b"OPTIONS" else RestCall
            self._gate.enter(kind(self._api, request, body, reply))
        else:
            reply(404, HTML + b"Connection: close\r\n", error_page(404))
