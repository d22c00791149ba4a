"""Where the two ports are opened."""

from __future__ import annotations

import asyncio
import socket

import pytest

from model_server.grpc import limits
from model_server.listeners import GrpcListener, open_grpc, open_rest


async def _opened(kind: str, port: int) -> int:
    """The port that a server asked for `port` listens on."""
    if kind == "REST":
        servers = [await open_rest(None, "127.0.0.1", port)]
    else:
        servers = await open_grpc({}, GrpcListener("127.0.0.1", port, "", limits.from_arguments([])))
    try:
        return servers[0].sockets[0].getsockname()[1]
    finally:
        for server in servers:
            server.close()


@pytest.mark.parametrize("kind", ["REST", "gRPC"])
@pytest.mark.parametrize("beyond", [65_536, -65_536])
def test_of_a_port_out_of_range_16_bits_are_taken_as_getaddrinfo_and_libevent_do(kind, beyond):
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        free = opened.getsockname()[1]
    assert asyncio.run(_opened(kind, free + beyond)) == free
