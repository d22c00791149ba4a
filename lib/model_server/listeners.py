"""Opens the two ports, gRPC by grpc.aio and REST by our HTTP connections, both on the server's one event loop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import grpc

from model_server import log
from model_server.errors import invalid
from model_server.rest.http_connection import HttpConnection

BACKLOG = 128  # hard-coded in TensorFlow Serving's HTTP server
_WHERE = "tensorflow_serving/model_servers/server.cc:"


@dataclass(frozen=True)
class GrpcListener:
    """Where and how gRPC listens. `port` 0: only on the socket."""

    address: str
    port: int
    socket_path: str = ""
    arguments: tuple[tuple[str, object], ...] = ()
    credentials: grpc.ServerCredentials | None = None
    health: bool = False


async def open_grpc(handlers, listener: GrpcListener) -> grpc.aio.Server:
    """Start the gRPC server.

    Raises:
        ServingError: INVALID_ARGUMENT when the port cannot be bound.
    """
    options = [
        ("grpc.max_receive_message_length", -1),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", 0),
        *listener.arguments,
    ]
    server = grpc.aio.server(options=options)
    server.add_generic_rpc_handlers(handlers)
    if listener.health:
        await _add_health(server)
    try:
        _bind(server, listener)
        await server.start()
    except (RuntimeError, ValueError) as error:
        raise invalid("Failed to BuildAndStart gRPC server") from error
    return server


def _bind(server: grpc.aio.Server, listener: GrpcListener) -> None:
    addresses = [f"{listener.address}:{listener.port}"] if listener.port else []
    addresses += [f"unix:{listener.socket_path}"] if listener.socket_path else []
    for address in addresses:
        if listener.credentials is not None and not address.startswith("unix:"):
            server.add_secure_port(address, listener.credentials)
        else:
            server.add_insecure_port(address)


async def _add_health(server: grpc.aio.Server) -> None:
    """grpc.health.v1 with the literal names TensorFlow Serving uses, SERVING for ever."""
    from grpc_health.v1 import health, health_pb2, health_pb2_grpc

    servicer = health.aio.HealthServicer()
    for name in ("", "ModelService", "PredictionService"):
        await servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)


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
    return await loop.create_server(lambda: HttpConnection(app.answer), address, port, backlog=BACKLOG)
