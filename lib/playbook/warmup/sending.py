"""One request after the other on a connection that stays open, each timed, with its headers and certificates."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from urllib.parse import urlsplit

from loadgen.silence import LONGEST_S, TIMES_SLOWEST
from playbook.errors import PredictFailed
from playbook.records import secrets, trust
from playbook.serve import client
from playbook.serve.alive import hung
from playbook.serve.handle import Handle

TIMEOUT_S, CONNECT_S = 60.0, 5.0
LOOK_S = 0.25
Send = Callable[[bytes], None]
Cut = Callable[[], None]


def timed_ms(send: Callable[[bytes], None], body: bytes) -> float:
    """Milliseconds from sending a request to having its whole answer."""
    began = time.perf_counter_ns()
    send(body)
    return (time.perf_counter_ns() - began) / 1e6


@contextmanager
def sender(handle: Handle, protocol: str) -> Iterator[Send]:
    """Send one request on a connection that stays open, and wait for its whole answer.

    Raises:
        PredictFailed: the server cannot be reached, or refuses a request; why stands in the message.
        ServerHung: by what is yielded: no answer came, and none to a status request either.
    """
    with (_grpc if protocol == "grpc" else _rest)(handle) as (send, cut), _watched(handle, send, cut) as watched:
        yield watched


@contextmanager
def _grpc(handle: Handle) -> Iterator[tuple[Send, Cut]]:
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

        yield send, channel.close


@contextmanager
def _rest(handle: Handle) -> Iterator[tuple[Send, Cut]]:
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
        yield send, partial(connection.sock.shutdown, socket.SHUT_RDWR)
    finally:
        connection.close()


def _unreached(url: str, error: Exception) -> PredictFailed:
    why = trust.problem(url) or f"no answer from {url} ({type(error).__name__}: {error})"
    return PredictFailed(f"Predict over REST: {why}")


@contextmanager
def _watched(handle: Handle, send: Send, cut: Cut) -> Iterator[Send]:
    """The same, with a thread beside it that cuts the connection of a server that hangs, by the load generator's rule:
    no answer for 3 s or five times the slowest so far, and a status request unanswered.
    """
    watch = _Watch(handle, cut)
    watch.start()

    def watched(body: bytes) -> None:
        watch.since_s = began_s = time.monotonic()
        try:
            send(body)
        except Exception as error:
            if watch.hung:
                raise hung(handle, f" for {time.monotonic() - began_s:.1f} s") from error
            raise
        finally:
            watch.since_s = None
        watch.slowest_s = max(watch.slowest_s, time.monotonic() - began_s)

    try:
        yield watched
    finally:
        watch.ended.set()


class _Watch(threading.Thread):
    """Looks at how long the request that is out has been out."""

    def __init__(self, handle: Handle, cut: Cut) -> None:
        super().__init__(daemon=True)
        self._handle, self._cut = handle, cut
        self.since_s: float | None = None
        self.slowest_s, self.hung, self.ended = 0.0, False, threading.Event()

    def run(self) -> None:
        """Until the sender is done with, or the server hangs."""
        while not self.ended.wait(LOOK_S):
            since_s = self.since_s
            if since_s is None or time.monotonic() - since_s < max(LONGEST_S, TIMES_SLOWEST * self.slowest_s):
                continue
            if not client.responds(self._handle, client.STATUS_S) and self.since_s == since_s:
                self.hung = True
                self._cut()
                return
