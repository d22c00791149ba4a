"""What each step of a model server's request path costs, and how many requests may be inside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from playbook.tfserving.config import Config

NOISE = 4096  # factors of the noise, used in turn
COLD_AFTER_MS = 10.0  # a core that has rested so long gets no colder
# How often idle batch threads look, by --batch_wakeup: TensorFlow's wait for a millisecond, and Linux adds its slack.
LOOK_MS = {"fast": 0.0, "tensorflow": 1.06}


class Kind(NamedTuple):
    """One kind of request of a mix: its share, its rows, its queue, and what it costs beside a usual one.

    `stretch` is a longer row's part of a call, as a multiple of a usual row's; `factor` that of the whole call, for
    another signature, or where rows cost next to nothing.
    """

    share: float
    rows: int
    stretch: float = 1.0
    queue: int = 0
    factor: float = 1.0


@dataclass(frozen=True)
class RequestPath:
    """What each step of the path of one kind of request costs on one server, in milliseconds of one core."""

    run_fixed_ms: float  # one call of the graph, whatever its size
    run_row_ms: float  # each row of it, padding included
    shell_in_ms: float  # read, parse and queue one request
    shell_out_ms: float  # build and send one reply
    batch_fixed_ms: float = 0.0  # what the batch scheduler adds to a call: wake a thread, join and split tensors
    wire_ms: float = 0.05  # loopback or network there and back, outside the server's cores
    cores: float = 1.0  # cores the server may use
    shell_threads: int = 1  # 1: one event loop reads and writes; 0: one thread a request does
    spread: float = 0.1  # coefficient of variation of one step's cost
    turn_ms: float = 0.0  # one turn of the event loop, whatever it handles: wake up, ask what is ready
    cold_ms: float = 0.0  # the first work of a core that has rested for 1 ms more; by the square root of the rest
    client_ms: float = 0.0  # one request in the client's own thread, sent and read
    client_cold_ms: float = 0.0  # each request of an open loop more, there
    burst_ms: float = 0.7  # the loop keeps its core so long while more is ready and others wait
    slice_ms: float = 3.0  # other work keeps a core so long while more work waits (the kernel's time slice)
    wake_ms: float = 0.1  # a thread that wakes to read or write gets the core of longer work after so long
    rows: float = 1  # of each request; of a mix, their mean
    look_ms: float = 0.0  # an idle batch thread looks so often whether a time-out is over; 0: at the moment it is
    kinds: Sequence[Sequence[float]] = ()  # of a mix: what `Kind` holds, each; () where all requests are alike

    def __post_init__(self) -> None:
        object.__setattr__(self, "kinds", tuple(map(tuple, self.kinds)))  # a record has lists

    @property
    def mix(self) -> tuple[Kind, ...]:
        """The kinds of requests, as read from a record too."""
        return tuple(Kind(one[0], int(one[1]), one[2], int(one[3]), *one[4:]) for one in self.kinds)

    @property
    def work_rows(self) -> float:
        """Usual rows that the mean request costs as much as."""
        return (
            sum(kind.share * kind.rows * kind.stretch * kind.factor for kind in self.mix) if self.kinds else self.rows
        )

    def run_ms(self, rows: float, batched: bool) -> float:
        """Core time of one graph call of `rows` rows, in milliseconds."""
        return self.run_fixed_ms + self.run_row_ms * rows + (self.batch_fixed_ms if batched else 0.0)


def wakeup_of(path: RequestPath) -> str:
    """When the idle batch threads of this path look, as --batch_wakeup says it."""
    return "tensorflow" if path.look_ms else "fast"


def slots(config: Config, cpus: int) -> int:
    """Requests that may be inside the server at once: REST keeps one thread for its event loop."""
    if config.protocol == "grpc":
        return config.effective("grpc_max_threads", cpus)
    return config.effective("rest_api_num_threads", cpus) - 1


def batch_costs(path: RequestPath, config: Config, most: int) -> list[float]:
    """Core time of a batch by its number of tasks, padding to allowed_batch_sizes included."""
    padded = [padded_rows(config, n * path.rows) for n in range(most + 1)]
    return [path.run_ms(size, config.enable_batching) for size in padded]


def padded_rows(config: Config, rows: float) -> float:
    """The rows that a batch is executed at, filled up to allowed_batch_sizes."""
    allowed = config.allowed_batch_sizes if config.enable_batching else ()
    return next((size for size in allowed if size >= rows), rows)


def noise(rng: np.random.Generator, spread: float) -> list[float]:
    """4,096 factors of mean 1 and coefficient of variation `spread` (log-normal)."""
    sigma = math.sqrt(math.log1p(spread * spread))
    return rng.lognormal(-sigma * sigma / 2, sigma, NOISE).tolist()
