"""Opens one connection of a level's protocol, plain or over TLS, to the addresses of its server in turn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, cast

from loadgen import tls
from loadgen.connection import Connection
from loadgen.engine import Engine
from loadgen.level import Level
from loadgen.protocols import grpc_connection, grpc_requests, http1
from loadgen.workers.addresses import Addresses


def connector(
    level: Level, bodies: list[bytes], streams: Sequence[int], addresses: Addresses
) -> Callable[[Engine, int], Awaitable[Connection]]:
    """A function that opens connection `number` of the level's protocol; over gRPC it has `streams[number]` streams.

    Raises:
        LevelError: A certificate file cannot be read.
    """
    host, port, path = level.address()
    if level.protocol == "rest":
        requests = http1.encode(host, port, path, bodies, level.request_headers())
        make: Callable[..., asyncio.Protocol] = partial(http1.HttpClientConnection, requests=requests, heads={})
    else:
        block, messages = grpc_requests.encode(host, port, path, bodies, level.request_headers(), level.tls)
        make = partial(grpc_connection.GrpcClientConnection, block=block, messages=messages)
    context = tls.context(level)
    secure: dict[str, Any] = {"ssl": context, "server_hostname": level.server_name or host} if context else {}

    async def connect(engine: Engine, number: int) -> Connection:
        address = await addresses.next()
        loop = asyncio.get_running_loop()
        slots = {} if level.protocol == "rest" else {"slots": streams[number]}
        protocol = (await loop.create_connection(lambda: make(engine, **slots), address, port, **secure))[1]
        connection = cast(Connection, protocol)
        addresses.opened(address, connection)
        return connection

    return connect
