"""What a closed connection leaves behind."""

from __future__ import annotations

import asyncio
import gc
import socket

from model_server.rest.http_connection import HttpConnection


def test_a_closed_connection_leaves_nothing_to_the_collector():
    def ask(port: int) -> bytes:
        with socket.create_connection(("127.0.0.1", port), 5) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
            return client.recv(1000)

    async def serve() -> list[bytes]:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: HttpConnection(lambda *call: call[2](200, b"", b"yes")), "127.0.0.1")
        async with server:
            port = server.sockets[0].getsockname()[1]
            replies = [await loop.run_in_executor(None, ask, port) for _ in range(20)]
            for _ in range(3):  # until the loop has seen the last one close
                await asyncio.sleep(0.05)
        return replies

    gc.collect()
    gc.disable()
    try:
        replies = asyncio.run(serve())
        left = [thing for thing in gc.get_objects() if isinstance(thing, HttpConnection)]
    finally:
        gc.enable()
    assert all(reply.endswith(b"yes") for reply in replies)
    assert left == []
