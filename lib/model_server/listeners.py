"""Opens the two ports, gRPC and REST, both on the server's one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from model_server import log
from model_server.errors import invalid
from model_server.grpc import health, tls
from model_server.grpc.connection import Http2Connection
from model_server.grpc.limits import ChannelLimits
from model_server.grpc.stream import Handler
from model_server.rest.http_connection import HttpConnection

_PORT = 0xFFFF  # getaddrinfo and libevent take 16 bits of a number: --port=85010 listens on 19474
BACKLOG = 128  # hard-coded in TensorFlow Serving's HTTP server
GRPC_BACKLOG = 4096  # gRPC takes what the kernel allows (net.core.somaxconn)
_WHERE = "tensorflow_serving/model_servers/server.cc:"


@dataclass(frozen=True)
class GrpcListener:
    """Where and how gRPC listens. `port` 0: only on the socket, which is never encrypted."""

    address: str
    port: int
    socket_path: str
    limits: ChannelLimits
    pem: tls.Pem | None = None
    health: bool = False


async def open_grpc(methods: Mapping[bytes, Handler], listener: GrpcListener) -> list[asyncio.AbstractServer]:
    """Start to take gRPC connections; gives a server an address.

    Raises:
        ServingError: INVALID_ARGUMENT when the port cannot be bound, or key and certificate are none.
    """
    served = {**methods, **(health.methods() if listener.health else {})}
    try:
        return await _bind(served, listener)
    except OSError as error:  # ssl.SSLError is one, too
        raise invalid("Failed to BuildAndStart gRPC server") from error


async def _bind(methods: Mapping[bytes, Handler], listener: GrpcListener) -> list[asyncio.AbstractServer]:
    loop, limits = asyncio.get_running_loop(), listener.limits
    servers: list[asyncio.AbstractServer] = []
    if listener.port:
        context = tls.context(listener.pem) if listener.pem else None
        over_tls = context is not None
        servers.append(
            await loop.create_server(
                lambda: Http2Connection(methods, limits, over_tls),
                listener.address,
                listener.port & _PORT,
                ssl=context,
                backlog=GRPC_BACKLOG,
                reuse_port=limits.reuse_port,
            )
        )
    if listener.socket_path:
        path = listener.socket_path
        servers.append(
            await loop.create_unix_server(lambda: Http2Connection(methods, limits), path, backlog=GRPC_BACKLOG)
        )
    return servers


def announce_grpc(listener: GrpcListener) -> None:
    """The ready lines that tools watch for."""
    if listener.port:
        log.info(_WHERE + "423", f"Running gRPC ModelServer at {listener.address}:{listener.port} ...")
    if listener.socket_path:
        log.info(_WHERE + "427", f"Running gRPC ModelServer at UNIX socket {listener.socket_path} ...")


async def open_rest(app, address: str, port: int) -> asyncio.Server:
    """Start the HTTP server.

    Raises:
        OSError: the port is in use.
    """
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: HttpConnection(app.answer), address, port & _PORT, backlog=BACKLOG)
