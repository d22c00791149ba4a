"""HTTP/2 flow control on the sending side: what does not fit the peer's windows waits until it does."""

from __future__ import annotations

from collections.abc import Callable

from loadgen.protocols import frames as h2


class Outbox:
    """Message bytes of one connection that wait for window, in order of their streams."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self.window = self.initial = h2.DEFAULT_WINDOW
        self.largest = h2.DEFAULT_FRAME
        self._waiting: dict[int, tuple[memoryview, int, bytes]] = {}  # stream: bytes left, its window, last frame

    def takes(self, size: int) -> bool:
        """Whether `size` bytes may go out at once, in one frame; if so they are deducted from the window."""
        if self._waiting or size > self.window or size > self.largest or size > self.initial:
            return False
        self.window -= size
        return True

    def add(self, stream: int, message: bytes, last: bytes = b"") -> None:
        """Send `message` as the windows allow, then the frame `last`; without one the message ends the stream."""
        self._waiting[stream] = (memoryview(message), self.initial, last)
        self._pump()

    def drop(self, stream: int) -> None:
        """The stream is over; forget what it had left to say."""
        self._waiting.pop(stream, None)

    def open(self, stream: int, by: int) -> None:
        """WINDOW_UPDATE: `by` more bytes on `stream` (0: on the connection)."""
        if stream == 0:
            self.window += by
        elif stream in self._waiting:
            left, window, last = self._waiting[stream]
            self._waiting[stream] = (left, window + by, last)
        if self._waiting:
            self._pump()

    def settings(self, values: dict[int, int]) -> None:
        """The peer's SETTINGS; a new initial window also moves the streams that wait (RFC 9113, 6.9.2)."""
        self.largest = values.get(h2.MAX_FRAME_SIZE, self.largest)
        moved = values.get(h2.INITIAL_WINDOW_SIZE, self.initial) - self.initial
        self.initial += moved
        self._waiting = {s: (left, window + moved, last) for s, (left, window, last) in self._waiting.items()}
        self._pump()

    def _pump(self) -> None:
        for stream, (left, window, last) in list(self._waiting.items()):
            while left and (room := min(len(left), window, self.window, self.largest)) > 0:
                ends = h2.END_STREAM if room == len(left) and not last else 0
                self._write(h2.frame(h2.DATA, ends, stream, bytes(left[:room])))
                left, window = left[room:], window - room
                self.window -= room
            if left:
                self._waiting[stream] = (left, window, last)
            else:
                del self._waiting[stream]
                if last:
                    self._write(last)
