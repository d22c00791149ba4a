"""All addresses behind a name, taken in turn: a headless Service names one a pod, and the first is not the fleet.

Looked up when the level begins, and again when a connection is opened later, so that pods that came meanwhile are found
and those that went are left alone. What each address answered is told in the level's result. Of a name
with addresses of IPv6 and of IPv4, as `localhost`, those of the first kind that answers are taken.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections import Counter

from loadgen.connection import Connection

FRESH_S = 1.0  # a name is looked up no more often
TRY_S = 1.0  # for an address to answer, where a name has two kinds


class Addresses:
    """The addresses of one host and port, and the connections that were opened to each."""

    def __init__(self, host: str, port: int, turn: int = 0) -> None:
        """Look the name up.

        Args:
            host: A name or an address.
            port: TCP port.
            turn: Where in the list to begin: workers begin at different addresses.

        Raises:
            OSError: The name has no address.
        """
        self.host, self.port, self._turn = host, port, turn
        self._alive: dict[Connection, str] = {}
        self._ended: Counter[str] = Counter()
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        self._kind = _answering(answers)
        self._keep(answers)

    def __len__(self) -> int:
        return len(self.known)

    def _keep(self, answers: list) -> None:
        kept = [answer for answer in answers if answer[0] == self._kind] or answers
        self.known = sorted({answer[4][0] for answer in kept})
        self._looked_up_s = time.monotonic()

    async def next(self) -> str:
        """The address for the next connection; the name is looked up again when that is a while ago."""
        if time.monotonic() - self._looked_up_s > FRESH_S and self.known != [self.host]:
            try:
                self._keep(await asyncio.get_running_loop().getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM))
            except OSError:  # the resolver's bad moment: the addresses of before still stand
                self._looked_up_s = time.monotonic()
        self._turn += 1
        return self.known[(self._turn - 1) % len(self.known)]

    def opened(self, address: str, connection: Connection) -> None:
        """Note that a connection stands, and when it goes how many replies came over it."""
        self._alive[connection] = address
        connection.lost.add_done_callback(lambda _: self._gone(connection))

    def _gone(self, connection: Connection) -> None:
        self._ended[self._alive.pop(connection)] += connection.answered

    def counts(self) -> dict[str, int]:
        """Replies of each address (`Connection.answered`) since the level began, ramp-up and rest included."""
        counted = Counter(dict.fromkeys(self.known, 0))
        counted.update(self._ended)
        for connection, address in self._alive.items():
            counted[address] += connection.answered
        return dict(counted)


def _answering(answers: list) -> int:
    """The kind (address family) of the first address that takes a connection; the resolver's first where none does."""
    kinds = list(dict.fromkeys(answer[0] for answer in answers))
    for kind, *_, place in answers if len(kinds) > 1 else []:
        with contextlib.suppress(OSError), socket.socket(kind, socket.SOCK_STREAM) as tried:
            tried.settimeout(TRY_S)
            tried.connect(place)
            return kind
    return kinds[0]


def add_up(counts: list[dict[str, int]]) -> dict[str, int]:
    """The counts of several workers by address."""
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(sorted(total.items()))
