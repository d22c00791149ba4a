"""Notices while load runs that the server says nothing although requests are out: it stands still, or hangs for good.

How long is too long depends on the server: LONGEST_S, or five times the slowest answer so far. What was sent before the
first answer may have met a cold server, and counts only until something sent later is answered. Before the first answer
nobody knows how slow the server is, so only somebody else can tell slow from hung (`is_alive` of `loadgen.hold`).
"""

from __future__ import annotations

import time

import numpy as np

from loadgen.rows import GRPC, HTTP, KIND_SHIFT, OK, TIMEOUT, UNSENT, WORDS, WRONG, Recorder

LONGEST_S = 3.0
TIMES_SLOWEST = 5.0
FOR_GOOD = 1.5  # a silence of so many times that is not waited out: 4.5 s for a quick server
ANSWERS = (OK, HTTP, GRPC, WRONG)
UNSEEN_S = 1.0  # between two looks: this process itself stood still (paused, kept off its core), and saw nothing
GIVEN_UP = (TIMEOUT, UNSENT)  # by this side; any other end of a request is a sign of life, or of death


class Silence:
    """Follows the rows of one worker; `look` is called at the engine's ticks and never for a single request."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder, self._rows_before = recorder, 0
        self._since_ns, self._cold_s, self._warm_s = time.monotonic_ns(), 0.0, 0.0
        self._first_ns = 0  # when the first answer came
        self.answered = self._given_up = False  # so far; since the last sign of the server
        self.for_s: float | None = None  # how long there has been no answer; None: no request is out
        self.unseen_ns: list[tuple[int, int]] = []  # from when to when nobody looked
        self._looked_ns = 0

    @property
    def limit_s(self) -> float:
        """A longer silence is none of a server that works."""
        return max(LONGEST_S, TIMES_SLOWEST * (self._warm_s or self._cold_s))

    @property
    def too_long(self) -> bool:
        """The server stands still."""
        return self.for_s is not None and self.for_s >= self.limit_s

    @property
    def for_good(self) -> bool:
        """It stood still so long that it will hardly go on, and it did work before."""
        return self.answered and self.for_s is not None and self.for_s >= FOR_GOOD * self.limit_s

    def look(self, now_ns: int) -> None:
        """Take in what has come since the last look."""
        count = len(self._recorder)
        if count > self._rows_before:
            self._take_in(np.array(self._recorder.rows[self._rows_before * WORDS : count * WORDS]).reshape(-1, WORDS))
            self._rows_before = count
        if self._looked_ns and now_ns - self._looked_ns > UNSEEN_S * 1e9:
            self.unseen_ns.append((self._looked_ns, now_ns))
            self._since_ns = now_ns  # what was not looked at is no silence of the server's
        self._looked_ns = now_ns
        if self._recorder.in_flight() or self._given_up:
            self.for_s = max(0, now_ns - self._since_ns) / 1e9
        else:
            self._since_ns, self.for_s = now_ns, None

    def _take_in(self, words: np.ndarray) -> None:
        kind = words[:, 3] >> KIND_SHIFT & 0xFF
        signs = words[~np.isin(kind, GIVEN_UP)]
        if len(signs):
            self._since_ns = max(self._since_ns, int(signs[:, 2].max()))
        # a client whose request timed out is about to ask again
        self._given_up = bool(np.isin(kind[-1], GIVEN_UP))
        answers = words[np.isin(kind, ANSWERS)]
        if len(answers):
            self.answered, self._first_ns = True, self._first_ns or int(answers[:, 2].min())
            took_s, warm = (answers[:, 2] - answers[:, 1]) / 1e9, answers[:, 1] >= self._first_ns
            self._cold_s = max(self._cold_s, float(took_s.max()))
            self._warm_s = max(self._warm_s, float(took_s[warm].max(initial=0.0)))
