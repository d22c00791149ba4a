"""How requests become batches: one queue, with TensorFlow Serving's rules (shared_batch_scheduler.h).

A queue holds batches; the last one is open and takes tasks. All methods are called under the scheduler's lock.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from model_server.batching.options import QueueOptions
from model_server.errors import UNAVAILABLE, ServingError, invalid

_FULL = "The batch scheduling queue to which this task was submitted is full; "


class Task:
    """One request's rows in a queue (or a piece of them). Times are time.monotonic_ns()."""

    __slots__ = ("arrays", "deadline_ns", "enqueued_ns", "size", "ticket")

    def __init__(self, arrays: Sequence[np.ndarray], size: int, ticket: Any, deadline_ns: int | None):
        self.arrays = arrays
        self.size = size
        self.ticket = ticket
        self.deadline_ns = deadline_ns
        self.enqueued_ns = 0


class Batch:
    """Tasks that will run together.

    `due_ns` is when they may: 0 for now, None for never (empty), else a time of time.monotonic_ns().
    """

    __slots__ = ("due_ns", "size", "tasks")

    def __init__(self):
        self.tasks: list[Task] = []
        self.size = 0
        self.due_ns: int | None = None


class Queue:
    """The batches of one (version, input names, output names).

    Args:
        execute: Called in a batch thread with every batch that leaves the queue.
        split: Cuts a task into pieces of the given sizes; needed where large batches are split.
    """

    def __init__(
        self,
        options: QueueOptions,
        execute: Callable[[Batch], None],
        split: Callable[[Task, list[int]], list[Task]] | None = None,
    ):
        self.execute = execute
        self._split = split
        self._most, self._limit = options.max_batch_size, options.execution_limit
        self._splitting = options.enable_large_batch_splitting
        self.timeout_ns = options.batch_timeout_micros * 1000
        self._max_enqueued = max(1, options.max_enqueued_batches)
        self._batches: deque[Batch] = deque([Batch()])

    def add(self, task: Task) -> int | None:
        """Take a task into the open batch, or into new ones.

        Returns:
            When the first batch is due, as `Batch.due_ns`, if this task changed it or the batch is ready; else None.

        Raises:
            ServingError: INVALID_ARGUMENT for too many rows, UNAVAILABLE when the queue is full.
        """
        if task.size > self._most:
            raise invalid(f"Task size {task.size} is larger than maximum input batch size {self._most}")
        if self._splitting:
            self._check_capacity(task)
            for piece in self._pieces(task):
                self._put(piece)
        else:
            self._put(task)
        first = self._batches[0]
        return first.due_ns if not first.due_ns or len(first.tasks) == 1 else None

    def _put(self, task: Task) -> None:
        batches = self._batches
        batch = batches[-1]
        if batch.size + task.size > self._limit:
            if len(batches) >= self._max_enqueued:
                text = f"currently {len(batches)} batches enqueued and max_enqueued_batches is {self._max_enqueued}"
                raise ServingError(UNAVAILABLE, _FULL + text)
            batch.due_ns = 0
            batch = Batch()
            batches.append(batch)
        task.enqueued_ns = time.monotonic_ns()
        batch.tasks.append(task)
        batch.size += task.size
        if batch.size >= self._limit or not self.timeout_ns:
            batch.due_ns = 0
        elif batch.due_ns is None:
            batch.due_ns = task.enqueued_ns + self.timeout_ns

    def _check_capacity(self, task: Task) -> None:
        count, open_size = len(self._batches), self._batches[-1].size
        capacity = (self._max_enqueued - count) * self._limit + self._limit - open_size
        if task.size > capacity:
            raise ServingError(
                UNAVAILABLE,
                f"{_FULL}task size is {task.size} but scheduling capacity is only {capacity} "
                f"(num_enqueued_batches={count}, max_enqueued_batches={self._max_enqueued}, "
                f"open_batch_size={open_size}, max_execution_batch_size={self._limit})",
            )

    def _pieces(self, task: Task) -> list[Task]:
        room = self._limit - self._batches[-1].size
        if task.size <= room:
            return [task]
        sizes = [room] if room > 0 else []
        left = task.size - sum(sizes)
        sizes += [self._limit] * (left // self._limit)
        if left % self._limit:
            sizes.append(left % self._limit)
        if self._split is None:
            raise ValueError("a queue that splits large batches needs the function that cuts a task")
        return self._split(task, sizes)

    def due_ns(self) -> int | None:
        """When the first batch may run, as `Batch.due_ns`."""
        return self._batches[0].due_ns

    def take(self) -> Batch:
        """Remove and return the first batch; the caller has seen that it is ready."""
        batch = self._batches.popleft()
        if not self._batches:
            self._batches.append(Batch())
        return batch
