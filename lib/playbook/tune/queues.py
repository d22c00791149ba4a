"""Tasks that wait for a batch, one queue a signature: the rules of TensorFlow's shared_batch_scheduler.h."""

from __future__ import annotations

from collections import deque

EPS = 1e-8  # times closer than this are one, in milliseconds


class BatchQueues:
    """Requests that wait, and the batches that may be made of them.

    Args:
        count: Queues, one a signature.
        tasks: Requests a full batch holds.
        batches: Batches a queue may hold.
        timeout_ms: How long the first task of a batch that is not full is waited with.
    """

    def __init__(self, count: int, tasks: int, batches: int, timeout_ms: float):
        self.tasks, self.room, self.timeout_ms = tasks, batches * tasks, timeout_ms
        self.waiting = 0  # requests, in all queues
        self._queues: list[deque] = [deque() for _ in range(count)]  # of (request, queued at)
        self._turn = 0

    def add(self, request: int, which: int, now: float) -> bool:
        """Let a request wait; False when its queue is full."""
        queue = self._queues[which]
        if len(queue) >= self.room:
            return False
        queue.append((request, now))
        self.waiting += 1
        return True

    def deadline(self) -> float:
        """When the first waiting task of any queue has waited long enough."""
        return min(queue[0][1] for queue in self._queues if queue) + self.timeout_ms

    def ready(self, now: float) -> int:
        """Batches that may run now: full ones, and those whose first task has waited long enough."""
        late, count = now + EPS - self.timeout_ms, 0
        for queue in self._queues:
            whole, more = divmod(len(queue), self.tasks)
            count += whole + (1 if more and queue[-more][1] <= late else 0)
        return count

    def take(self, now: float) -> list[int]:
        """The requests of the next batch, round robin over the queues; empty when none may run."""
        queues, count, late = self._queues, len(self._queues), now + EPS - self.timeout_ms
        for step in range(count):
            queue = queues[(self._turn + step) % count]
            if queue and (len(queue) >= self.tasks or queue[0][1] <= late):
                self._turn = (self._turn + step + 1) % count
                requests = [queue.popleft()[0] for _ in range(min(self.tasks, len(queue)))]
                self.waiting -= len(requests)
                return requests
        return []
