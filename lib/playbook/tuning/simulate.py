"""A discrete-event model of TensorFlow Serving's request path: what a configuration would do, in milliseconds of CPU.

Rules of the batch queue: TensorFlow's shared_batch_scheduler.h and TensorFlow Serving's batching guide. Work shares
the cores as a time-slicing kernel shares them (processor sharing), kept in virtual time, so that one heap holds
every running piece of work.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np

from playbook.tuning.space import Config

IN, RUN, OUT = 0, 1, 2  # what a piece of work does: read a request, run a batch, write the replies of a batch


@dataclass(frozen=True)
class Path:
    """What each step of the request path costs on one server, in milliseconds of one core."""

    run_fixed_ms: float  # one call of the graph, whatever its size
    run_row_ms: float  # each row of it, padding included
    shell_in_ms: float  # read, parse and queue one request
    shell_out_ms: float  # build and send one reply
    batch_fixed_ms: float = 0.0  # what the batch scheduler adds to a call: wake a thread, join and split tensors
    wire_ms: float = 0.05  # client and loopback, outside the server's cores
    cores: float = 1.0  # cores the server may use
    shell_threads: int = 1  # requests read or written at once: 1 = one event loop, 0 = one thread a request
    spread: float = 0.1  # coefficient of variation of one step's cost

    def run_ms(self, rows: int, batched: bool) -> float:
        """Core time of one graph call of `rows` rows, in milliseconds."""
        return self.run_fixed_ms + self.run_row_ms * rows + (self.batch_fixed_ms if batched else 0.0)


@dataclass(frozen=True)
class Outcome:
    """What a simulated window shows; latencies in milliseconds, refused requests not among them."""

    latency_ms: np.ndarray  # one per answered request, in order of completion
    requests: int
    refused: int
    throughput_rps: float
    mean_batch_rows: float
    core_ms_per_request: float

    def percentile(self, q: float) -> float:
        """Latency at percentile `q` (0 to 100), in milliseconds; infinite when nothing was answered."""
        return float(np.percentile(self.latency_ms, q)) if len(self.latency_ms) else math.inf

    @property
    def error_share(self) -> float:
        """Refused over all requests."""
        return self.refused / self.requests if self.requests else 0.0


def slots(config: Config, cpus: int) -> int:
    """Requests that may be inside the server at once: REST keeps one thread for its event loop."""
    if config.protocol == "grpc":
        return config.grpc_max_threads or 4 * cpus
    return (config.rest_api_num_threads or 4 * cpus) - 1


def poisson(rate_rps: float, requests: int, seed: int = 0) -> np.ndarray:
    """Arrival times in milliseconds of a Poisson stream; the same seed scales the same draws to any rate."""
    return np.cumsum(np.random.default_rng(seed).exponential(1000.0 / rate_rps, requests))


def simulate(
    path: Path,
    config: Config,
    arrivals_ms: Sequence[float] | None = None,
    *,
    concurrency: int = 0,
    requests: int = 5000,
    rows: int = 1,
    shares: Sequence[float] = (1.0,),
    seed: int = 0,
    drop: float = 0.1,
) -> Outcome:
    """Play requests through the path and watch them come out.

    Args:
        path: Costs of the server.
        config: Its configuration.
        arrivals_ms: When requests arrive (any process, ascending); None for a closed loop.
        concurrency: Clients of the closed loop, each with one request in flight.
        requests: How many a closed loop sends; an open one sends `arrivals_ms`.
        rows: Rows a request.
        shares: Share of the requests that go to each signature; each has its own queue.
        seed: Of costs and signatures.
        drop: Share of the requests at the start that is ramp-up and not counted.

    Raises:
        ValueError: Neither arrivals nor a concurrency, or a request larger than max_batch_size.
    """
    if arrivals_ms is None and concurrency < 1:
        raise ValueError("simulate needs arrivals_ms or a concurrency of at least 1")
    if config.enable_batching and rows > (config.max_batch_size or 1000):
        raise ValueError(f"a request of {rows} rows is larger than max_batch_size={config.max_batch_size}")
    arrivals = [0.0] * min(concurrency, requests) if arrivals_ms is None else list(map(float, arrivals_ms))
    run = _Run(path, config, arrivals, requests if arrivals_ms is None else len(arrivals), rows, shares, seed)
    run.play()
    return run.outcome(drop)


class _Run:
    """State of one simulation. Times are milliseconds; `v` is virtual time: core time every running piece got."""

    def __init__(self, path: Path, config: Config, arrivals: list, total: int, rows: int, shares: Sequence, seed: int):
        rng = np.random.default_rng(seed)
        self.path, self.arrivals, self.total, self.rows = path, arrivals, total, rows
        self.closed = len(arrivals) < total
        cpus = max(1, round(path.cores))
        self.free_slots = slots(config, cpus)
        self.free_shells = path.shell_threads or self.free_slots
        self.batched = config.enable_batching
        self.free_threads = (config.num_batch_threads or cpus) if self.batched else 0
        self.timeout = config.batch_timeout_micros / 1000.0 if self.batched else 0.0
        self.tasks = max(1, (config.max_batch_size or 1000) // rows) if self.batched else 1
        self.room = (config.max_enqueued_batches or 10) * self.tasks if self.batched else math.inf
        self.cost = _costs(path, config, rows, self.tasks)
        self.alone, self.waiting = self.cost[1], 0
        self.queues: list[deque] = [deque() for _ in shares]
        self.pick = (
            rng.choice(len(shares), total, p=np.array(shares) / sum(shares)).tolist() if len(shares) > 1 else None
        )
        self.noise = _noise(rng, path.spread)
        self.jobs: list[tuple] = []  # heap of (virtual finish, order, kind, payload)
        self.outs: deque = deque()
        self.t = self.v = self.work = 0.0
        self.next = self.order = self.refused = self.batches = self.turn = 0
        self.done: list[tuple] = []  # (arrived, finished)

    def play(self) -> None:
        """Run events until every request is answered or refused."""
        jobs, arrivals, cores, finish = self.jobs, self.arrivals, self.path.cores, self.finish
        self.fill()
        while len(self.done) + self.refused < self.total:
            slow = len(jobs) / cores if len(jobs) > cores else 1.0
            when = self.t + (jobs[0][0] - self.v) * slow if jobs else math.inf
            if self.free_shells and self.free_slots and self.next < len(arrivals):
                when = min(when, arrivals[self.next])
            due = self.deadline() if self.timeout and self.free_threads else math.inf
            when = max(self.t, min(when, due))
            self.v += (when - self.t) / slow
            self.t = when
            while jobs and jobs[0][0] <= self.v + 1e-9:
                finish(heappop(jobs))
            self.fill()

    def deadline(self) -> float:
        """When the first waiting task of any queue has waited batch_timeout_micros."""
        return min((queue[0][1] + self.timeout for queue in self.queues if queue), default=math.inf)

    def start(self, kind: int, cost: float, payload: object) -> None:
        """Put one piece of work on the cores."""
        self.order = order = self.order + 1
        cost *= self.noise[order & 4095]
        self.work += cost
        heappush(self.jobs, (self.v + cost, order, kind, payload))

    def fill(self) -> None:
        """Start everything that may start now: replies, then requests, then batches."""
        while self.free_shells and self.outs:
            tasks = self.outs.popleft()
            self.free_shells -= 1
            self.start(OUT, self.path.shell_out_ms * len(tasks), (self.t, tasks))
        arrivals, now = self.arrivals, self.t + 1e-9
        while self.free_shells and self.free_slots and self.next < len(arrivals) and arrivals[self.next] <= now:
            self.free_shells -= 1
            self.free_slots -= 1
            self.start(IN, self.path.shell_in_ms, self.next)
            self.next += 1
        while self.free_threads and (queue := self.ready() if self.waiting else None):
            tasks = [queue.popleft() for _ in range(min(self.tasks, len(queue)))]
            self.waiting -= len(tasks)
            self.free_threads -= 1
            self.batches += 1
            self.start(RUN, self.cost[len(tasks)], tasks)

    def ready(self) -> deque | None:
        """The next queue, round robin, whose front batch is full or has waited long enough."""
        queues, count = self.queues, len(self.queues)
        for step in range(count):
            queue = queues[(self.turn + step) % count]
            if queue and (len(queue) >= self.tasks or self.t + 1e-9 >= queue[0][1] + self.timeout):
                self.turn = (self.turn + step + 1) % count
                return queue
        return None

    def finish(self, job: tuple) -> None:
        """One piece of work is done: hand its requests to the next step."""
        _, _, kind, payload = job
        if kind == IN:
            self.free_shells += 1
            if not self.batched:  # as many threads as slots: it runs at once
                self.start(RUN, self.alone, ((payload, self.t),))
                return
            queue = self.queues[self.pick[payload] if self.pick else 0]
            if len(queue) >= self.room:
                self.leave(payload, self.t, True)
            else:
                self.waiting += 1
                queue.append((payload, self.t))
        elif kind == RUN:
            self.free_threads += self.batched
            self.outs.append(payload)
        else:
            self.free_shells += 1
            began, tasks = payload
            step = (self.t - began) / len(tasks)
            for place, (request, _) in enumerate(tasks, 1):
                self.leave(request, began + step * place, False)

    def leave(self, request: int, at: float, refused: bool) -> None:
        """A request leaves the server; in a closed loop its client sends the next one."""
        self.free_slots += 1
        if refused:
            self.refused += 1
        else:
            self.done.append((self.arrivals[request], at))
        if self.closed and len(self.arrivals) < self.total:
            self.arrivals.append(at + self.path.wire_ms)

    def outcome(self, drop: float) -> Outcome:
        """Sum up what left after the ramp-up."""
        done = np.array(self.done or np.empty((0, 2)))[int(len(self.done) * drop) :]
        span = done[-1, 1] - done[0, 1] if len(done) > 1 else 0.0
        return Outcome(
            latency_ms=done[:, 1] - done[:, 0] + self.path.wire_ms,
            requests=len(self.done) + self.refused,
            refused=self.refused,
            throughput_rps=1000.0 * (len(done) - 1) / span if span > 0 else 0.0,
            mean_batch_rows=len(self.done) * self.rows / self.batches if self.batches else float(self.rows),
            core_ms_per_request=self.work / max(1, len(self.done)),
        )


def _costs(path: Path, config: Config, rows: int, most: int) -> list[float]:
    """Core time of a batch by its number of tasks, padding to allowed_batch_sizes included."""
    allowed = config.allowed_batch_sizes if config.enable_batching else ()
    padded = [next((size for size in allowed if size >= n * rows), n * rows) for n in range(most + 1)]
    return [path.run_ms(size, config.enable_batching) for size in padded]


def _noise(rng: np.random.Generator, spread: float) -> list[float]:
    """4,096 factors of mean 1 and coefficient of variation `spread` (log-normal)."""
    sigma = math.sqrt(math.log1p(spread * spread))
    return rng.lognormal(-sigma * sigma / 2, sigma, 4096).tolist()
