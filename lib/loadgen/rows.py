"""What is kept of each request while load runs: four 64-bit words, appended in one call.

Word 0 is when the request was due, 1 when it was written, 2 when its last byte came back (all CLOCK_MONOTONIC ns),
3 packs `flags | kind | status | bytes`. 36 bytes a request with the number of its reply: ten
million take 360 MB. Percentiles, files and checks
come after the window, from these words.
"""

from __future__ import annotations

from array import array

import numpy as np

KINDS = (
    "",
    "refused",
    "reset",
    "timeout",
    "short_reply",
    "http",
    "grpc",
    "wrong_answer",
    "protocol",
    "unsent",
)
OK, REFUSED, RESET, TIMEOUT, SHORT, HTTP, GRPC, WRONG, PROTOCOL, UNSENT = range(len(KINDS))
STATUS_SHIFT, KIND_SHIFT, FLAG_SHIFT = 32, 48, 56
QUEUED = 1 << FLAG_SHIFT  # waited for a free connection although it was due
AGAIN = 2 << FLAG_SHIFT  # sent a second time: the server had not looked at it
WORDS = 4
UNCHECKED = -1  # of a row whose reply is not compared with anything


class Recorder:
    """Rows of one worker, and an independent count of requests in flight for Little's law.

    `replies` holds a number a row: which of the distinct replies it got (`loadgen.answers`), or UNCHECKED. `start` and
    `finish` are closures over plain variables: they run for every request, and an attribute costs more.
    """

    def __init__(self) -> None:
        self.rows = rows = array("q")
        self.replies = replies = array("i")
        self.errors = 0
        area_ns = last_ns = in_flight = 0
        extend, note = rows.extend, replies.append

        def start(scheduled_ns: int, now_ns: int) -> None:
            """A request is due; it counts as in flight from `scheduled_ns` on, also when noticed later."""
            nonlocal area_ns, last_ns, in_flight
            area_ns += in_flight * (now_ns - last_ns) + now_ns - scheduled_ns
            last_ns = now_ns
            in_flight += 1

        def finish(scheduled_ns: int, sent_ns: int, done_ns: int, code: int, reply: int = UNCHECKED) -> None:
            """A request has ended, well or not; `reply` is the number of what it got."""
            nonlocal area_ns, last_ns, in_flight
            area_ns += in_flight * (done_ns - last_ns)
            last_ns = done_ns
            in_flight -= 1
            extend((scheduled_ns, sent_ns, done_ns, code))
            note(reply)

        self.start, self.finish = start, finish
        self.in_flight = lambda: in_flight
        self.area_at = lambda now_ns: area_ns + in_flight * (now_ns - last_ns)  # in request nanoseconds

    def __len__(self) -> int:
        return len(self.rows) // WORDS


def pack(kind: int, status: int = 0, size: int = 0, flags: int = 0) -> int:
    """The fourth word of a row."""
    return flags | kind << KIND_SHIFT | status << STATUS_SHIFT | size


class RequestRows:
    """Rows of all workers as columns; times in CLOCK_MONOTONIC ns of the machine that merged them."""

    def __init__(self, words: np.ndarray, worker: np.ndarray) -> None:
        self.words, self.worker = words.reshape(-1, WORDS), worker

    def __len__(self) -> int:
        return len(self.words)

    @property
    def scheduled_ns(self) -> np.ndarray:
        """When each request was due."""
        return self.words[:, 0]

    @property
    def sent_ns(self) -> np.ndarray:
        """When it was written; 0 where it never was. Of a client that was refused: when it asked for a connection."""
        return self.words[:, 1]

    @property
    def done_ns(self) -> np.ndarray:
        """When its reply was complete, or it was given up."""
        return self.words[:, 2]

    @property
    def kind(self) -> np.ndarray:
        """Index into KINDS; 0 is a good answer."""
        return (self.words[:, 3] >> KIND_SHIFT & 0xFF).astype(np.int8)

    @property
    def status(self) -> np.ndarray:
        """HTTP or gRPC status; 0 for gRPC OK and where no status came."""
        return (self.words[:, 3] >> STATUS_SHIFT & 0xFFFF).astype(np.int16)

    @property
    def size(self) -> np.ndarray:
        """Bytes of the reply body."""
        return (self.words[:, 3] & 0xFFFFFFFF).astype(np.int64)

    @property
    def queued(self) -> np.ndarray:
        """True where a request waited for a free connection."""
        return (self.words[:, 3] & QUEUED) != 0

    @property
    def again(self) -> np.ndarray:
        """True where a call was sent a second time, as the server had said that it did not look at it."""
        return (self.words[:, 3] & AGAIN) != 0

    def take(self, chosen: np.ndarray | slice) -> RequestRows:
        """The rows where a mask is true, or those of a slice."""
        if isinstance(chosen, np.ndarray) and chosen.all():
            return self
        return RequestRows(self.words[chosen], self.worker[chosen])
