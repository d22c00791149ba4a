"""One request after the other on a connection that stays open, each timed."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from playbook.errors import PredictFailed
from playbook.serve.handle import Handle

TIMEOUT_S = 60.0


def timed_ms(send: Callable[[bytes], None], body: bytes) -> float:
    """Milliseconds from sending a request to having its whole answer."""
    began = time.perf_counter_ns()
    send(body)
    return (time.perf_counter_ns() - began) / 1e6


@contextmanager
def sender(handle: Handle, protocol: str) -> Iterator[Callable[[bytes], None]]:
    """Send one request on a connection that stays open, and wait for its whole answer."""
    if protocol == "grpc":
        import grpc

        with grpc.insecure_channel(handle.grpc_target) as channel:
            grpc.channel_ready_future(channel).result(TIMEOUT_S)
            call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
            yield lambda body: call(body, timeout=TIMEOUT_S)
        return
    address = urlsplit(handle.predict_url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=TIMEOUT_S)
    connection.connect()
    try:
        yield lambda body: _post(connection, address.path, body)
    finally:
        connection.close()


def _post(connection: http.client.HTTPConnection, path: str, body: bytes) -> None:
    connection.request("POST", path, body)
    reply = connection.getresponse()
    answer = reply.read()
    if reply.status != 200:
        raise PredictFailed(f"Predict over REST: HTTP {reply.status}, {answer.decode(errors='replace').strip()[:300]}")
