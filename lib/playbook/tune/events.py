"""The request path of a model server, event by event.

Work waits for a core in its order and keeps it for a time slice at most; a thread that wakes to read or write takes the
core of longer work sooner, as Linux lets it. An event loop (the embedded server's) works in
turns: one turn reads every request that has come and writes every reply that is ready, and as long as more is ready the
loop keeps its core before batches get it. A core that rested is cold: its caches were lost to others. The client is one
thread of its own, which sends and reads in turn.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Any

import numpy as np

from playbook.tfserving.config import Config
from playbook.tune.looks import Looks
from playbook.tune.mixture import Alike, Mixture
from playbook.tune.queues import EPS
from playbook.tune.request_path import COLD_AFTER_MS, NOISE, RequestPath, noise, slots

TURN, RUNS, READ, RUN, BATCH, WRITE, REST = range(7)  # what a core is busy with; REST: the rest of longer work
LONG = (RUNS, RUN, BATCH, REST)
PIECES = 8  # of longer work at most, between which a thread that wakes is looked for


class Events:
    """State of one simulation. Times are milliseconds; requests are known by their place in `due`."""

    def __init__(self, path: RequestPath, config: Config, due: list, total: int, shares: Sequence, seed: int):
        rng = np.random.default_rng(seed)
        self.path, self.due, self.total = path, due, total
        self.closed = len(due) < total
        self.read_ms = path.shell_in_ms
        self.write_ms, self.turn_ms = path.shell_out_ms, path.turn_ms
        self.slice_ms, self.wake_ms = path.slice_ms, min(path.wake_ms, path.slice_ms)
        self.wire_ms = path.wire_ms / 2
        self.cold_ms = path.cold_ms
        self.half_ms = (path.client_ms + (0.0 if self.closed else path.client_cold_ms)) / 2  # to send, or to read
        self.sent_ms = self.half_ms + self.wire_ms
        cpus = max(1, round(path.cores))
        self.free_cores, self.free_slots, self.looped = cpus, slots(config, cpus), path.shell_threads > 0
        self.freed = [0.0] * cpus  # since when each free core has been so
        self.batched = config.enable_batching
        self.idle = config.effective("num_batch_threads", cpus) if self.batched else 0  # batch threads without a batch
        self.called = 0  # of them, those that wait for a core to take one
        self.looks = Looks(path.look_ms if config.batch_timeout_micros else 0.0, self.idle, seed)
        split = self.batched and config.enable_large_batch_splitting
        self.load: Any = (Mixture if path.kinds or split else Alike)(path, config, total, shares, rng)
        self.queues = self.load.queues
        # On one core, calls that a turn has read follow one another and nothing gets between: one piece of work.
        self.chained = cpus == 1 and self.load.longest_ms <= path.slice_ms
        self.noise = noise(rng, path.spread)
        self.busy: list[tuple] = []  # heap of (until, order, kind, payload): what the cores do
        self.ready: deque = deque()  # of (kind, payload): what waits for a core
        self.inbox: deque = deque()  # requests that reached the server and were not read
        self.outbox: list = []  # requests whose replies were not written
        self.looping, self.loop_since = False, 0.0  # the event loop waits for a core or has one, since when
        self.t = self.client = self.work = 0.0
        self.order = self.refused = self.batches = 0
        self.left = total  # requests neither answered nor refused
        self.answered: list[int] = []  # requests in order of their replies
        self.read_at: list[float] = []  # when the client had read each of them

    def play(self) -> None:
        """Run events until every request is answered or refused."""
        busy, ready, due, inbox, looped = self.busy, self.ready, self.due, self.inbox, self.looped
        half_ms, sent_ms, closed, inf = self.half_ms, self.sent_ms, self.closed, math.inf
        queues, place = self.queues, 0  # the place of the next request to send
        while self.left:
            when = busy[0][0] if busy else inf
            # A request that no loop can read before the next event waits for it: nothing else looks at the inbox.
            if place < len(due) and not (looped and busy and (self.looping or not self.free_slots)):
                sent = due[place] if closed or due[place] > self.client else self.client
                if sent + sent_ms < when:
                    when = sent + sent_ms
            if queues.waiting and queues.timeout_ms and self.idle > self.called:
                late = self.looks.seen(queues.deadline())
                if self.t + EPS < late < when:
                    when = late
            self.t, until = when, when + EPS
            while place < len(due):  # what is due is sent as soon as the client is free
                sent = due[place] if closed or due[place] > self.client else self.client
                if sent + sent_ms > until:
                    break
                if not closed:  # there `leave` has counted the sending
                    self.client = sent + half_ms
                inbox.append(place)
                place += 1
            while busy and busy[0][0] <= until:
                _, _, kind, payload = heappop(busy)
                self.free_cores += 1
                self.freed.append(self.t)
                self.finish(kind, payload)
            if not looped:
                self.spread_out()
            elif not self.looping and (self.outbox or (inbox and self.free_slots)):
                self.looping, self.loop_since = True, inf
                ready.append((TURN, None))
            if queues.waiting and self.idle > self.called:
                self.call()
            while ready and self.free_cores:
                kind, payload = ready.popleft()
                self.begin(kind, payload)

    def spread_out(self) -> None:
        """Without an event loop each request has a thread of its own, which asks for a core."""
        while self.inbox and self.free_slots:
            self.free_slots -= 1
            self.ready.append((READ, self.inbox.popleft()))
        self.ready.extend((WRITE, request) for request in self.outbox)
        self.outbox = []

    def call(self) -> None:
        """Wake a batch thread for each batch that may run."""
        seen = self.t + EPS >= self.looks.seen(self.queues.deadline())  # else only full batches: their task notifies
        for _ in range(min(self.idle, self.queues.ready(self.t if seen else -math.inf)) - self.called):
            self.called += 1
            self.ready.append((BATCH, None))

    def begin(self, kind: int, payload: Any) -> None:
        """A core takes up a piece of work; a turn and a batch take what there is at this moment."""
        if kind == RUNS:
            self.run(payload)
            return
        if kind == TURN:
            write, self.outbox = self.outbox, []
            cost = self.turn_ms + self.write_ms * len(write)
            read: list[int] = self.some(cost) if self.inbox else []
            if self.t < self.loop_since:
                self.loop_since = self.t
            payload = read, write
            cost += self.read_ms * len(read)
        elif kind == BATCH:
            self.called -= 1
            payload = self.queues.take(self.t)
            if not payload:
                return
            self.idle -= 1
            self.looks.leave(self.t)
            self.batches += 1
            cost = self.load.batch_ms(payload)
        elif kind == REST:
            return self.occupy(*payload)
        else:
            cost = self.load.alone_ms(payload) if kind == RUN else self.read_ms if kind == READ else self.write_ms
        self.order += 1
        cost *= self.noise[self.order & (NOISE - 1)]
        self.work += cost
        self.occupy(cost, kind, payload)

    def run(self, requests: list) -> None:
        """A core runs the graph for these requests, one after the other."""
        cost = 0.0
        for request in requests:
            self.order += 1
            cost += self.noise[self.order & (NOISE - 1)] * self.load.alone_ms(request)
        self.work += cost
        self.occupy(cost, RUNS, requests)

    def some(self, spent_ms: float) -> list:
        """The requests a turn reads: all there are, but no more than free slots and the rest of a burst allow."""
        inbox = self.inbox
        if not self.free_slots:
            return []
        most = max(1, min(self.free_slots, int((self.path.burst_ms - spent_ms) / self.read_ms) + 1))
        if len(inbox) <= most:
            read = list(inbox)
            inbox.clear()
        else:
            read = [inbox.popleft() for _ in range(most)]
        self.free_slots -= len(read)
        return read

    def occupy(self, cost: float, kind: int, payload: Any, piece_ms: float = 0.0, kept_ms: float = 0.0) -> None:
        """Keep a core for this long; longer work but turns and chains piece by piece, `kept_ms` of its slice so far."""
        self.free_cores -= 1
        self.order += 1
        gap_ms = self.t - self.freed.pop()
        if gap_ms > EPS:
            cold_ms = self.cold_ms * math.sqrt(min(gap_ms, COLD_AFTER_MS))
            self.work += cold_ms
            cost += cold_ms
        if kind > RUNS and cost > self.wake_ms:
            most_ms = self.slice_ms if kind == RUN else max(self.wake_ms, cost / PIECES)
            piece_ms = piece_ms or min(self.slice_ms, most_ms)
            if cost > piece_ms:
                kind, payload, cost = REST, (cost - piece_ms, kind, payload, piece_ms, kept_ms + piece_ms), piece_ms
        heappush(self.busy, (self.t + cost, self.order, kind, payload))

    def finish(self, kind: int, payload: Any) -> None:
        """A piece of work is done: hand its requests to the next step."""
        if kind == RUNS:
            self.outbox += payload
        elif kind == TURN:
            read, write = payload
            if self.batched:
                for request in read:
                    self.enter(request)
            elif read:
                self.ready.extend([(RUNS, read)] if self.chained else [(RUN, request) for request in read])
            if write:
                self.leave(write)
            self.looping = bool(self.outbox or (self.inbox and self.free_slots))
            if self.looping and self.t - self.loop_since < self.path.burst_ms:
                self.ready.appendleft((TURN, None))
            elif self.looping:
                self.loop_since = math.inf
                self.ready.append((TURN, None))
        elif kind == READ:
            self.enter(payload)
        elif kind == RUN and self.looped:
            self.outbox.append(payload)
        elif kind == RUN:
            self.ready.appendleft((WRITE, payload))  # its own thread goes on
        elif kind == BATCH:
            self.idle += 1
            self.looks.join(self.t)
            self.outbox += self.queues.finished(payload)
        elif kind == WRITE:
            self.leave((payload,))
        else:
            self.go_on(payload)

    def go_on(self, rest: tuple) -> None:
        """Longer work goes on behind those that woke to read or write; when its slice is over, behind all others."""
        over = rest[-1] + EPS >= self.slice_ms
        place = next((place for place, (kind, _) in enumerate(self.ready) if kind in LONG), len(self.ready))
        self.ready.insert(len(self.ready) if over else place, (REST, (*rest[:-1], 0.0) if over else rest))

    def enter(self, request: int) -> None:
        """A request that was read by its thread runs at once; where batches are formed it is queued, or refused."""
        if not self.batched:
            self.ready.appendleft((RUN, request))  # in the thread that read it
            return
        if not self.queues.add(request, self.load.queue_of(request), self.t):
            self.refused += 1
            self.leave((request,), answered=False)

    def leave(self, requests: Sequence[int], answered: bool = True) -> None:
        """Replies reach the client, which reads them one by one; in a closed loop each makes it send the next."""
        self.free_slots += len(requests)
        self.left -= len(requests)
        half_ms, at = self.half_ms, self.t + self.wire_ms
        if at < self.client:
            at = self.client
        if answered:
            self.answered += requests
        for _ in requests:
            at += half_ms
            if answered:
                self.read_at.append(at)
            if self.closed and len(self.due) < self.total:
                self.due.append(at)
                at += half_ms
        self.client = at
