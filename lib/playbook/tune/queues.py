"""Tasks that wait for a batch, one queue a signature: the rules of TensorFlow's shared_batch_scheduler.h."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

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

    def finished(self, requests: list[int]) -> list[int]:
        """The requests that are answered now that their batch has run: all of it."""
        return requests


class SizedQueues:
    """The same for requests of different sizes, and where large ones are split over several batches.

    A batch is closed when the next task does not fit into it, which may leave room in it. Split eagerly, the first
    piece of a task fills what room there is; the others are whole batches, the last one what is left
    (`ScheduleWithoutOrEagerSplit`).

    Args:
        count: Queues, one a signature.
        sizes: Rows of each request.
        limit: Rows of an executed batch.
        batches: Batches a queue may hold.
        timeout_ms: How long the first task of a batch that is not full is waited with.
        splits: Whether a task may be larger than a batch.
    """

    def __init__(
        self, count: int, sizes: Sequence[int], limit: int, batches: int, timeout_ms: float, splits: bool
    ) -> None:
        self.sizes, self.limit, self.batches, self.timeout_ms, self.splits = sizes, limit, batches, timeout_ms, splits
        self.waiting = self.rows = 0  # pieces in all queues; rows of the batch taken last
        self._queues: list[deque[_OpenBatch]] = [deque() for _ in range(count)]
        self._pieces: dict[int, int] = {}  # of a request that is split, those that have not run
        self._turn = 0

    def add(self, request: int, which: int, now: float) -> bool:
        """Let a request wait; False when its queue is full."""
        queue, size = self._queues[which], self.sizes[request]
        room = self.limit - queue[-1].rows if queue else 0
        pieces = self._cut(size, room) if self.splits else [size]
        more = len(pieces) - (1 if pieces[0] <= room else 0)  # batches that are not begun yet
        if len(queue) + more > self.batches:
            return False
        if len(pieces) > 1:
            self._pieces[request] = len(pieces)
        for piece in pieces:
            if not queue or queue[-1].rows + piece > self.limit:
                queue.append(_OpenBatch(now))
            queue[-1].requests.append(request)
            queue[-1].rows += piece
            self.waiting += 1
        return True

    def _cut(self, size: int, room: int) -> list[int]:
        first = min(size, room or self.limit)
        whole, rest = divmod(size - first, self.limit)
        return [first, *[self.limit] * whole, *([rest] if rest else [])]

    def deadline(self) -> float:
        """When the first waiting task of any queue has waited long enough."""
        return min(queue[0].since for queue in self._queues if queue) + self.timeout_ms

    def ready(self, now: float) -> int:
        """Batches that may run now: closed and full ones, and those whose first task has waited long enough."""
        late = now + EPS - self.timeout_ms
        return sum(len(queue) - 1 + self._ripe(queue[-1], late) for queue in self._queues if queue)

    def take(self, now: float) -> list[int]:
        """The requests of the next batch, round robin over the queues; empty when none may run."""
        queues, count, late = self._queues, len(self._queues), now + EPS - self.timeout_ms
        for step in range(count):
            queue = queues[(self._turn + step) % count]
            if queue and (len(queue) > 1 or self._ripe(queue[0], late)):
                self._turn = (self._turn + step + 1) % count
                batch = queue.popleft()
                self.waiting -= len(batch.requests)
                self.rows = batch.rows
                return batch.requests
        return []

    def finished(self, requests: list[int]) -> list[int]:
        """The requests that are answered now that their batch has run: those without a piece that is still to run."""
        if not self._pieces:
            return requests
        done = []
        for request in requests:
            left = self._pieces.get(request, 1) - 1
            if left:
                self._pieces[request] = left
            else:
                self._pieces.pop(request, None)
                done.append(request)
        return done

    def _ripe(self, batch: _OpenBatch, late: float) -> bool:
        return batch.rows >= self.limit or batch.since <= late


class _OpenBatch:
    """Requests, or pieces of them, that will run together."""

    __slots__ = ("requests", "rows", "since")

    def __init__(self, since: float) -> None:
        self.requests: list[int] = []
        self.rows, self.since = 0, since
