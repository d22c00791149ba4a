"""The one queue whose percentiles are known: Poisson arrivals, one server, a fixed service time (M/D/1)."""

from __future__ import annotations

from math import exp, factorial

import numpy as np

LONGEST = 30  # service times


def single_queue(due_s: np.ndarray, service_s: float) -> np.ndarray:
    """Latency in seconds of requests due at `due_s`, served one after the other in `service_s` (Lindley's recursion).

    Done i = max over j <= i of due j + (i - j + 1) service, a running maximum.
    """
    turn = np.arange(len(due_s)) * service_s
    return np.maximum.accumulate(due_s - turn) + turn + service_s - due_s


def md1_wait_cdf(load: float, service_s: float, wait_s: float) -> float:
    """Probability that a request waits at most `wait_s` before its service begins.

    Source: Erlang 1909, as in Kleinrock, Queueing Systems I, 5.6; an alternating sum that loses
    its digits beyond some 30 service times, so waits are bounded there.
    """
    rate, total = load / service_s, 0.0
    for k in range(int(wait_s / service_s) + 1):
        x = rate * (k * service_s - wait_s)
        total += x**k / factorial(k) * exp(-x)
    return (1 - load) * total


def md1_quantile(load: float, service_s: float, share: float) -> float:
    """The `share` quantile of latency (wait and service) in seconds, by bisection on the waiting time.

    Raises:
        ValueError: It lies beyond 30 service times, where the formula loses its digits.
    """
    if share <= 1 - load:
        return service_s
    low, high = 0.0, LONGEST * service_s
    if md1_wait_cdf(load, service_s, high) < share:
        raise ValueError(f"load {load}: p{100 * share:g} lies beyond {LONGEST} service times; use a lower load")
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if md1_wait_cdf(load, service_s, middle) < share else (low, middle)
    return high + service_s
