"""Runs coroutines without Tasks: at once up to the first wait, then on in the very turn the awaited result comes.

A Task would start a request in the loop's next turn and go on two turns after its result: as much work again as reading
the request. Python 3.12 has eager tasks for the same reason.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Coroutine


class Ticket:
    """What a coroutine under `start` waits for; `resolve` gives it a result, or an exception to raise."""

    __slots__ = ("_coroutine", "_result")

    def __init__(self):
        self._coroutine: Coroutine | None = None
        self._result: object = None

    def resolve(self, result: object) -> None:
        """Hand over the result (never None) and let the coroutine go on; called in the loop's thread, once."""
        self._result = result
        if self._coroutine is not None:
            start(self._coroutine)

    def __await__(self):
        if self._result is None:
            yield self
        result = self._result
        if isinstance(result, Exception):
            raise result
        return result


def start(coroutine: Coroutine) -> None:
    """Drive a coroutine that awaits only Tickets and asyncio's futures, and lets no exception out."""
    try:
        waits_for = coroutine.send(None)
    except StopIteration:
        return
    if isinstance(waits_for, Ticket):
        waits_for._coroutine = coroutine
    else:
        waits_for._asyncio_future_blocking = False
        waits_for.add_done_callback(lambda _done: start(coroutine))


def result_now(coroutine: Coroutine) -> object:
    """The result of a coroutine whose tickets are all resolved by the time they are awaited, in any thread.

    Raises:
        Exception: whatever the coroutine raises.
    """
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise RuntimeError("the coroutine waits for somebody else")


def result_of(coroutine: Coroutine, loop: asyncio.AbstractEventLoop) -> object:
    """Run such a coroutine in the loop's thread and wait for its result here, in another thread.

    Raises:
        Exception: whatever the coroutine raises.
    """
    outcome: concurrent.futures.Future = concurrent.futures.Future()

    async def keep_outcome() -> None:
        try:
            outcome.set_result(await coroutine)
        except Exception as error:
            outcome.set_exception(error)

    loop.call_soon_threadsafe(start, keep_outcome())
    return outcome.result()
