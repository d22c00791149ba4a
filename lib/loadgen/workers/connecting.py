"""Opens one connection of a level's protocol, plain or over TLS, to the addresses of its server in turn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, cast

from loadgen import tls
from loadgen.connection import Connection
from loadgen.engine import Engine
from loadgen.level import Level
from loadgen.protocols import grpc_connection, http1
from loadgen.workers.addresses import Addresses


def connector(
    level: Level, bodies: list[bytes], slots: int, addresses: Addresses
) -> Callable[[Engine], Awaitable[Connection]]:
    """A function that opens one connection of the level's protocol, with `slots` streams where it has streams.

    Raises:
        LevelError: A certificate file cannot be read.
    """
    host, port, path = level.address()
    if level.protocol == "rest":
        requests = http1.encode(host, port, path, bodies, level.request_headers())
        make: Callable[..., asyncio.Protocol] = partial(http1.HttpClientConnection, requests=requests, heads={})
    else:
        block, messages = grpc_connection.encode(host, port, path, bodies, level.request_headers(), level.tls)
        make = partial(grpc_connection.GrpcClientConnection, block=block, messages=messages, slots=max(1, slots))
    context = tls.context(level)
    secure: dict[str, Any] = {"ssl": context, "server_hostname": level.server_name or host} if context else {}

    async def connect(engine: Engine) -> Connection:
        address = await addresses.next()
        loop = asyncio.get_running_loop()
        protocol = (await loop.create_connection(lambda: make(engine), address, port, **secure))[1]
        connection = cast(Connection, protocol)
        addresses.opened(address, connection)
        return connection

    return connect
