"""Runs the graph for one request, in a thread of a pool or the caller's, and hands results of threads to the loop."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from model_server import metrics
from model_server.batching.queue import Task
from model_server.batching.run_outputs import RunOutputs
from model_server.errors import INTERNAL, ServingError

T = TypeVar("T")


def time_left_ms(deadline_ns: int | None) -> int:
    """Milliseconds to a deadline of time.monotonic_ns(), at least 1; 0 where there is no deadline."""
    return 0 if deadline_ns is None else max(1, (deadline_ns - time.monotonic_ns()) // 1_000_000)


def as_serving_error(error: Exception) -> ServingError:
    """The error for the client; a mistake of ours becomes INTERNAL with its text."""
    return error if isinstance(error, ServingError) else ServingError(INTERNAL, f"{type(error).__name__}: {error}")


def measured_run(model, run, parts: Sequence[Sequence[np.ndarray]], timeout_ms: int) -> list[np.ndarray]:
    """Run the graph and count the run in TensorFlow's own metrics."""
    started_ns = time.monotonic_ns()
    outputs = model.run(run, parts, timeout_ms)
    micros = (time.monotonic_ns() - started_ns) // 1000
    if not run.built:
        run.built = True
        metrics.graph_build_calls.add()
        metrics.graph_build_time_usecs.add(by=micros)
    metrics.direct_session_runs.add()
    metrics.graph_runs.add()
    metrics.graph_run_time_usecs.add(by=micros)
    metrics.graph_run_time_usecs_histogram.add(micros)
    metrics.graph_run_input_tensor_bytes.add(sum(array.nbytes for arrays in parts for array in arrays))
    metrics.graph_run_output_tensor_bytes.add(sum(array.nbytes for array in outputs))
    return outputs


class Delivery:
    """Hands what worker threads made to tickets in the event loop's thread: one wake-up of the loop for a whole batch.

    A ticket has `answer(run, start, stop)` for its rows of a run, and `fail(error)`.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop):
        self.loop = loop

    def one(self, ticket, outcome: RunOutputs | ServingError) -> None:
        """All of a run, or its failure, for one ticket."""
        self._later(ticket.fail if isinstance(outcome, ServingError) else ticket.answer, outcome)

    def batch(self, tasks: Sequence[Task], outcome: RunOutputs | ServingError) -> None:
        """Each task's rows of a run, or its failure, for the tasks' tickets."""
        self._later(_fail_all if isinstance(outcome, ServingError) else _answer_all, tasks, outcome)

    def _later(self, call: Callable, *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
            self.loop.call_soon_threadsafe(call, *arguments)


def _fail_all(tasks: Sequence[Task], error: ServingError) -> None:
    for task in tasks:
        task.ticket.fail(error)


def _answer_all(tasks: Sequence[Task], run: RunOutputs) -> None:
    start = 0
    for task in tasks:
        stop = start + task.size
        task.ticket.answer(run, start, stop)
        start = stop


async def in_thread(loop: asyncio.AbstractEventLoop, work: Callable[[], T]) -> T:
    """Wait for blocking work in a thread that does not keep the process alive."""
    future: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        value: T | ServingError
        try:
            value = work()
        except Exception as error:
            value = as_serving_error(error)
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(_settle, future, value)

    threading.Thread(target=run, daemon=True).start()
    return await future


def _settle(future: asyncio.Future, value: object) -> None:
    if not future.done():
        future.set_exception(value) if isinstance(value, ServingError) else future.set_result(value)


class DirectPool:
    """Threads that run one request each, started as they are needed, `limit` at most."""

    def __init__(self, limit: int, delivery: Delivery):
        self._jobs: queue.SimpleQueue = queue.SimpleQueue()
        self._limit, self._delivery = limit, delivery
        self._threads = 0
        self._idle = 0
        self._lock = threading.Lock()

    def submit(self, work: Callable[[], RunOutputs], ticket) -> None:
        """Run `work` in a thread; the ticket gets what it returns."""
        self._jobs.put((work, ticket))
        with self._lock:
            needed = self._jobs.qsize() > self._idle and self._threads < self._limit
            self._threads += needed
        if needed:
            threading.Thread(target=self._serve, name=f"run_{self._threads}", daemon=True).start()

    def _serve(self) -> None:
        while True:
            self._idle += 1
            work, ticket = self._jobs.get()
            self._idle -= 1
            try:
                outcome = work()
            except Exception as error:
                outcome = as_serving_error(error)
            self._delivery.one(ticket, outcome)
            del work, ticket, outcome  # an idle thread must not keep the last request's tensors


class SameThread:
    """Runs each request at once, in the thread that submits it."""

    def submit(self, work: Callable[[], RunOutputs], ticket) -> None:
        """Run `work`; the ticket has its outcome when this returns."""
        try:
            outcome = work()
        except Exception as error:
            ticket.fail(as_serving_error(error))
        else:
            ticket.answer(outcome)


class DirectSession:
    """Runs each request by itself, in a thread of the pool."""

    def __init__(self, model, pool):
        self._model, self._pool = model, pool

    def submit(self, run, arrays: Sequence[np.ndarray], deadline_ns: int | None, ticket) -> None:
        """Start one run; the ticket gets its outputs."""
        parts = [[array] for array in arrays]

        def work() -> RunOutputs:
            return RunOutputs(measured_run(self._model, run, parts, time_left_ms(deadline_ns)))

        self._pool.submit(work, ticket)

    def close(self) -> None:
        """Nothing is kept between requests."""
