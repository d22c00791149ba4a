"""Loads that are drills themselves: ten times the capacity, and clients that wait for less long than the queue is."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from loadgen.profiles import Profile
from playbook.drill.exercise import OVERLOAD, Exercise
from playbook.drill.outage import Calls
from playbook.tfserving.config import Config

FLOOD_SHARE = 0.35  # of the drill's time
QUEUE_SHARE = 0.5  # of the limit that a request may spend in the queue
BATCH = 64  # rows, where the configuration names no size
REFUSED = ("http_503", "http_429", "grpc_8", "grpc_14")  # RESOURCE_EXHAUSTED, UNAVAILABLE
MOST_THREADS = 512  # REST threads: each waiting request holds one (evhttp_server.cc, its executor)


def flood(exercise: Exercise, folder: Path) -> dict[str, Any]:
    """The promised rate, the overload for a third of the time, and the promised rate again."""
    low, high, from_s = exercise.rate_rps, exercise.overload_rps, exercise.calm_s
    to_s = from_s + FLOOD_SHARE * exercise.drill_s
    times, rates = [0.0, from_s, from_s, to_s, to_s, exercise.drill_s], [low, low, high, high, low, low]
    trace = Profile(np.array(times), np.array(rates)).write(folder / "flood.csv")
    return {"arrival": "trace", "trace": str(trace)}


def bounded(exercise: Exercise) -> Config:
    """The configuration with a queue that is never longer than half the limit; what does not fit is refused at once.

    Every waiting request holds a thread of the server, so there must be threads for the whole queue, or the rest
    waits unseen before it (batching_session.cc refuses; evhttp's executor queues without bound).
    """
    config = exercise.config
    batch = config.max_batch_size or (config.allowed_batch_sizes or (max(BATCH, exercise.load.mix.most_rows),))[-1]
    running = config.num_batch_threads or max(1, len(exercise.spec.cpus))
    waiting = QUEUE_SHARE * exercise.promise.p99_limit_ms / 1000 * exercise.capacity_rps
    rows = exercise.load.mix.mean_rows
    queue = max(1, min(int(waiting * rows / batch), int(MOST_THREADS * rows // batch) - running))
    threads = max(2, math.ceil(batch * (queue + running) / rows) + 16)
    shared: dict[str, Any] = {"enable_batching": True, "max_batch_size": batch, "max_enqueued_batches": queue}
    return replace(config, **shared, rest_api_num_threads=threads, grpc_max_threads=threads)


def deadline_s(exercise: Exercise) -> float:
    """Clients that give up at the limit itself."""
    return exercise.promise.p99_limit_ms / 1000


def flood_words(exercise: Exercise, calls: Calls, began_ns: int) -> str:
    """How much was offered in the flood, and what became of it a second, in words."""
    end_ns = began_ns + int(FLOOD_SHARE * exercise.drill_s * 1e9)
    seconds, done = (end_ns - began_ns) / 1e9, (calls.done_ns >= began_ns) & (calls.done_ns < end_ns)
    good, refused = done & (calls.code == ""), done & np.isin(calls.code, REFUSED)
    times = exercise.overload_rps / exercise.capacity_rps
    short = "" if times > 0.99 * OVERLOAD else "; more could not be sent on the cores of the load generator"
    return (
        f"{exercise.overload_rps:,.0f}/s were due, {times:.1f} times the capacity{short}; "
        f"{good.sum() / seconds:,.0f}/s were answered and {refused.sum() / seconds:,.0f}/s refused meanwhile"
    )
