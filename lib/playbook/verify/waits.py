"""What a time-out of the batching queue costs beyond itself, told from what waking a thread costs on this machine."""

from __future__ import annotations

import time

import numpy as np

from playbook.verify import setups
from playbook.verify.held import QUEUING
from playbook.verify.places import Place
from playbook.verify.reached import CouldNotAsk, Reached

_WAIT_MS = setups.WAIT_MICROS / 1000
_PAIRS, _ROUNDS = 40, 10  # time-outs that are timed before they are judged, and how often more are added
# Nothing where threads wake when it is over, half a look where they look every millisecond; a busy machine delays some
# looks by more.
_LEAST_MS, _MOST_MS = 0.25, 1.2
_CALM_MS = 0.3  # within which nine of ten full batches run, where looks may be said to come too seldom


def cost(place: Place) -> tuple[bool, str]:
    """Whether a time-out costs about half a millisecond more than it says, and what was seen.

    Raises:
        CouldNotAsk: the machine is too busy for so short a time, or somebody else asks the server.
    """
    server, waits = place.server("waiting"), _Waits()
    for _ in range(_ROUNDS):
        for number in range(_PAIRS):
            waits.ask(server, number)
        low, high = waits.interval_ms()
        if low >= _LEAST_MS and high <= _MOST_MS:
            return True, waits.words(low, high)
        if high < _LEAST_MS or (low > _MOST_MS and waits.were_calm):
            return False, waits.words(low, high)
    raise CouldNotAsk(f"this machine is too busy for half a millisecond: {waits.words(low, high)}")


class _Waits:
    """Waits for a batch, in turns: one row, which waits out the time-out, and as many as fill a batch at once.

    What a full batch waits is how long this machine takes to wake a thread, at the same time: the rest of the other's
    wait is the time-out's own.
    """

    def __init__(self) -> None:
        self._late_ms: list[float] = []
        self._full_ms: list[float] = []

    def ask(self, server: Reached, number: int) -> None:
        """One of each, at every moment between two looks."""
        for rows, kept, due_ms in ((1, self._late_ms, _WAIT_MS), (setups.FULL, self._full_ms, 0.0)):
            count, sum_us = server.counted(QUEUING)
            time.sleep(0.00037 * (number % 10))
            server.predict({"instances": [1.0] * rows}).raise_for_status()
            now, now_us = server.counted(QUEUING)
            if now - count == 1:
                kept.append((now_us - sum_us) / 1000 - due_ms)

    def interval_ms(self) -> tuple[float, float]:
        """How much longer than a full batch's the wait is at the median, beyond the time-out: 99 % interval."""
        if min(len(self._late_ms), len(self._full_ms)) < _PAIRS / 2:
            raise CouldNotAsk("somebody else asks this server meanwhile, or it does not count waits in a queue")
        chance = np.random.default_rng(7)
        drawn = [chance.choice(waits, (2000, len(waits))) for waits in (self._late_ms, self._full_ms)]
        apart = np.median(drawn[0], axis=1) - np.median(drawn[1], axis=1)
        return float(np.quantile(apart, 0.005)), float(np.quantile(apart, 0.995))

    @property
    def were_calm(self) -> bool:
        """Whether threads were woken at once where nothing had to be waited for."""
        return float(np.quantile(self._full_ms, 0.9)) <= _CALM_MS

    def words(self, low: float, high: float) -> str:
        """What was seen, in a sentence."""
        return (
            f"{len(self._late_ms)} time-outs of {_WAIT_MS:g} ms cost {low:.2f} to {high:.2f} ms more at the median "
            f"(99 %) than batches that were full at once, nine tenths of which ran within "
            f"{np.quantile(self._full_ms, 0.9):.2f} ms"
        )
