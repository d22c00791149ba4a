"""One request after the other on a connection that stays open, each timed, with its headers and certificates."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from playbook.errors import PredictFailed
from playbook.records import secrets, trust
from playbook.serve import client
from playbook.serve.handle import Handle

TIMEOUT_S, CONNECT_S = 60.0, 5.0


def timed_ms(send: Callable[[bytes], None], body: bytes) -> float:
    """Milliseconds from sending a request to having its whole answer."""
    began = time.perf_counter_ns()
    send(body)
    return (time.perf_counter_ns() - began) / 1e6


@contextmanager
def sender(handle: Handle, protocol: str) -> Iterator[Callable[[bytes], None]]:
    """Send one request on a connection that stays open, and wait for its whole answer.

    Raises:
        PredictFailed: the server cannot be reached, or refuses a request; why stands in the message.
    """
    with (_grpc if protocol == "grpc" else _rest)(handle) as send:
        yield send


@contextmanager
def _grpc(handle: Handle) -> Iterator[Callable[[bytes], None]]:
    import grpc

    metadata = client.metadata(handle.grpc_url)
    with client.channel(handle) as channel:
        try:
            grpc.channel_ready_future(channel).result(CONNECT_S)
        except grpc.FutureTimeoutError as error:
            why = trust.problem(handle.grpc_url) or f"no answer from {handle.grpc_url} within {CONNECT_S:g} s"
            raise PredictFailed(f"Predict over gRPC: {why}") from error
        call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")

        def send(body: bytes) -> None:
            try:
                call(body, timeout=TIMEOUT_S, metadata=metadata)
            except grpc.RpcError as error:
                raise PredictFailed(f"Predict over gRPC: {error.code().name}, {error.details()}") from error

        yield send


@contextmanager
def _rest(handle: Handle) -> Iterator[Callable[[bytes], None]]:
    url = handle.predict_url
    address, headers = urlsplit(url), secrets.header(url)
    place = address.hostname or "", address.port
    tls = trust.context(url)
    connection = (
        http.client.HTTPSConnection(*place, timeout=TIMEOUT_S, context=tls)
        if tls
        else http.client.HTTPConnection(*place, timeout=TIMEOUT_S)
    )

    def send(body: bytes) -> None:
        try:
            connection.request("POST", address.path, body, headers)
            reply = connection.getresponse()
            answer = reply.read()
        except (OSError, http.client.HTTPException) as error:
            raise _unreached(url, error) from error
        if reply.status != 200:
            told = answer.decode(errors="replace").strip()[:300]
            raise PredictFailed(f"Predict over REST: HTTP {reply.status}, {told}")

    try:
        try:
            connection.connect()
        except OSError as error:
            raise _unreached(url, error) from error
        yield send
    finally:
        connection.close()


def _unreached(url: str, error: Exception) -> PredictFailed:
    why = trust.problem(url) or f"no answer from {url} ({type(error).__name__}: {error})"
    return PredictFailed(f"Predict over REST: {why}")
