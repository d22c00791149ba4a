"""The streams of one connection: which are open, how they end, and which ended before their client knew."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from model_server.errors import DEADLINE_EXCEEDED
from model_server.grpc import frames as h2
from model_server.grpc.faults import CANCEL, NO_ERROR
from model_server.grpc.flow import SendWindows
from model_server.grpc.limits import FloodGuard
from model_server.grpc.stream import Stream

_MOST_RESET = 1024  # streams of which frames may still be under way
_QUICK_S = 0.1  # a call that is given up before it can have been answered


class Streams:
    """`open`: by number, in the order in which they were opened. `last`: the highest number so far."""

    __slots__ = ("_floods", "_loop", "_reset", "_when_empty", "_windows", "_write", "last", "open")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        write: Callable[[bytes], None],
        windows: SendWindows,
        floods: FloodGuard,
        when_empty: Callable[[], None],
    ):
        self._loop, self._write, self._windows, self._floods, self._when_empty = (
            loop,
            write,
            windows,
            floods,
            when_empty,
        )
        self.open: dict[int, Stream] = {}
        self.last = 0
        self._reset: dict[int, None] = {}
        windows.tell(self.finish)

    def finish(self, number: int) -> None:
        """The reply is out; a client that is still sending is told to stop."""
        stream = self.open.pop(number, None)
        if stream is None:
            return
        self._windows.drop(number)
        if not stream.has_ended:
            self._write(h2.rst_stream(number, NO_ERROR))
            self.remember(number)
        if not self.open:
            self._when_empty()

    def reset(self, number: int, code: int) -> None:
        """End a stream with RST_STREAM, whether it is open or was never."""
        self._write(h2.rst_stream(number, code))
        self.remember(number)
        self._forget(number)
        self._floods.count(self._loop.time())

    def cancel(self, number: int) -> None:
        """The client has reset the stream; what is at work for it works on, unheard.

        Raises:
            ConnectionFault: the client opens calls only to give them up.
        """
        stream = self.open.get(number)
        if stream is not None:
            self._forget(number)
            now_s = self._loop.time()
            if now_s - stream.opened_s < _QUICK_S:
                self._floods.count(now_s)

    def _forget(self, number: int) -> None:
        stream = self.open.pop(number, None)
        if stream is not None:
            stream.detach()
            self._windows.drop(number)
            if not self.open:
                self._when_empty()

    def remember(self, number: int) -> None:
        """Frames of this stream that are still under way are to be passed over."""
        self._reset[number] = None
        if len(self._reset) > _MOST_RESET:
            del self._reset[next(iter(self._reset))]

    def was_reset(self, number: int) -> bool:
        """Whether the stream ended here before its client can have known."""
        return number in self._reset

    def expire(self) -> float | None:
        """End the calls whose deadline is over; gives the seconds to the next deadline, None where there is none."""
        now_ns = time.monotonic_ns()
        due = [(stream.deadline_ns, stream) for stream in self.open.values() if stream.deadline_ns is not None]
        for deadline_ns, stream in due:
            if deadline_ns <= now_ns:
                self._end_late(stream)
        next_ns = min((deadline_ns for deadline_ns, _ in due if deadline_ns > now_ns), default=None)
        return None if next_ns is None else (next_ns - now_ns) / 1e9

    def _end_late(self, stream: Stream) -> None:
        if stream.is_open:
            stream.fail(DEADLINE_EXCEEDED, "Deadline Exceeded")
        else:  # answered, but the client does not take the answer
            self._write(h2.rst_stream(stream.number, CANCEL))
            self._forget(stream.number)

    def detach_all(self) -> None:
        """The connection is gone: nobody hears the calls that are still at work."""
        for stream in self.open.values():
            stream.detach()
        self.open.clear()
        self._windows.tell(None)
