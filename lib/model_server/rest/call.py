"""One request to the REST API, from its admission to its reply, and what is counted of it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import cached_property

from model_server import eager, metrics
from model_server.batching.executors import as_serving_error
from model_server.calls import model_info
from model_server.json.reply import error_body
from model_server.models.core import Core
from model_server.rest import examples, predict, routes
from model_server.rest.body import Body
from model_server.rest.http_connection import Reply, Request, Sent
from model_server.rest.json_helper import JsonHelper
from model_server.rest.routes import Route


@dataclass(frozen=True, slots=True)
class RestApi:
    """What every call needs.

    `headers` are those of a JSON reply, `cors_headers` the part of them that --rest_api_enable_cors_support adds.
    `timeout_ns`: None where calls have no time-out. `helper`: reads and writes long JSON. `left`: called when a call is
    over, before its reply is sent.
    """

    core: Core
    headers: bytes
    cors_headers: bytes
    timeout_ns: int | None
    check_method_names: bool
    helper: JsonHelper
    left: Callable[[], None]

    def deadline_ns(self, started_ns: int) -> int | None:
        """When a call that was begun then has to end, in time.monotonic_ns(); None without a time-out."""
        return None if self.timeout_ns is None else started_ns + self.timeout_ns


class Endpoint:
    """Where a head leads, kept with it, and what counts the requests that were answered there.

    `api` is the metrics' label of that name: the verb of an inference, else "". The counters are made when they are
    first needed, as a line of theirs on the metrics page means that there was a request.
    """

    def __init__(self, route: Route):
        self.route = route
        self.api = route.verb if route.verb in routes.INFERENCE else ""

    @cached_property
    def took(self) -> Callable[[float], None]:
        """Takes the microseconds of a request."""
        return metrics.request_latency.at(self.route.spec.name, self.api, "REST")

    @cached_property
    def ran(self) -> Callable[[float], None]:
        """Takes the microseconds of a predict's run."""
        return metrics.runtime_latency.at(self.route.spec.name, "Predict", "TF1")

    @cached_property
    def answered(self) -> Callable[[], None]:
        """Counts a request."""
        return metrics.request_count.at(self.route.spec.name, "OK")


class RestCall:
    """A request under /v1/: `begin` is called when it is let in, and it answers by itself. All in the loop's thread."""

    __slots__ = ("_api", "_body", "_reply", "_request", "_started_ns")

    def __init__(self, api: RestApi, request: Request, body: Sent, reply: Reply):
        self._api, self._request, self._body, self._reply = api, request, body, reply

    def begin(self) -> None:
        """Answer, now or later."""
        self._started_ns = time.monotonic_ns()
        eager.start(self._finish(self._body_of_reply()))

    async def _body_of_reply(self) -> predict.Text:
        api, request = self._api, self._request
        route = (request.note or _noted(request)).route
        if route.refusal:
            raise route.refusal
        core, spec, verb = api.core, route.spec, route.verb
        if verb == "status":
            return model_info.as_json(model_info.status(core, spec.name, spec.version)).encode()
        if verb == "metadata":
            return model_info.metadata_json(core, spec).encode()
        sent, self._body = self._body, b""
        gzip = b"gzip" in request.headers.get(b"content-encoding", b"")
        body = Body(sent if isinstance(sent, deque) else deque((sent,)), gzip, api.helper)
        deadline_ns, check = api.deadline_ns(self._started_ns), api.check_method_names
        if verb == "predict":
            return await predict.predict(core, spec, body, deadline_ns, check, api.helper)
        return await examples.infer(core, spec, verb, body, deadline_ns, check)

    async def _finish(self, body: Coroutine) -> None:
        result: predict.Text | Exception
        try:
            result = await body
        except Exception as error:
            result = error
        self._end(result)

    def _end(self, result: predict.Text | Exception) -> None:
        """Count the request and send its reply."""
        api, endpoint = self._api, self._request.note
        api.left()
        if not isinstance(result, Exception):
            endpoint.took((time.monotonic_ns() - self._started_ns) / 1000)
            endpoint.answered()
            self._reply(200, api.headers, result)
        else:
            failure = as_serving_error(result)
            metrics.request_count.add(endpoint.route.spec.name if endpoint else "", failure.code_name)
            self._reply(failure.http_status, api.headers, error_body(failure.message))


def _noted(request: Request) -> Endpoint:
    """Where a request leads, kept with its head."""
    endpoint = request.note = Endpoint(routes.parse(request.method.decode(), request.target.decode("latin-1")))
    return endpoint
