"""The HTTP/REST API as one application: routing, the cap on requests at work, replies and their metrics."""

from __future__ import annotations

import time
import zlib
from collections import deque
from dataclasses import dataclass

from model_server import eager, json_reply, metrics, model_info, rest_examples, rest_predict, rest_routes
from model_server.core import Core
from model_server.executors import as_serving_error
from model_server.http_connection import Reply, Request
from model_server.http_replies import HTML, error_page
from model_server.rest_routes import Route

_JSON = b"Content-Type: application/json\r\n"
_CORS = (
    b"Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: POST, GET\r\n"
    b"Access-Control-Allow-Headers: Content-Type\r\n"
)
_MOST_INFLATED = 100 << 20
_MOST_ROUTES = 1024


@dataclass(frozen=True)
class RestOptions:
    """What the flags say about REST. `workers`: requests at work at a time; the others wait."""

    workers: int
    timeout_ms: int = 30000
    cors: bool = False
    metrics_path: str | None = None
    check_method_names: bool = False


class _Gate:
    """Lets `free` requests in at a time, the others in their order, in the loop's turn after those before them left."""

    def __init__(self, free: int, loop):
        self.free, self._call_soon = free, loop.call_soon
        self._waiting: deque[eager.Ticket] = deque()
        self._let_in: list[eager.Ticket] = []

    def wait(self) -> eager.Ticket:
        """What a request awaits that finds none free."""
        ticket = eager.Ticket()
        self._waiting.append(ticket)
        return ticket

    def leave(self) -> None:
        """A request is done: its place goes to the next one, or is free."""
        if not self._waiting:
            self.free += 1
            return
        if not self._let_in:
            self._call_soon(self._open)
        self._let_in.append(self._waiting.popleft())

    def _open(self) -> None:
        tickets, self._let_in = self._let_in, []
        for ticket in tickets:
            ticket.resolve(True)


class RestApp:
    """Answers HTTP requests: `app.answer(request, reply)`, called in the thread of `loop`."""

    def __init__(self, core: Core, options: RestOptions, loop):
        self._core, self._options = core, options
        self._headers = _JSON + (_CORS if options.cors else b"")
        self._timeout_ns = options.timeout_ms * 1_000_000
        self._gate = _Gate(options.workers, loop)
        self._routes: dict[tuple[bytes, bytes], Route] = {}
        self._metrics_path = options.metrics_path.encode() if options.metrics_path else None

    def answer(self, request: Request, reply: Reply) -> None:
        """Answer a request, now or later."""
        target = request.target
        if target[:4].lower() == b"/v1/":
            if request.method == b"OPTIONS":
                origin = request.headers.get(b"origin", b"")
                fine = b"http://" in origin or b"https://" in origin
                reply(200 if fine else 400, self._headers, b"")
            else:
                eager.start(self._api(request, reply))
        elif self._metrics_path and target.partition(b"?")[0] == self._metrics_path:
            self._metrics(request, reply)
        else:
            reply(404, HTML + b"Connection: close\r\n", error_page(404))

    def _metrics(self, request: Request, reply: Reply) -> None:
        if request.target != self._metrics_path:
            shown, path = request.target.decode("latin-1"), self._metrics_path.decode()
            reply(400, self._headers, json_reply.error_body(f"Unexpected path: {shown}. Should be {path}"))
            return
        reply(200, b"Content-Type: text/plain\r\n", metrics.text().encode())

    async def _api(self, request: Request, reply: Reply) -> None:
        gate = self._gate
        if gate.free > 0:
            gate.free -= 1
        else:
            await gate.wait()
        started_ns = time.monotonic_ns()
        model_name, verb, code, status = "", "", "OK", 200
        try:
            route = self._route(request)
            model_name, verb = route.spec.name, route.verb
            deadline_ns = started_ns + self._timeout_ns
            if verb == "predict":
                body = await rest_predict.predict(self._core, route.spec, _body(request), deadline_ns)
            elif verb in ("status", "metadata"):
                body = self._describe(route)
            else:
                check = self._options.check_method_names
                body = await rest_examples.infer(self._core, route.spec, verb, _body(request), deadline_ns, check)
        except Exception as error:
            failure = as_serving_error(error)
            status, code = failure.http_status, failure.code_name
            body = json_reply.error_body(failure.message)
        gate.leave()
        if status == 200:
            api = "" if request.method == b"GET" else verb
            metrics.request_latency.add((time.monotonic_ns() - started_ns) / 1000, model_name, api, "REST")
        metrics.request_count.add(model_name, code)
        reply(status, self._headers, body)

    def _route(self, request: Request) -> Route:
        key = (request.method, request.target)
        route = self._routes.get(key)
        if route is None:
            route = rest_routes.parse(request.method.decode(), request.target.decode("latin-1"))
            if len(self._routes) < _MOST_ROUTES:
                self._routes[key] = route
        return route

    def _describe(self, route: Route) -> bytes:
        if route.verb == "status":
            return model_info.as_json(model_info.status(self._core, route.spec.name, route.spec.version)).encode()
        return model_info.metadata_json(self._core, route.spec).encode()


def _body(request: Request) -> bytes:
    """The request's body, inflated where it is said to be gzip."""
    compressed = b"gzip" in request.headers.get(b"content-encoding", b"")
    return _inflated(request.body) if compressed else request.body


def _inflated(body: bytes) -> bytes:
    """The body without gzip; empty when it is not gzip or too large, as TensorFlow Serving sees it."""
    try:
        inflater = zlib.decompressobj(31)
        data = inflater.decompress(body, _MOST_INFLATED)
        return data if inflater.eof else b""
    except zlib.error:
        return b""
