"""The one queue whose percentiles are known: Poisson arrivals, one server, a fixed service time (M/D/1)."""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np


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
