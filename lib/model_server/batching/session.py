"""Runs requests of one model version in merged batches (batching_session.cc)."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from model_server import metrics
from model_server.batching import padding
from model_server.batching.executors import Delivery, as_serving_error, measured_run, time_left_ms
from model_server.batching.options import QueueOptions
from model_server.batching.queue import Batch, Queue, Task
from model_server.batching.run_outputs import RunOutputs
from model_server.batching.scheduler import BatchScheduler
from model_server.batching.splitting import split_task
from model_server.errors import FAILED_PRECONDITION, RESOURCE_EXHAUSTED, ServingError, invalid

_count_rows = metrics.input_batch_size.at()


class BatchingSession:
    """Puts requests into queues, one for each pair of (input names, output names), and runs the batches.

    Args:
        model: What runs a batch: `run(run, parts, timeout_ms) -> outputs`.
    """

    def __init__(self, model, options: QueueOptions, scheduler: BatchScheduler, delivery: Delivery):
        self._model, self._options = model, options
        self._scheduler, self._delivery = scheduler, delivery
        self._queues: dict[tuple, Queue] = {}
        self._queue_of: dict[object, Queue] = {}  # the same by prepared run: no names to hash for each request

    def submit(self, run, arrays: Sequence[np.ndarray], deadline_ns: int | None, ticket) -> None:
        """Queue one request's tensors (in the order of `run.feeds`); the ticket gets its rows of the run.

        Raises:
            ServingError: the request cannot be batched, or the queue is full.
        """
        size = _rows(arrays)
        for _ in arrays:
            _count_rows(size)
        self._scheduler.schedule(self._queue_of.get(run) or self._queue(run), Task(arrays, size, ticket, deadline_ns))

    def close(self) -> None:
        """Let the batch threads forget this version's queues."""
        for queue in self._queues.values():
            self._scheduler.remove_queue(queue)
        self._queues, self._queue_of = {}, {}  # a queue's way to run leads back here: the collector would be needed

    def _queue(self, run) -> Queue:
        key = (run.feeds, run.fetches)
        queue = self._queues.get(key)
        if queue is None:
            queue = Queue(self._options, lambda batch: self._execute(run, batch), split_task)
            queue = self._queues.setdefault(key, queue)
            self._scheduler.add_queue(queue)
        self._queue_of[run] = queue
        return queue

    def _execute(self, run, batch: Batch) -> None:
        started_ns = time.monotonic_ns()
        metrics.queuing_latency.add_all([(started_ns - task.enqueued_ns) / 1000 for task in batch.tasks], "")
        outcome: RunOutputs | ServingError
        try:
            outcome = RunOutputs(self._run(run, batch))
        except Exception as error:
            outcome = as_serving_error(error)
        self._delivery.batch(batch.tasks, outcome)

    def _run(self, run, batch: Batch) -> list[np.ndarray]:
        """The outputs of one merged run."""
        timeout_ms = _timeout_ms(batch)
        padded = self._options.padded_size(batch.size)
        metrics.padding_size.add(padded - batch.size, str(padded))
        metrics.processed_batch_size.add(padded)
        parts = padding.merge_parts(run.feeds, batch, padded - batch.size, self._options)
        try:
            outputs = measured_run(self._model, run, parts, timeout_ms)
        finally:
            metrics.wrapped_run_count.add()
        _check_outputs(outputs, padded)
        return outputs


def _rows(arrays: Sequence[np.ndarray]) -> int:
    if not arrays:
        raise invalid("Batching Run() must have at least one input tensor")
    for array in arrays:
        if array.ndim == 0:
            raise invalid("Batching Run() input tensors must have at least one dimension")
    size = len(arrays[0])
    for array in arrays[1:]:
        if len(array) != size:
            raise invalid("Batching Run() input tensors must have equal 0th-dimension size")
    return size


def _timeout_ms(batch: Batch) -> int:
    """The latest deadline of the batch as a run time-out; 0 where a task has none."""
    deadlines = [task.deadline_ns for task in batch.tasks if task.deadline_ns is not None]
    if len(deadlines) < len(batch.tasks):
        return 0
    latest_ns = max(deadlines)
    if latest_ns <= time.monotonic_ns():
        raise ServingError(RESOURCE_EXHAUSTED, "Run() timeout exceeded while waiting in batching queue")
    return time_left_ms(latest_ns)


def _check_outputs(outputs: Sequence[np.ndarray], rows: int) -> None:
    for output in outputs:
        if output.ndim == 0:
            raise ServingError(FAILED_PRECONDITION, "Batched output tensor has 0 dimensions")
        if len(output) != rows:
            raise ServingError(
                FAILED_PRECONDITION,
                "Batched output tensor's 0th dimension does not equal the sum of the 0th dimension sizes of the "
                "input tensors",
            )
