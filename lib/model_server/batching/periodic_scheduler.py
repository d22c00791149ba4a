"""Batch threads that look for work when TensorFlow Serving's do (`--batch_wakeup=tensorflow`).

There an idle thread looks for a batch, waits for a millisecond or until it is notified, and looks again; a task
notifies one thread when it makes a batch ready. A batch that becomes ready by its time-out alone is seen at somebody's
next look (shared_batch_scheduler.h, ThreadLogic).
"""

from __future__ import annotations

import time

from model_server.batching.queue import Batch, Queue, Task
from model_server.batching.scheduler import BatchScheduler, Sleeper

LOOK_EVERY_NS = 1_060_000  # a wait of a millisecond, with what Linux adds to it


class PeriodicScheduler(BatchScheduler):
    """The same queues and threads; only when an idle thread looks is another thing.

    Looks that would see nothing are left out, so that an idle server uses no CPU: a thread sleeps until the first of
    its looks that can see a batch. Requests of one turn of the event loop do not wait for each other.
    """

    def schedule(self, queue: Queue, task: Task) -> None:
        """Put a task into its queue; called in the event loop's thread.

        Raises:
            ServingError: see Queue.add.
        """
        with self._lock:
            before_ns = queue.due_ns()
            queue.add(task)
            due_ns = queue.due_ns()
            sleeper = None
            if due_ns == 0 and before_ns != 0:
                sleeper = self._idle.pop(0) if self._idle else None
                if sleeper:
                    sleeper.notified = True
            elif due_ns and due_ns != before_ns:
                sleeper = self._first_to_see(due_ns)
        if sleeper:
            sleeper.wake()

    def _first_to_see(self, due_ns: int) -> Sleeper | None:
        """The idle thread that looks first after a batch is due, taken from the idle ones; None: it knows already."""
        if not self._idle:
            return None
        first = min(self._idle, key=lambda sleeper: _look_ns(sleeper, due_ns))
        look_ns = _look_ns(first, due_ns)
        if self._looks_ns.get(first, look_ns + 1) <= look_ns:
            return None
        self._idle.remove(first)
        return first

    def _take(self, sleeper: Sleeper, linger_ns: int) -> tuple[Queue, Batch]:
        may_look = True  # at once after a batch
        while True:
            other: Sleeper | None = None
            with self._lock:
                now_ns = time.monotonic_ns()
                position, due_ns = self._look()
                if position is not None and may_look:
                    queue = self._queues[position]
                    self._next = position + 1
                    batch = queue.take()
                    following, next_ns = self._look()
                    if following is not None or next_ns is not None:
                        other = self._first_to_see(max(next_ns or 0, now_ns))
                else:
                    if may_look:
                        sleeper.since_ns = now_ns
                    look_ns = self._sleeps_until(sleeper, now_ns if position is not None else due_ns)
            if position is not None and may_look:
                if other:
                    other.wake()
                return queue, batch
            sleeper.sleep(None if look_ns is None else (look_ns - now_ns) / 1e9)
            may_look = self._woken(sleeper, look_ns)

    def _sleeps_until(self, sleeper: Sleeper, due_ns: int | None) -> int | None:
        """Join the idle ones; the time of the look that can see a batch due then, None where no batch waits."""
        look_ns = None if due_ns is None else _look_ns(sleeper, due_ns)
        if look_ns is not None:
            self._looks_ns[sleeper] = look_ns
        self._idle.append(sleeper)
        return look_ns

    def _woken(self, sleeper: Sleeper, look_ns: int | None) -> bool:
        """Leave the idle ones; whether it is time to look: notified, or a look is due."""
        with self._lock:
            self._looks_ns.pop(sleeper, None)
            if sleeper in self._idle:
                self._idle.remove(sleeper)
            notified, sleeper.notified = sleeper.notified, False
        return notified or (look_ns is not None and time.monotonic_ns() >= look_ns)


def _look_ns(sleeper: Sleeper, due_ns: int) -> int:
    """The thread's first look at or after this time: it looks every LOOK_EVERY_NS since it began to wait."""
    waits = max(1, -((sleeper.since_ns - due_ns) // LOOK_EVERY_NS))
    return sleeper.since_ns + waits * LOOK_EVERY_NS
