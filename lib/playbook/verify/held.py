"""A batch thread that is kept busy, and what becomes of the requests that arrive meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import requests

from playbook.verify.places import Place
from playbook.verify.reached import CouldNotAsk, NoAnswer, Reached

QUEUING = "batching_session:queuing_latency"
_HOLD_S, _LONGER, _TRIES = 1.0, 2.0, 4  # how long the thread is held; a busy machine takes longer to send the others
_APART_S = 0.02
_SETTLED_S, _SURELY = 0.15, 5  # from sending a request until it waits in its queue; many times what one takes alone
_BEGIN_S = 10.0


@dataclass(frozen=True)
class Behind:
    """What came of them: their replies in the order in which they were sent, and the batches of all and the holder."""

    replies: Sequence[Any]
    runs: float
    rows: float


def ready(place: Place, name: str) -> Reached:
    """The server, which knows how long a spin of one second is before anything is counted."""
    server = place.server(name)
    server.spin(0.001)
    return server


def executed(server: Reached) -> tuple[float, float]:
    """Batches, and the rows that requests had in them."""
    runs, rows = server.counted("batching_session:processed_batch_size")
    return runs, rows - server.counted("batching_session:padding_size")[1]


def behind(server: Reached, bodies: Sequence[Any]) -> Behind:
    """Predict with these bodies, one after the other, while another request's batch runs.

    Raises:
        CouldNotAsk: the machine is so busy that the batch was over before the last of them had arrived.
    """
    sends = [lambda body=body: server.post_alone(body) for body in bodies]
    return held(server, lambda body: server.post_alone(body), sends)


def held(server: Reached, hold: Callable[[Any], Any], sends: Sequence[Callable[[], Any]]) -> Behind:
    """Call `sends` one after the other while `hold` waits for its answer to a spin that runs in a batch.

    Raises:
        CouldNotAsk: as `behind`.
    """
    begun = time.monotonic()
    sends[0]()
    settled_s = max(_SETTLED_S, _SURELY * (time.monotonic() - begun))
    hold_s = max(_HOLD_S, 3 * (settled_s + len(sends) * _APART_S))
    for _ in range(_TRIES):
        before = executed(server)
        with ThreadPoolExecutor(len(sends) + 1) as pool:
            waited, _ = server.counted(QUEUING)
            holder = pool.submit(hold, server.spin(hold_s))
            _until_begun(server, waited, holder)
            replies = []
            for send in sends:
                replies.append(pool.submit(send))
                time.sleep(_APART_S)
            time.sleep(settled_s)
            is_held = not holder.done()
            answers = [reply.result() for reply in replies]
            holder.result()
        if is_held:
            runs, rows = (now - then for now, then in zip(executed(server), before, strict=True))
            return Behind(answers, runs, rows)
        hold_s *= _LONGER
    raise CouldNotAsk(f"this machine is too busy to send {len(sends)} requests while a batch of {hold_s:g} s runs")


def _until_begun(server: Reached, waited: float, holder: Future[requests.Response]) -> None:
    """Wait until the holder has left the queue: its batch runs."""
    until = time.monotonic() + _BEGIN_S
    while server.counted(QUEUING)[0] == waited and not holder.done():
        if time.monotonic() > until:
            raise NoAnswer(f"a request alone did not leave the queue of batches within {_BEGIN_S:g} s")
        time.sleep(0.01)
