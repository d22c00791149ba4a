"""When requests are due: seeded schedules in nanoseconds from the start of the window.

Negative times lie in the ramp-up, which is outside the window. Each worker draws its own share; shares add up to the
whole: independent Poisson streams sum to a Poisson stream, constant and timestamp schedules are dealt out in turn.
"""

from __future__ import annotations

import numpy as np

from loadgen.level import Level
from loadgen.profiles import Profile, read_trace

NS = 1e9


def schedule(level: Level, worker: int = 0) -> np.ndarray:
    """Due times of one worker's requests, ns after the window opens, ascending int64; empty for a closed loop.

    The same level, seed and worker give the same times. Source of the inhomogeneous draw: time rescaling, a unit-rate
    Poisson process mapped through the inverse of the cumulative rate (Cinlar 1975, ch. 4.7).
    """
    if not level.open_loop:
        return np.empty(0, dtype=np.int64)
    if level.arrival == "trace":
        trace = read_trace(str(level.trace))
        if not isinstance(trace, Profile):
            due_s = trace[trace < level.duration_s][worker :: level.processes]
            return (due_s * NS).astype(np.int64)
        profile = trace.cut(level.duration_s)
    else:
        profile = Profile.flat(float(level.rate_rps or 0), level.duration_s, level.ramp_up_s)
    if level.arrival == "constant":
        due_s = profile.inverse(np.arange(worker + 0.5, profile.total(), level.processes))
    else:
        due_s = profile.inverse(_unit_poisson(profile.total(), level, worker))
    return (due_s * NS).astype(np.int64)


def _unit_poisson(total: float, level: Level, worker: int) -> np.ndarray:
    """Points of a Poisson process on [0, total) whose rate is this worker's share."""
    rng = np.random.default_rng([level.seed, level.level, worker])
    mean = total / level.processes
    gaps = rng.exponential(level.processes, int(mean + 10 * np.sqrt(mean) + 20))
    points = np.cumsum(gaps)
    return points[points < total]


def check_trace(level: Level) -> None:
    """Read the level's trace once, to refuse a bad one before any worker starts. Raises LevelError."""
    if level.arrival == "trace":
        read_trace(str(level.trace))
