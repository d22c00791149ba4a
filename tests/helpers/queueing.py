"""The one queue whose percentiles are known: Poisson arrivals, one server, a fixed service time (M/D/1)."""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np

from loadgen.arrivals import schedule
from loadgen.errors import LevelError
from loadgen.level import Level

SHARES = (0.50, 0.95, 0.99)
TYPICAL = 0.02  # how far a typical schedule's own percentiles lie from the theory
BESIDE = 0.02  # by so many ranks a median that does not wait stays clear of those that do
MOST_SEEDS = 20_000


def single_queue(due_s: np.ndarray, service_s: float) -> np.ndarray:
    """Latency in seconds of requests due at `due_s`, served one after the other in `service_s` (Lindley's recursion).

    Done i = max over j <= i of due j + (i - j + 1) service, a running maximum.
    """
    turn = np.arange(len(due_s)) * service_s
    return np.maximum.accumulate(due_s - turn) + turn + service_s - due_s


def md1_wait_cdf(load: float, service_s: float, wait_s: float) -> float:
    """Probability that a request waits at most `wait_s` before its service begins.

    Source: Erlang 1909, as in Kleinrock, Queueing Systems I, 5.6. The sum alternates and would lose all digits of a
    float beyond some fifteen service times, so it is taken with 120.
    """
    with localcontext() as context:
        context.prec = 120
        load_, waits = Decimal(load), Decimal(wait_s) / Decimal(service_s)
        total, factorial = Decimal(0), Decimal(1)
        for k in range(int(waits) + 1):
            factorial *= k or 1
            x = load_ * (k - waits)
            total += (x**k if k else 1) / factorial * (-x).exp()
        return float((1 - load_) * total)


def md1_quantile(load: float, service_s: float, share: float) -> float:
    """The `share` quantile of latency (wait and service) in seconds, by bisection on the waiting time."""
    if share <= 1 - load:
        return service_s
    low, high = 0.0, service_s
    while md1_wait_cdf(load, service_s, high) < share:
        low, high = high, 2 * high
    while high - low > 1e-6 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if md1_wait_cdf(load, service_s, middle) < share else (low, middle)
    return high + service_s


def replayed(level: Level, service_s: float) -> np.ndarray:
    """Latencies in seconds of the window of `level`, its own schedule sent through the recursion."""
    due_s = schedule(level) / 1e9
    return single_queue(due_s, service_s)[due_s >= 0]


def typical(level: Level, service_s: float) -> Level:
    """`level` with the first seed whose schedule, sent through the recursion, shows the percentiles of the theory.

    A window of some thousand requests is one draw of a heavy-tailed process: most draws lie further than 5 % from the
    theory at p99 by chance alone, whatever measures them. At 50 % load just half of the requests do not wait and the
    median stands at the edge of a jump, where one request more on the other side moves it; there the schedule must keep
    clear of the edge.

    Raises:
        LevelError: No seed of the first 20,000 is typical; the window is too short.
    """
    load = (level.rate_rps or 0.0) * service_s
    theory = np.array([md1_quantile(load, service_s, share) for share in SHARES])
    for seed in range(MOST_SEEDS):
        latency_s = replayed(drawn := level.with_(seed=seed), service_s)
        if np.abs(np.quantile(latency_s, SHARES) / theory - 1).max() > TYPICAL:
            continue
        if theory[0] > service_s or np.quantile(latency_s, SHARES[0] + BESIDE) <= service_s * (1 + TYPICAL):
            return drawn
    raise LevelError(f"duration_s is {level.duration_s!r}: too short for a schedule that is typical of its load")
