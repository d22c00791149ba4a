"""What a connection does by the clock: handshake, keep-alive pings, deadlines, idleness and age."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Protocol

from model_server.grpc.limits import UNLIMITED, ChannelLimits

_PING_BEFORE_LEAVING_S = 20.0  # how long the answer to the ping between the two GOAWAYs may take, as in gRPC
_FINEST_S = 0.001


class Kept(Protocol):
    """The connection as its clock needs it."""

    def is_idle(self) -> bool:
        """Whether no call is on it."""

    def ping(self) -> None:
        """Ask whether the client is there."""

    def leave(self) -> None:
        """Take no new calls: GOAWAY for all to come."""

    def leave_now(self) -> None:
        """The second GOAWAY: nothing that comes from now on is looked at."""

    def abort(self) -> None:
        """Close, whatever is still on it."""

    def expire(self) -> float | None:
        """End the calls whose deadline is over; gives the seconds to the next deadline, None where there is none."""


class Upkeep:
    """The timers of one connection. Times are the loop's seconds."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limits: ChannelLimits, connection: Kept):
        self._loop, self._limits, self._connection = loop, limits, connection
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._deadline_s = float("inf")
        self.has_heard = False  # set by the connection with everything it reads
        self.idle_since_s = loop.time()
        self._after("handshake", limits.handshake_ms, self._no_handshake)
        self._after("age", limits.most_age_ms, self._leave, random.uniform(0.9, 1.1))
        self._after("idle", limits.most_idle_ms, self._look_for_idleness)
        self._after("keepalive", limits.keepalive_ms, self._keep_alive)

    def greeted(self) -> None:
        """The client has introduced itself."""
        self._cancel("handshake")

    def stop(self) -> None:
        """The connection is gone."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def watch(self, wait_s: float) -> None:
        """A call came whose deadline is over in `wait_s`."""
        deadline_s = self._loop.time() + wait_s
        if deadline_s < self._deadline_s:
            self._deadline_s = deadline_s
            self._cancel("deadline")
            self._timers["deadline"] = self._loop.call_at(deadline_s, self._expire)

    def _after(self, name: str, wait_ms: float, call: Callable[[], None], factor: float = 1.0) -> None:
        if wait_ms < UNLIMITED:
            self._timers[name] = self._loop.call_later(wait_ms * factor / 1000, call)

    def _cancel(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def _no_handshake(self) -> None:
        self._connection.abort()

    def _expire(self) -> None:
        self._deadline_s = float("inf")
        wait_s = self._connection.expire()
        if wait_s is not None:
            self.watch(max(wait_s, _FINEST_S))

    def _keep_alive(self) -> None:
        if self.has_heard or (self._connection.is_idle() and not self._limits.keepalive_without_calls):
            self.has_heard = False
            self._after("keepalive", self._limits.keepalive_ms, self._keep_alive)
            return
        self._connection.ping()
        self._after("keepalive", self._limits.keepalive_timeout_ms, self._look_for_answer)

    def _look_for_answer(self) -> None:
        if self.has_heard:
            self._keep_alive()
        else:
            self._connection.abort()

    def _look_for_idleness(self) -> None:
        limit_s = self._limits.most_idle_ms / 1000
        idle_s = self._loop.time() - self.idle_since_s if self._connection.is_idle() else 0.0
        if idle_s >= limit_s:
            self._leave()
        else:
            self._after("idle", (limit_s - idle_s) * 1000 + 1, self._look_for_idleness)

    def _leave(self) -> None:
        """GOAWAY, a ping, and when that is answered (or not in time) the last GOAWAY; the grace runs from the first."""
        self._connection.leave()
        self._timers["leave"] = self._loop.call_later(_PING_BEFORE_LEAVING_S, self._connection.leave_now)
        self._after("grace", self._limits.age_grace_ms, self._connection.abort)
