"""What the engine asks of a connection, whether it speaks HTTP/1.1 or gRPC (`loadgen.protocols`)."""

from __future__ import annotations

import asyncio
from typing import Protocol


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
