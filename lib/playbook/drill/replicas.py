"""Several servers behind a balancer: one of three lost, a standby beside one that is killed, a drain before the end."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

from playbook.drill.balancer import Balancer, Target
from playbook.drill.exercise import Exercise
from playbook.drill.ground import Ground
from playbook.records import trust
from playbook.serve import signalling
from playbook.serve.handle import Handle

NOTICED_S = 2.0  # until a readiness probe of 1 s takes a server out at its second failure
DRAINED_WITHIN_S = 3.0
GONE_WITHIN_S = 10.0
#: gRPC's connections live long: the server sends them away at this age, so that they come to other servers.
CONNECTION_AGE = "--grpc_channel_arguments=grpc.max_connection_age_ms=500,grpc.max_connection_age_grace_ms=2000"


@contextmanager
def front(place: Ground, servers: int, rotation: list[int] | None = None, retries: bool = False) -> Iterator[Handle]:
    """So many servers behind a balancer; yields the handle that users call.

    Args:
        place: Its server is the first of them.
        servers: How many.
        rotation: Those that get connections at first; all by default.
        retries: Whether a refused connection is tried with the next server.
    """
    handles = [place.handle, *(place.one_more() for _ in range(servers - 1))]
    targets = [_target(place.exercise, handle) for handle in handles]
    with Balancer(targets, rotation, retries) as balancer:
        place.balancer = balancer
        address = f"127.0.0.1:{balancer.port}"
        _trusted_as(place.handle, address)
        yield replace(place.handle, rest_url=f"http://{address}", grpc_target=address)


def _trusted_as(handle: Handle, address: str) -> None:
    """The balancer passes bytes on: who speaks TLS through it meets the server's own certificate."""
    if noted := trust.of(handle.grpc_url):
        trust.note(f"grpcs://{address}", noted)
    else:
        trust.forget(f"grpcs://{address}")


three = partial(front, servers=3)
three_retried = partial(front, servers=3, retries=True)
two_retried = partial(front, servers=2, retries=True)
one_and_a_successor = partial(front, servers=2, rotation=[0])


def lose_one(place: Ground) -> str:
    """SIGKILL to one server; a readiness probe takes it out of the balancer's rotation."""
    signalling.send(place.handle, signal.SIGKILL)
    time.sleep(NOTICED_S)
    _balancer(place).take_out(0)
    return f"1 of {1 + len(place.others)} servers killed, taken out of the rotation after {NOTICED_S:g} s"


def drain(place: Ground) -> str:
    """The successor takes over, the old server keeps no connection, then it gets SIGTERM: a rolling update."""
    balancer = _balancer(place)
    balancer.put_in(1)
    balancer.take_out(0)
    took_s = balancer.drained(0, DRAINED_WITHIN_S)
    left = len(balancer.open[0])
    signalling.send(place.handle, signal.SIGTERM)
    signalling.wait_gone(place.handle, GONE_WITHIN_S)
    if took_s is None:
        return f"{left} connections were left after {DRAINED_WITHIN_S:g} s, then SIGTERM"
    return f"a successor took over, the old server had no connection after {took_s:.1f} s, then SIGTERM"


def connection_age(exercise: Exercise) -> tuple[str, ...]:
    """The flag that lets gRPC's connections move; over REST the balancer closes them itself."""
    return (CONNECTION_AGE,) if exercise.load.protocol == "grpc" else ()


def _balancer(place: Ground) -> Balancer:
    assert place.balancer, "the drill has a front"
    return place.balancer


def _target(exercise: Exercise, handle: Handle) -> Target:
    address = handle.rest_url if exercise.load.protocol == "rest" else f"grpc://{handle.grpc_target}"
    parts = urlsplit(address)
    return parts.hostname or "127.0.0.1", parts.port or 0
