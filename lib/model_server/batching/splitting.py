"""Cuts a large request into pieces for several batches, and joins their answers again."""

from __future__ import annotations

from model_server.batching.queue import Task
from model_server.batching.run_outputs import RunOutputs, Share
from model_server.deep_array import joined
from model_server.errors import ServingError


class _Join:
    """Stands in for the tickets of the pieces; the request's own is told when all have answered, or one has failed."""

    def __init__(self, ticket, pieces: int):
        self._ticket = ticket
        self._shares: list[Share | None] = [None] * pieces
        self._left = pieces

    def set(self, index: int, share: Share) -> None:
        """One piece's rows; called in the loop's thread, as every ticket is."""
        if self._left <= 0:
            return  # a piece has failed: the request is answered
        self._shares[index] = share
        self._left -= 1
        if not self._left:
            columns = zip(*(share.arrays for share in self._shares if share), strict=True)
            self._ticket.answer(RunOutputs([joined(parts) for parts in columns]))

    def fail(self, error: ServingError) -> None:
        """One piece has failed, and with it the request."""
        if self._left > 0:
            self._left = 0
            self._ticket.fail(error)


class _Piece:
    """The ticket of one piece."""

    def __init__(self, join: _Join, index: int):
        self._join, self._index = join, index

    def answer(self, run: RunOutputs, start: int, stop: int) -> None:
        self._join.set(self._index, Share(run, start, stop))

    def fail(self, error: ServingError) -> None:
        self._join.fail(error)


def split_task(task: Task, sizes: list[int]) -> list[Task]:
    """Tasks of the given sizes (rows) that together are `task`; one failing piece fails the request."""
    join, start, pieces = _Join(task.ticket, len(sizes)), 0, []
    for index, size in enumerate(sizes):
        arrays = [array[start : start + size] for array in task.arrays]
        pieces.append(Task(arrays, size, _Piece(join, index), task.deadline_ns))
        start += size
    return pieces
