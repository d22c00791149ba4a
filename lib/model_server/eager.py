"""Runs a coroutine at once and without a Task: up to its first wait in the caller's turn of the loop."""

from __future__ import annotations

from collections.abc import Coroutine
from functools import partial


def start(coroutine: Coroutine) -> None:
    """Drive a coroutine that awaits only asyncio futures and lets no exception out.

    A Task would start it in the loop's next turn and cost as much again as reading the request; Python 3.12 has
    eager tasks for the same reason.
    """
    _step(coroutine, None)


def _step(coroutine: Coroutine, _done: object) -> None:
    try:
        future = coroutine.send(None)
    except StopIteration:
        return
    future._asyncio_future_blocking = False
    future.add_done_callback(partial(_step, coroutine))
