"""What the engine asks of a connection, whether it speaks HTTP/1.1 or gRPC (`loadgen.protocols`)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Protocol

ASK_AGAIN_S = (0.05, 0.2)  # a full backlog drops the first packet, and TCP itself asks again only after 1 s


class Connection(Protocol):
    """One open connection with one slot or several; it tells its engine what became of each request."""

    lost: asyncio.Future[None]
    answered: int  # replies it got, whatever their status; time-outs, resets and cut replies are none

    def send(self, body: int, scheduled_ns: int, flags: int) -> None:
        """Write request number `body` now, on a slot the engine took."""

    def fail_overdue(self, before_ns: int) -> None:
        """Fail what was sent before `before_ns` and is still unanswered, as a time-out."""

    def close(self) -> None:
        """Close without ceremony."""


async def asked_for(connect: Callable[[], Awaitable[Connection]], within_s: float) -> Connection:
    """A connection, asked for anew where nothing comes of it at first.

    Raises:
        OSError: it was refused.
        asyncio.TimeoutError: nothing came of it in time.
    """
    for soon_s in ASK_AGAIN_S:
        with contextlib.suppress(asyncio.TimeoutError):
            return await asyncio.wait_for(connect(), soon_s)
    return await asyncio.wait_for(connect(), within_s)
