"""Cuts a large request into pieces for several batches, and joins their answers again."""

from __future__ import annotations

import threading

import numpy as np

from model_server.batch_queue import Task
from model_server.errors import ServingError


class _Join:
    """Stands in for the futures of the pieces; resolves the request's own future when all have answered."""

    def __init__(self, future, pieces: int):
        self._future, self._results = future, [None] * pieces
        self._left = pieces
        self._lock = threading.Lock()

    def set(self, index: int, value: object, failed: bool) -> None:
        with self._lock:
            self._results[index] = value
            self._left -= 1
            finished = self._left == 0
        if self._future.done():
            return
        if failed:
            self._future.set_exception(value)
        elif finished:
            self._future.set_result([np.concatenate(parts) for parts in zip(*self._results, strict=True)])


class _Piece:
    """The future of one piece."""

    def __init__(self, join: _Join, index: int):
        self._join, self._index = join, index

    def done(self) -> bool:
        return False

    def set_result(self, value: list[np.ndarray]) -> None:
        self._join.set(self._index, value, failed=False)

    def set_exception(self, error: ServingError) -> None:
        self._join.set(self._index, error, failed=True)


def split_task(task: Task, sizes: list[int]) -> list[Task]:
    """Tasks of the given sizes (rows) that together are `task`; one failing piece fails the request."""
    join, start, pieces = _Join(task.future, len(sizes)), 0, []
    for index, size in enumerate(sizes):
        arrays = [array[start : start + size] for array in task.arrays]
        pieces.append(Task(arrays, size, _Piece(join, index), task.deadline_ns))
        start += size
    return pieces
