"""Opens the two ports, gRPC by grpc.aio and REST by our HTTP connections, both on the server's one event loop."""

from __future__ import annotations

import asyncio

import grpc

from model_server import log
from model_server.errors import invalid
from model_server.http_connection import HttpConnection

BACKLOG = 128  # hard-coded in TensorFlow Serving's HTTP server
_WHERE = "tensorflow_serving/model_servers/server.cc:"


async def open_grpc(handlers, address: str, port: int, socket_path: str, arguments: list[tuple[str, object]]):
    """Start the gRPC server.

    Raises:
        ServingError: INVALID_ARGUMENT when the port cannot be bound.
    """
    options = [
        ("grpc.max_receive_message_length", -1),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", 0),
        *arguments,
    ]
    server = grpc.aio.server(options=options)
    server.add_generic_rpc_handlers(handlers)
    try:
        if port:
            server.add_insecure_port(f"{address}:{port}")
        if socket_path:
            server.add_insecure_port(f"unix:{socket_path}")
        await server.start()
    except (RuntimeError, ValueError) as error:
        raise invalid("Failed to BuildAndStart gRPC server") from error
    return server


def announce_grpc(address: str, port: int, socket_path: str) -> None:
    """The ready lines that tools watch for."""
    if port:
        log.info(_WHERE + "423", f"Running gRPC ModelServer at {address}:{port} ...")
    if socket_path:
        log.info(_WHERE + "427", f"Running gRPC ModelServer at UNIX socket {socket_path} ...")


async def open_rest(app, address: str, port: int) -> asyncio.Server:
    """Start the HTTP server.

    Raises:
        OSError: the port is in use.
    """
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: HttpConnection(app.answer), address, port, backlog=BACKLOG)
