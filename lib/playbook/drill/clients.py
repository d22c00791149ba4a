"""Clients that a server must bear beside its users: stalled in mid-request, and requests far too large."""

from __future__ import annotations

import contextlib
import math
import socket
import ssl
import time
from urllib.parse import urlsplit

import numpy as np

from playbook.drill.ground import Ground
from playbook.errors import PredictFailed
from playbook.records import trust
from playbook.serve import client
from playbook.tfserving import ragged
from playbook.tfserving.reference import Reference
from playbook.tfserving.requests import rest_body

STALLED = 200
STALL_SHARE = 0.4  # of the drill's time
LARGE_BYTES = 48 << 20
MOST_ROWS = 1000  # max_batch_size where none is set (session_bundle_config.proto)
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04" + b"\x00" * 5  # and empty SETTINGS


def stall(place: Ground) -> str:
    """Two hundred clients that send half a request and then nothing."""
    half, where = _half(place), _where(place)
    stalled: list[socket.socket] = []
    try:
        for _ in range(STALLED):
            with contextlib.suppress(OSError):
                stalled.append(_connected(place, where))
                stalled[-1].sendall(half)
        time.sleep(STALL_SHARE * place.exercise.drill_s)
        return (
            f"{len(stalled)} clients stalled in mid-request; the server had closed {sum(map(_closed, stalled))} of them"
        )
    finally:
        for one in stalled:
            one.close()


def too_large(place: Ground) -> str:
    """A request with one row more than a batch may have, and one of 48 MiB (and no fewer rows)."""
    reference = Reference.load(place.exercise.run.run_dir)
    most = (place.exercise.config.max_batch_size if place.exercise.config.enable_batching else None) or MOST_ROWS
    row_bytes = max(1.0, ragged.json_bytes(reference.inputs))
    sizes = [most + 1, max(most + 1, int(LARGE_BYTES / row_bytes))]
    said = [f"{rows:,} rows ({_size(rows * row_bytes)}): {_answer(place, reference, rows)}" for rows in sizes]
    return "; ".join(said)


def _size(count: float) -> str:
    return f"{count / 1e6:,.0f} MB" if count >= 1e6 else f"{math.ceil(count / 1e3):,} kB"


def _answer(place: Ground, reference: Reference, rows: int) -> str:
    protocol = place.exercise.load.protocol
    ask = client.predict_rest if protocol == "rest" else client.predict_grpc
    inputs = ragged.pick(reference.inputs, np.resize(np.arange(len(reference)), rows))
    began = time.monotonic()
    try:
        ask(place.handle, inputs, reference.signature)
        what = "answered"
    except PredictFailed as error:
        what = str(error).removeprefix("Predict over ").split(",")[0]
    return f"{what} after {time.monotonic() - began:.1f} s"


def _half(place: Ground) -> bytes:
    if place.exercise.load.protocol == "grpc":
        return PREFACE
    reference = Reference.load(place.exercise.run.run_dir)
    body = rest_body(reference.slice(0, 1).inputs, reference.signature)
    path = f"/v1/models/{place.handle.model_name}:predict"
    head = f"POST {path} HTTP/1.1\r\nHost: drill\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body[: len(body) // 2]


def _where(place: Ground) -> tuple[str, int]:
    grpc = place.exercise.load.protocol == "grpc"
    parts = urlsplit(f"grpc://{place.handle.grpc_target}" if grpc else place.handle.rest_url)
    return parts.hostname or "127.0.0.1", parts.port or 80


def _connected(place: Ground, where: tuple[str, int]) -> socket.socket:
    """A connection as a client of the load opens it, over TLS where the server speaks it."""
    grpc = place.exercise.load.protocol == "grpc"
    plain = socket.create_connection(where, timeout=2.0)
    context = trust.context(place.handle.grpc_url if grpc else place.handle.rest_url)
    if context is None:
        return plain
    context.set_alpn_protocols(["h2"] if grpc else ["http/1.1"])
    return context.wrap_socket(plain, server_hostname=where[0])


def _closed(one: socket.socket) -> bool:
    """Whether the other side has closed it; what it has sent meanwhile (gRPC's SETTINGS) is no end."""
    one.setblocking(False)
    try:
        while True:
            if not one.recv(4096):
                return True
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True
