"""Cuts a large request into pieces for several batches, and joins their answers again."""

from __future__ import annotations

import numpy as np

from model_server.batch_queue import Task
from model_server.eager import Ticket
from model_server.errors import ServingError
from model_server.run_outputs import RunOutputs, Share


class _Join:
    """Stands in for the tickets of the pieces; resolves the request's own when all have answered, or one has failed."""

    def __init__(self, ticket: Ticket, pieces: int):
        self._ticket, self._results = ticket, [None] * pieces
        self._left = pieces

    def set(self, index: int, value: Share | ServingError) -> None:
        """One piece's result; called in the loop's thread, as every ticket's is."""
        if self._left <= 0:
            return  # a piece has failed: the request is answered
        self._results[index] = value
        self._left -= 1
        if isinstance(value, ServingError):
            self._left = 0
            self._ticket.resolve(value)
        elif not self._left:
            columns = zip(*(share.arrays for share in self._results), strict=True)
            self._ticket.resolve(Share(RunOutputs([np.concatenate(parts) for parts in columns])))


class _Piece:
    """The ticket of one piece."""

    def __init__(self, join: _Join, index: int):
        self._join, self._index = join, index

    def resolve(self, value: Share | ServingError) -> None:
        self._join.set(self._index, value)


def split_task(task: Task, sizes: list[int]) -> list[Task]:
    """Tasks of the given sizes (rows) that together are `task`; one failing piece fails the request."""
    join, start, pieces = _Join(task.ticket, len(sizes)), 0, []
    for index, size in enumerate(sizes):
        arrays = [array[start : start + size] for array in task.arrays]
        pieces.append(Task(arrays, size, _Piece(join, index), task.deadline_ns))
        start += size
    return pieces
