"""How unevenly load falls on pods where a balancer spreads connections, not requests."""

from __future__ import annotations

import functools

import numpy as np

GROUPS = 20  # parts of a fleet by load, the hottest pods in the last
_DRAWN = 20_000  # pods drawn for a mean, in at least 64 fleets
_SPARED = (
    0.005  # of the requests: half of what a p99 lets be late, so that a large fleet need not spare its hottest pod
)


@functools.lru_cache(maxsize=4096)
def loads(pods: int, connections_per_pod: float) -> np.ndarray:
    """Load of each pod over the mean, rising, as expected where connections fall on pods at random; shape (pods,).

    8 pods and 64 connections: the hottest has 1.5 times the mean.

    Args:
        pods: How many.
        connections_per_pod: Connections of all clients over the pods; 0 is a balancer that spreads requests.
    """
    if not connections_per_pod or pods < 2:
        return np.ones(pods)
    connections = max(1, round(pods * connections_per_pod))
    draws = max(64, _DRAWN // pods)
    drawn = np.random.default_rng(pods).multinomial(connections, np.full(pods, 1 / pods), size=draws)
    return np.sort(drawn, axis=1).mean(axis=0) * pods / connections


@functools.lru_cache(maxsize=4096)
def twentieths(pods: int, connections_per_pod: float) -> np.ndarray:
    """Load of each twentieth of the pods over the mean, rising; shape (GROUPS,)."""
    over = loads(pods, connections_per_pod)
    if (over == 1).all():
        return np.ones(GROUPS)
    summed = np.interp(np.linspace(0, pods, GROUPS + 1), np.arange(pods + 1), np.concatenate([[0.0], np.cumsum(over)]))
    return np.diff(summed) * GROUPS / pods


def hottest(pods: int, connections_per_pod: float) -> float:
    """Load over the mean that no pod is expected to have more of, but pods that get half a percent of the requests."""
    over = loads(pods, connections_per_pod)
    beyond = np.cumsum(over[::-1])[::-1] / pods  # share of the requests that this pod and the hotter ones get
    return float(over[beyond > _SPARED][-1])
