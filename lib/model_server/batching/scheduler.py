"""The one pool of batch threads of the server: round-robin over all queues, no thread awake without work."""

from __future__ import annotations

import math
import os
import select
import threading
import time

from model_server.batching.queue import Batch, Queue, Task

_MOST_SELECTED = 1024  # FD_SETSIZE: select takes no descriptor from here on


class Sleeper:
    """A batch thread's sleep, on a pipe: who writes to one gives up the interpreter lock meanwhile.

    The woken thread then finds that lock free. Woken by a Condition it would take the core only to wait for it: eight
    context switches a batch instead of four where the server has one core.
    """

    def __init__(self) -> None:
        self._ear, self._bell = os.pipe()
        self.since_ns = time.monotonic_ns()  # when this wait began, and
        self.notified = False  # whether a task ended it: what a PeriodicScheduler keeps

    def sleep(self, seconds: float | None) -> None:
        """Return when woken, or after this time."""
        if seconds is None or self._is_rung(max(0.0, seconds)):
            os.read(self._ear, 64)

    def _is_rung(self, seconds: float) -> bool:
        if self._ear < _MOST_SELECTED:
            return bool(select.select((self._ear,), (), (), seconds)[0])
        poll = select.poll()  # in whole milliseconds
        poll.register(self._ear, select.POLLIN)
        return bool(poll.poll(math.ceil(seconds * 1000)))

    def wake(self) -> None:
        """End this sleep, or the next one. Not for who holds the scheduler's lock: the sleeper wants it at once."""
        os.write(self._bell, b"!")


class BatchScheduler:
    """`num_batch_threads` threads that run the batches of every queue.

    A thread takes a batch when it is closed, full, or has waited batch_timeout_micros; with a timeout of 0 an idle
    thread takes whatever is there. Unlike TensorFlow Serving's threads (which look every millisecond) these sleep until
    the next batch is due, so waiting costs no CPU and timeouts are exact. A thread that has run a batch looks once more
    after that queue's time-out: under load a new batch's first task then finds its time-out watched and wakes nobody.
    Where the last batch held several requests, waking a thread waits for the end of the event loop's turn (`defer`):
    requests that arrived together run together.
    """

    def __init__(self, num_batch_threads: int, name: str = "batch_threads", defer=None):
        self._defer = defer
        self._wake_due = False
        self._crowded = False
        self._lock = threading.Lock()
        self._queues: list[Queue] = []
        self._next = 0
        self._idle: list[Sleeper] = []
        self._looks_ns: dict[Sleeper, int] = {}  # when the idle threads look by themselves
        for index, sleeper in enumerate([Sleeper() for _ in range(num_batch_threads)]):
            threading.Thread(target=self._run, args=(sleeper,), name=f"{name}_{index}", daemon=True).start()

    def add_queue(self, queue: Queue) -> None:
        """Let the threads serve this queue too."""
        with self._lock:
            self._queues.append(queue)

    def remove_queue(self, queue: Queue) -> None:
        """Forget a queue whose version is unloaded: nothing waits in it any more."""
        with self._lock:
            if queue in self._queues:
                self._queues.remove(queue)

    def schedule(self, queue: Queue, task: Task) -> None:
        """Put a task into its queue; called in the event loop's thread.

        Raises:
            ServingError: see Queue.add.
        """
        with self._lock:
            due_ns = queue.add(task)
            if due_ns is None or not self._idle or self._wake_due or self._is_watched(due_ns):
                return
            self._wake_due = True
        if self._crowded:
            self._defer(self._wake_one)
        else:  # requests come one by one: nothing is gained by waiting for the turn's end
            self._wake_one()

    def _is_watched(self, due_ns: int) -> bool:
        """Whether an idle thread looks by itself before a batch is due."""
        return any(look_ns <= due_ns for look_ns in self._looks_ns.values())

    def _wake_one(self) -> None:
        with self._lock:
            self._wake_due = False
            sleeper = self._idle.pop() if self._idle else None
        if sleeper:
            sleeper.wake()

    def _run(self, sleeper: Sleeper) -> None:
        linger_ns = 0
        while True:
            queue, batch = self._take(sleeper, linger_ns)
            queue.execute(batch)
            linger_ns = queue.timeout_ns
            del queue, batch  # an idle thread must not keep the last batch's tensors

    def _take(self, sleeper: Sleeper, linger_ns: int) -> tuple[Queue, Batch]:
        while True:
            with self._lock:
                position, look_ns = self._look()
                if position is not None:
                    queue = self._queues[position]
                    self._next = position + 1
                    batch = queue.take()
                    self._crowded = len(batch.tasks) > 1
                    handed_on = self._idle and self._look() != (None, None)  # more to run, or this thread's timer
                else:
                    now_ns = time.monotonic_ns()
                    if look_ns is None and linger_ns:
                        look_ns, linger_ns = now_ns + linger_ns, 0
                    if look_ns is not None:
                        self._looks_ns[sleeper] = look_ns
                    self._idle.append(sleeper)
            if position is not None:
                if handed_on:
                    self._wake_one()
                return queue, batch
            sleeper.sleep(None if look_ns is None else (look_ns - now_ns) / 1e9)
            with self._lock:
                self._looks_ns.pop(sleeper, None)
                if sleeper in self._idle:  # the time is over; who was woken is not there any more
                    self._idle.remove(sleeper)

    def _look(self) -> tuple[int | None, int | None]:
        """The next queue in the round with a batch that is ready, or when to look again, in time.monotonic_ns()."""
        now_ns, earliest_ns = time.monotonic_ns(), None
        count = len(self._queues)
        for step in range(count):
            position = (self._next + step) % count
            due_ns = self._queues[position].due_ns()
            if due_ns is None:
                continue
            if due_ns <= now_ns:
                return position, None
            earliest_ns = due_ns if earliest_ns is None else min(earliest_ns, due_ns)
        return None, earliest_ns
