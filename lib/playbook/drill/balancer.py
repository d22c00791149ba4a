"""A small balancer of connections before several servers: what kube-proxy does, and what a proxy that retries does.

It passes bytes on, one connection of a user to one of a server. Taken out of the rotation, a server gets no new
connection, and those it has are closed politely: after a reply that says `Connection: close` (HTTP/1.1), or when the
server itself sends them away (gRPC, by connection age).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
import time
from collections.abc import Sequence
from typing import Any

Target = tuple[str, int]
STARTED_WITHIN_S = 10.0
IDLE_S = 0.3
HEAD, CLOSE = b"HTTP/1.1 ", b"\r\nConnection: close\r\n"


class Balancer:
    """Runs in a thread of its own for the length of a `with` block; connections go to the targets in turn.

    Args:
        targets: Host and port of each server.
        rotation: The numbers of those that get connections at first; all of them by default.
        retries: Whether a connection that a server refuses is tried with the next one.
    """

    def __init__(self, targets: Sequence[Target], rotation: Sequence[int] | None = None, retries: bool = False):
        self.targets, self.retries = list(targets), retries
        self.rotation = list(range(len(targets)) if rotation is None else rotation)
        self.open: list[set[_User]] = [set() for _ in targets]
        self.port = 0
        self._turn, self._ready = itertools.count(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="balancer", daemon=True)

    def __enter__(self) -> Balancer:
        self._thread.start()
        if not self._ready.wait(STARTED_WITHIN_S):
            raise TimeoutError(f"The balancer was to listen within {STARTED_WITHIN_S:g} s.")
        return self

    def __exit__(self, *exc: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set_result, None)
        self._thread.join(STARTED_WITHIN_S)

    def put_in(self, number: int) -> None:
        """A server gets connections from now on."""
        self.rotation = [*self.rotation, number]

    def take_out(self, number: int) -> None:
        """A server gets no new connection from now on, and loses those it has when their replies are through."""
        self.rotation = [one for one in self.rotation if one != number]

    def drained(self, number: int, timeout_s: float) -> float | None:
        """Wait until a server has no connection any more; the seconds it took, None when some were left.

        Those that nobody uses get no reply to say it in: they are closed once they were idle for a while.
        """
        began = time.monotonic()
        while self.open[number]:
            if time.monotonic() - began > timeout_s:
                return None
            self._loop.call_soon_threadsafe(self._close_idle, number)
            time.sleep(0.02)
        return time.monotonic() - began

    def _close_idle(self, number: int) -> None:
        now = time.monotonic()
        for user in list(self.open[number]):
            if not user.asks and now - user.last_s > IDLE_S:
                user.transport.close()

    def choices(self) -> list[int]:
        """The servers a new connection may go to, the one whose turn it is first."""
        turn, rotation = next(self._turn), self.rotation
        if not rotation:
            return []
        first = turn % len(rotation)
        return (rotation[first:] + rotation[:first])[: None if self.retries else 1]

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=_loop) if hasattr(asyncio, "Runner") else _OldRunner() as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = self._loop.create_future()
        server = await self._loop.create_server(lambda: _User(self), "127.0.0.1", 0, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop
        server.close()
        for user in [user for users in self.open for user in users]:
            user.transport.abort()


class _User(asyncio.Protocol):
    """A user's connection; what it sends waits until a server's stands."""

    def __init__(self, balancer: Balancer) -> None:
        self.balancer, self.number = balancer, -1
        self.server: _Server | None = None
        self.asks, self.last_s = False, time.monotonic()  # whether a reply is due; when anything passed last
        self._waiting: list[bytes] = []

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self._connecting = asyncio.ensure_future(self._connect())

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        for number in self.balancer.choices():
            with contextlib.suppress(OSError):
                _, server = await loop.create_connection(lambda: _Server(self), *self.balancer.targets[number])
                if self.transport.is_closing():
                    server.transport.close()
                    return
                self.server, self.number = server, number
                self.balancer.open[number].add(self)
                server.transport.writelines(self._waiting)
                return
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        self.asks, self.last_s = True, time.monotonic()
        if self.server:
            self.server.transport.write(data)
        else:
            self._waiting.append(data)

    def connection_lost(self, error: Exception | None) -> None:
        if self.server:
            self.balancer.open[self.number].discard(self)
            self.server.transport.close()

    @property
    def leaving(self) -> bool:
        """Whether its server is out of the rotation."""
        return self.number not in self.balancer.rotation


class _Server(asyncio.Protocol):
    """The server's side of a user's connection."""

    def __init__(self, user: _User) -> None:
        self.user = user

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.user.leaving and data.startswith(HEAD):
            data = data.replace(b"\r\n", CLOSE, 1)
        self.user.asks, self.user.last_s = False, time.monotonic()
        self.user.transport.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        if error:
            self.user.transport.abort()
        else:
            self.user.transport.close()


def _loop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()


class _OldRunner:
    """`asyncio.Runner` of Python 3.10."""

    def __enter__(self) -> _OldRunner:
        self._loop = _loop()
        return self

    def run(self, main: Any) -> None:
        """Run to the end."""
        self._loop.run_until_complete(main)

    def __exit__(self, *exc: object) -> None:
        self._loop.close()
