"""What the HTTP port answers beside calls to models: CORS preflights and the metrics page (http_server.cc)."""

from __future__ import annotations

import time

from model_server import metrics
from model_server.rest.call import RestCall

_TEXT = b"Content-Type: text/plain\r\n"


class Preflight(RestCall):
    """An OPTIONS request under /v1/: counted as any other, under no model's name; its replies have no body."""

    __slots__ = ()

    def begin(self) -> None:
        """Answer at once."""
        api, started_ns = self._api, time.monotonic_ns()
        origin = self._request.headers.get(b"origin", b"")
        allowed = b"http://" in origin or b"https://" in origin
        api.left()
        if allowed:
            metrics.request_latency.add((time.monotonic_ns() - started_ns) / 1000, "", "", "REST")
        metrics.request_count.add("", "OK" if allowed else "FAILED_PRECONDITION")
        self._reply(200 if allowed else 400, api.cors_headers, b"")


class MetricsPage(RestCall):
    """A request for the metrics page; it waits for a worker as every request does, and nothing counts it.

    `_body` is the path the page has.
    """

    __slots__ = ()

    def begin(self) -> None:
        """Answer at once."""
        self._api.left()
        target, path = self._request.target, self._body
        if target == path:
            self._reply(200, _TEXT, metrics.text().encode())
        else:
            self._reply(400, _TEXT, b"Unexpected path: %s. Should be %s" % (target, path))
