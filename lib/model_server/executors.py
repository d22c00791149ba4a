"""Ways to run a graph for a request: at once in a thread of its own, or merged with others by the batch scheduler."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence

import numpy as np

from model_server import metrics
from model_server.eager import Ticket
from model_server.errors import INTERNAL, ServingError
from model_server.run_outputs import RunOutputs, Share


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
    metrics.direct_session_runs.add()
    metrics.graph_runs.add()
    metrics.graph_run_time_usecs.add(by=micros)
    metrics.graph_run_time_usecs_histogram.add(micros)
    metrics.graph_run_input_tensor_bytes.add(sum(array.nbytes for arrays in parts for array in arrays))
    metrics.graph_run_output_tensor_bytes.add(sum(array.nbytes for array in outputs))
    return outputs


class Delivery:
    """Hands results from worker threads to tickets of the event loop: one wake-up of the loop for a whole batch."""

    def __init__(self, loop: asyncio.AbstractEventLoop):
        self.loop = loop

    def deliver(self, results: list[tuple[Ticket, object]]) -> None:
        """Resolve each ticket with its value; one that is a ServingError is raised where it is awaited."""
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
            self.loop.call_soon_threadsafe(_resolve, results)


def _resolve(results: list[tuple[Ticket, object]]) -> None:
    for ticket, value in results:
        ticket.resolve(value)


async def in_thread(loop: asyncio.AbstractEventLoop, work: Callable[[], object]) -> object:
    """Wait for blocking work in a thread that does not keep the process alive."""
    future = loop.create_future()

    def run() -> None:
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

    def submit(self, work: Callable[[], object], ticket: Ticket) -> None:
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
                value = work()
            except Exception as error:
                value = as_serving_error(error)
            self._delivery.deliver([(ticket, value)])


class DirectSession:
    """Runs each request by itself, in a thread of the pool."""

    def __init__(self, model, pool):
        self._model, self._pool = model, pool

    def submit(self, run, arrays: Sequence[np.ndarray], deadline_ns: int | None, ticket: Ticket) -> None:
        """Start one run; the ticket gets the Share with its outputs."""
        parts = [[array] for array in arrays]

        def work() -> Share:
            return Share(RunOutputs(measured_run(self._model, run, parts, time_left_ms(deadline_ns))))

        self._pool.submit(work, ticket)

    def close(self) -> None:
        """Nothing is kept between requests."""
