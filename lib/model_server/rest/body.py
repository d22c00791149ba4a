"""The body of an inference request: read at once where it is short, else in a process of its own."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from model_server.batching.executors import in_thread
from model_server.rest.http_connection import LONG
from model_server.rest.json_helper import JsonHelper
from model_server.rest.reading import inflated

T = TypeVar("T")


class Body:
    """What a client sent: the pieces as they came, not joined where that would hold the loop up.

    Args:
        gzip: The pieces are compressed.
        helper: Reads long bodies.
    """

    __slots__ = ("_gzip", "_helper", "_pieces", "_short")

    def __init__(self, pieces: deque[bytes], gzip: bool, helper: JsonHelper):
        self._pieces, self._gzip, self._helper = pieces, gzip, helper
        self._short: bytes | None = None
        if len(pieces) == 1 and len(pieces[0]) <= LONG:
            self._short = inflated(pieces[0], LONG) if gzip else pieces[0]

    async def read(self, work: Callable[..., T], *arguments: object) -> T:
        """`work(text, *arguments)`, a function that another process can import and whose arguments it can be sent.

        Raises:
            ServingError: what `work` raises.
        """
        if self._short is not None:
            return work(self._short, *arguments)
        pieces, self._pieces = self._pieces, deque()
        helper, gzip = self._helper, self._gzip
        loop = asyncio.get_running_loop()
        return await in_thread(loop, lambda: helper.read(work, pieces, gzip, arguments))
