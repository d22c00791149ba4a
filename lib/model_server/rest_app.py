"""The HTTP/REST API as one RSGI application: routing, the cap on requests at work, replies and their metrics."""

from __future__ import annotations

import time
import zlib
from collections import deque
from dataclasses import dataclass

from model_server import json_reply, metrics, model_info, rest_predict, rest_routes
from model_server.core import Core
from model_server.executors import as_serving_error
from model_server.rest_routes import Route

NOT_FOUND_PAGE = "<HTML><HEAD>\n<TITLE>404 Not Found</TITLE>\n</HEAD><BODY>\n<H1>Not Found</H1>\n</BODY></HTML>\n"
_JSON = [("content-type", "application/json")]
_CORS = [
    ("access-control-allow-origin", "*"),
    ("access-control-allow-methods", "POST, GET"),
    ("access-control-allow-headers", "Content-Type"),
]
_MOST_INFLATED = 100 << 20
_MOST_ROUTES = 1024


@dataclass(frozen=True)
class RestOptions:
    """What the flags say about REST. `workers`: requests at work at a time; the others wait."""

    workers: int
    timeout_ms: int = 30000
    cors: bool = False
    metrics_path: str | None = None


class _Gate:
    """Lets `free` requests in at a time, the others in their order."""

    def __init__(self, free: int, loop):
        self.free, self._loop = free, loop
        self._waiting: deque = deque()

    async def wait(self) -> None:
        ticket = self._loop.create_future()
        self._waiting.append(ticket)
        await ticket

    def leave(self) -> None:
        if self._waiting:
            self._waiting.popleft().set_result(None)
        else:
            self.free += 1


class RestApp:
    """Answers HTTP requests; give it to an RSGI server that runs on `loop`."""

    def __init__(self, core: Core, options: RestOptions, loop):
        self._core, self._options = core, options
        self._headers = _JSON + (_CORS if options.cors else [])
        self._timeout_ns = options.timeout_ms * 1_000_000
        self._gate = _Gate(options.workers, loop)
        self._routes: dict[tuple[str, str, str], Route] = {}

    async def __rsgi__(self, scope, protocol) -> None:
        """Entry point of the RSGI server: one call a request."""
        if scope.proto != "http":
            protocol.close(403)
            return
        path, method = scope.path, scope.method
        if path == self._options.metrics_path:
            await self._metrics(scope, protocol)
        elif path[:4].lower() != "/v1/":
            protocol.response_str(404, [("content-type", "text/html"), ("connection", "close")], NOT_FOUND_PAGE)
        elif method == "OPTIONS":
            self._options_reply(scope, protocol)
        else:
            await self._api(scope, protocol, method, path)

    async def _metrics(self, scope, protocol) -> None:
        path = self._options.metrics_path
        if scope.query_string:
            shown = f"{path}?{scope.query_string}"
            body = json_reply.error_body(f"Unexpected path: {shown}. Should be {path}")
            protocol.response_bytes(400, self._headers, body)
            return
        protocol.response_str(200, [("content-type", "text/plain")], metrics.text())

    def _options_reply(self, scope, protocol) -> None:
        origin = scope.headers.get("origin") or ""
        fine = "http://" in origin or "https://" in origin
        protocol.response_empty(200 if fine else 400, self._headers)

    async def _api(self, scope, protocol, method: str, path: str) -> None:
        body = await protocol()
        gate = self._gate
        if gate.free > 0:
            gate.free -= 1
        else:
            await gate.wait()
        started_ns = time.monotonic_ns()
        model_name, verb, code = "", "", "OK"
        try:
            route = self._route(method, path, scope.query_string)
            model_name, verb = route.spec.name, route.verb
            reply = await self._answer(route, scope, body, started_ns + self._timeout_ns)
            status = 200
        except Exception as error:
            failure = as_serving_error(error)
            status, code = failure.http_status, failure.code_name
            reply = json_reply.error_body(failure.message)
        finally:
            gate.leave()
        if status == 200:
            api = "" if method == "GET" else verb
            metrics.request_latency.add((time.monotonic_ns() - started_ns) / 1000, model_name, api, "REST")
        metrics.request_count.add(model_name, code)
        protocol.response_bytes(status, self._headers, reply)

    def _route(self, method: str, path: str, query: str) -> Route:
        key = (method, path, query)
        route = self._routes.get(key)
        if route is None:
            route = rest_routes.parse(method, f"{path}?{query}" if query else path)
            if len(self._routes) < _MOST_ROUTES:
                self._routes[key] = route
        return route

    async def _answer(self, route: Route, scope, body: bytes, deadline_ns: int) -> bytes:
        if route.verb == "status":
            return model_info.as_json(model_info.status(self._core, route.spec.name, route.spec.version)).encode()
        if route.verb == "metadata":
            return model_info.metadata_json(self._core, route.spec).encode()
        if "gzip" in (scope.headers.get("content-encoding") or ""):
            body = _inflated(body)
        return await rest_predict.predict(self._core, route.spec, body, deadline_ns)


def _inflated(body: bytes) -> bytes:
    """The body without gzip; empty when it is not gzip or too large, as TensorFlow Serving sees it."""
    try:
        inflater = zlib.decompressobj(31)
        data = inflater.decompress(body, _MOST_INFLATED)
        return data if inflater.eof else b""
    except zlib.error:
        return b""
