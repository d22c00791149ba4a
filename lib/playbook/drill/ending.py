"""Acts on the server's process: ended politely or not, stopped still, and started again."""

from __future__ import annotations

import signal
import time

from playbook.drill.ground import Ground
from playbook.serve import client, signalling

GONE_WITHIN_S = 10.0
ASK_S = 0.25  # how often a liveness probe asks
MISSED = 2  # questions without an answer after which it acts


def kill_and_restart(place: Ground) -> str:
    """SIGKILL, as an out-of-memory kill does, then the same server again at once, as a supervisor does."""
    return _end_and_restart(place, signal.SIGKILL)


def terminate_and_restart(place: Ground) -> str:
    """SIGTERM while clients keep their connections, then the same server again."""
    return _end_and_restart(place, signal.SIGTERM)


def _end_and_restart(place: Ground, number: signal.Signals) -> str:
    began = time.monotonic()
    signalling.send(place.handle, number)
    signalling.wait_gone(place.handle, GONE_WITHIN_S)
    gone_s = time.monotonic() - began
    place.start_again()
    back_s = time.monotonic() - began
    return f"ended {gone_s:.1f} s after {number.name}, AVAILABLE again after {back_s:.1f} s"


def hang(place: Ground) -> str:
    """SIGSTOP until the load is over: nobody notices."""
    signalling.send(place.handle, signal.SIGSTOP)
    time.sleep(max(1.0, place.exercise.drill_s - place.exercise.calm_s))
    signalling.send(place.handle, signal.SIGCONT)
    return "stood still until the end, and nothing noticed"


def hang_with_probe(place: Ground) -> str:
    """SIGSTOP for good, and a liveness probe that kills and restarts what answers no status request."""
    began, missed = time.monotonic(), 0
    signalling.send(place.handle, signal.SIGSTOP)
    while missed < MISSED:
        time.sleep(ASK_S)
        missed = 0 if client.responds(place.handle, ASK_S) else missed + 1
    noticed_s = time.monotonic() - began
    signalling.send(place.handle, signal.SIGKILL)
    place.start_again()
    return f"the probe acted after {noticed_s:.1f} s, AVAILABLE again after {time.monotonic() - began:.1f} s"
