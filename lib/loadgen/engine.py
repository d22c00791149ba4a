"""Drives one worker's share of a level: who sends when, over which connection, and what is kept.

A *slot* is the right to have one request outstanding: an HTTP/1.1 connection has one, an HTTP/2 connection one a
stream. Closed loop: a client sends again on its slot as soon as the reply is in. Open loop: a timer takes a free slot
for each due request; with none free the request waits its turn and is still timed from when it was due.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from array import array
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from loadgen.answers import Checker
from loadgen.clock import make_timer
from loadgen.connection import Connection, asked_for
from loadgen.rows import QUEUED, REFUSED, TIMEOUT, UNSENT, Recorder, pack
from loadgen.silence import Silence

DEAD_AFTER_S = 3.0  # no answer, good or bad, for so long, and at least DEAD_FAILURES failures: the server is dead
DEAD_FAILURES = 10
BACKOFF_S = (0.01, 1.0)  # first and longest wait before a connection is opened again
TICK_S = 0.1
OPENING_AT_ONCE = 32  # TensorFlow Serving's listen backlog is 128; stay well below
clock = time.monotonic_ns


class Engine:
    """One worker's load; `await open()`, then `await run(from_ns, until_ns, ramp_ns, on_tick)`."""

    def __init__(
        self,
        connect: Callable[[Engine, int], Any],
        *,
        slots_in_order: bool,
        connections: int,
        most_connections: int,
        clients: int,
        due_ns: array,
        bodies: int,
        checker: Checker,
        timeout_s: float,
        timer: str = "auto",
        seed: int = 0,
    ) -> None:
        self._connect, self.connections, self.clients = connect, connections, clients
        self.most_connections = max(connections, most_connections)
        self.recorder, self.checker = Recorder(), checker
        self.start, self.finish, self.closed = self.recorder.start, self.recorder.finish, clients > 0
        self.due, self.next_due = due_ns, 0
        self.timeout_ns, self._timer_kind = int(timeout_s * 1e9), timer
        order = list(range(bodies))
        random.Random(seed).shuffle(order)
        self.next_body = itertools.cycle(order).__next__
        self.free: deque[Connection] = deque()
        self.take = self.free.popleft if slots_in_order else self.free.pop
        self.backlog: deque[tuple[int, int | None, int]] = deque()  # when due, which body (None: any), flags
        self.waiting = 0  # closed-loop clients without a slot
        self.alive: set[Connection] = set()
        self.opened = self.refusals = self.failures = 0
        self.answered_ns = 0
        self.sending = self.dead = self.hung = self.to_the_end = False  # to_the_end: called on although it is dead
        self.silence, self.decides = Silence(self.recorder), True  # whether it is hung; if not, the parent asks
        self._keepers: list[asyncio.Task[None]] = []
        self._backoff = random.Random(seed)

    async def open(self, within_s: float = 3.0) -> int:
        """Open the connections; returns how many stood after at most `within_s` seconds."""
        self._gate = asyncio.Semaphore(OPENING_AT_ONCE)
        for _ in range(self.connections):
            self._one_more()
        until = clock() + int(within_s * 1e9)
        while clock() < until and not (self.refusals and not self.alive):
            if len(self.alive) == self.connections and self.free:
                break
            await asyncio.sleep(0.005)
        return len(self.alive)

    def _one_more(self) -> None:
        self._keepers.append(asyncio.ensure_future(self._keep_open(len(self._keepers))))

    async def _keep_open(self, number: int) -> None:
        wait_s = BACKOFF_S[0]
        while True:
            began_ns = clock()
            try:
                async with self._gate:
                    connection = await asked_for(partial(self._connect, self, number), self.timeout_ns / 1e9)
            except (OSError, asyncio.TimeoutError) as wrong:
                self.refused(began_ns, TIMEOUT if isinstance(wrong, asyncio.TimeoutError) else REFUSED)
                await asyncio.sleep(wait_s * (0.5 + self._backoff.random() / 2))
                wait_s = min(wait_s * 2, BACKOFF_S[1])
                continue
            self.opened += 1
            self.alive.add(connection)
            await connection.lost
            self.alive.discard(connection)
            if connection.answered:
                wait_s = BACKOFF_S[0]
            else:  # accepted, then dropped without one answer: as bad as refused
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, BACKOFF_S[1])

    def refused(self, began_ns: int, kind: int) -> None:
        """No connection could be opened: a closed-loop client fails; with none alive, so does all that is due."""
        self.refusals += 1
        if not self.sending:
            return
        if self.waiting:
            self.recorder.start(began_ns, clock())
            self._failed(began_ns, began_ns, kind)
        while self.backlog and not self.alive:
            self._failed(self.backlog.popleft()[0], 0, kind)

    def _failed(self, scheduled_ns: int, sent_ns: int, kind: int) -> None:
        self.failures += 1
        self.recorder.errors += 1
        self.finish(scheduled_ns, sent_ns, clock(), pack(kind))

    def failed(self, answered: bool) -> None:
        """A request has ended badly; any reply, whatever its status, proves the server alive."""
        self.recorder.errors += 1
        self.failures = 0 if answered else self.failures + 1

    def freed(self, connection: Connection) -> None:
        """A slot of `connection` is free: use it at once where something waits."""
        if self.closed and self.sending:
            now = clock()
            self.start(now, now)
            connection.send(self.next_body(), now, 0)
        elif self.backlog:
            self._send_first(connection)
        else:
            self.free.append(connection)

    def new_slots(self, connection: Connection, count: int) -> None:
        """A connection stands and offers `count` slots."""
        for _ in range(count):
            if self.backlog:
                self._send_first(connection)
            elif self.waiting and self.sending:
                self.waiting -= 1
                self.freed(connection)
            else:
                self.free.append(connection)
        if count > 1:
            self._backoff.shuffle(self.free)  # streams of one connection must not all come first

    def _send_first(self, connection: Connection) -> None:
        due_ns, body, flags = self.backlog.popleft()
        connection.send(self.next_body() if body is None else body, due_ns, flags)

    def send_elsewhere(self, body: int, due_ns: int, flags: int) -> bool:
        """Send a request that a leaving connection gives back; False where its client has begun another meanwhile."""
        if self.clients and not self.waiting:
            return False
        self.waiting -= self.clients > 0
        if self.free:
            self.take().send(body, due_ns, flags)
        else:
            self.backlog.appendleft((due_ns, body, flags))
        return True

    def lost_slots(self, connection: Connection, unanswered: int) -> None:
        """A connection is gone, or takes no more: the clients of its `unanswered` requests wait for another slot."""
        while connection in self.free:
            self.free.remove(connection)
        if self.clients:
            self.waiting += unanswered

    def wake(self) -> None:
        """Send what is due and arm the timer for the next."""
        due, i, now = self.due, self.next_due, clock()
        start, end, free = self.recorder.start, len(self.due), self.free
        while i < end and due[i] <= now:
            start(due[i], now)
            if free:
                self.take().send(self.next_body(), due[i], 0)
            else:
                self.backlog.append((due[i], None, QUEUED))
                if len(self._keepers) < self.most_connections and self.alive:
                    self._one_more()
            i += 1
            now = clock()
        self.next_due = i
        if i < end:
            self.timer.arm(due[i])

    def start_client(self) -> None:
        """One more closed-loop client begins."""
        if not self.sending:
            return
        if self.free:
            self.freed(self.take())
        else:
            self.waiting += 1

    async def run(self, from_ns: int, until_ns: int, ramp_ns: int, on_tick: Callable[[], None]) -> None:
        """Load from `from_ns - ramp_ns` to `until_ns`, then wait for what is outstanding, at most the time-out."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, (from_ns - ramp_ns - clock()) / 1e9))
        self.sending, self.answered_ns = True, clock()
        self.timer = make_timer(loop, self.wake, self._timer_kind)
        for i in range(self.clients):
            loop.call_later(ramp_ns * i / self.clients / 1e9, self.start_client)
        if len(self.due):
            self.timer.arm(self.due[0])
        while clock() < until_ns and not self.over:
            await asyncio.sleep(min(TICK_S, max(0.0, (until_ns - clock()) / 1e9)))
            self._tick(on_tick)
        self._stop_sending()
        end_ns = clock() + self.timeout_ns
        while self.recorder.in_flight() and clock() < end_ns and not self.over:
            await asyncio.sleep(0.01)
            self._tick(on_tick)
        self._give_up()

    @property
    def over(self) -> bool:
        """The level ends early."""
        return self.dead or self.hung

    def _tick(self, on_tick: Callable[[], None]) -> None:
        now = clock()
        overdue = now - self.timeout_ns
        for connection in list(self.alive):
            connection.fail_overdue(overdue)
        while self.backlog and self.backlog[0][0] < overdue:
            self._failed(self.backlog.popleft()[0], 0, TIMEOUT)
        if self.failures == 0:
            self.answered_ns = now
        elif not self.to_the_end and self.failures >= DEAD_FAILURES and now - self.answered_ns > DEAD_AFTER_S * 1e9:
            self.dead = True
        self.silence.look(now)
        if (self.silence.for_good and self.decides and not self.to_the_end) or (self.dead and self.silence.too_long):
            self.hung = True
        on_tick()

    def _stop_sending(self) -> None:
        if len(self.due) and not self.over:
            self.wake()  # the last due requests, should the loop have come here first
        self.sending = False
        self.timer.close()

    def _give_up(self) -> None:
        """Close everything; what is still outstanding is recorded as such."""
        for keeper in self._keepers:
            keeper.cancel()
        while self.backlog:
            self._failed(self.backlog.popleft()[0], 0, UNSENT)
        for connection in list(self.alive):
            connection.fail_overdue(clock() + 1)
            connection.close()
