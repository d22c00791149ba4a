"""The one pool of batch threads of the server: round-robin over all queues, no thread awake without work."""

from __future__ import annotations

import threading
import time

from model_server.batch_queue import Batch, Queue, Task


class BatchScheduler:
    """`num_batch_threads` threads that run the batches of every queue.

    A thread takes a batch when it is closed, full, or has waited batch_timeout_micros; with a timeout of 0 an idle
    thread takes whatever is there. Unlike TensorFlow Serving's threads (which look every millisecond) these sleep until
    the next batch is due, so waiting costs no CPU and timeouts are exact. A thread that has run a batch looks once more
    after that queue's time-out: under load a new batch's first task then finds its time-out watched and wakes nobody.
    Waking a thread waits for the end of the event loop's turn (`defer`): requests that arrived together run together.
    """

    def __init__(self, num_batch_threads: int, name: str = "batch_threads", defer=None):
        self._defer = defer
        self._wake_due = False
        self._crowded = False
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._queues: list[Queue] = []
        self._next = 0
        self._idle = 0
        self._looks_ns: dict[int, int] = {}  # when the idle threads look by themselves
        for index in range(num_batch_threads):
            threading.Thread(target=self._run, name=f"{name}_{index}", daemon=True).start()

    def add_queue(self, queue: Queue) -> None:
        """Let the threads serve this queue too."""
        with self._wake:
            self._queues.append(queue)

    def remove_queue(self, queue: Queue) -> None:
        """Forget a queue whose version is unloaded: nothing waits in it any more."""
        with self._wake:
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
            if not self._crowded:  # requests come one by one: nothing is gained by waiting for the turn's end
                self._wake.notify()
                return
            self._wake_due = True
        self._defer(self._notify)

    def _is_watched(self, due_ns: int) -> bool:
        """Whether an idle thread looks by itself before a batch is due."""
        return any(look_ns <= due_ns for look_ns in self._looks_ns.values())

    def _notify(self) -> None:
        with self._wake:
            self._wake_due = False
            self._wake.notify()

    def _run(self) -> None:
        linger_ns = 0
        while True:
            queue, batch = self._take(linger_ns)
            queue.execute(batch)
            linger_ns = queue.timeout_ns

    def _take(self, linger_ns: int) -> tuple[Queue, Batch]:
        me = threading.get_ident()
        with self._wake:
            while True:
                position, look_ns = self._look()
                if position is not None:
                    queue = self._queues[position]
                    self._next = position + 1
                    batch = queue.take()
                    self._crowded = len(batch.tasks) > 1
                    if self._idle and self._look() != (None, None):
                        self._wake.notify()  # there is more to run, or a timer that left with this thread
                    return queue, batch
                now_ns = time.monotonic_ns()
                if look_ns is None and linger_ns:
                    look_ns, linger_ns = now_ns + linger_ns, 0
                if look_ns is not None:
                    self._looks_ns[me] = look_ns
                self._idle += 1
                self._wake.wait(None if look_ns is None else (look_ns - now_ns) / 1e9)
                self._idle -= 1
                self._looks_ns.pop(me, None)

    def _look(self) -> tuple[int | None, int | None]:
        """The next queue in the round with a batch that is ready, or when to look again, in time.monotonic_ns()."""
        now_ns, earliest_ns = time.monotonic_ns(), None
        count = len(self._queues)
        for step in range(count):
            position = (self._next + step) % count
            ready_ns = self._queues[position].ready_at_ns()
            if ready_ns is None:
                continue
            if ready_ns <= now_ns:
                return position, None
            earliest_ns = ready_ns if earliest_ns is None else min(earliest_ns, ready_ns)
        return None, earliest_ns
