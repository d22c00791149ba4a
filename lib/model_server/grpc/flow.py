"""HTTP/2 flow control: what a reply may send now, what waits, and what a client may still send."""

from __future__ import annotations

from collections.abc import Callable

from model_server.grpc import frames as h2
from model_server.grpc.faults import FLOW_CONTROL_ERROR, ConnectionFault, StreamFault


class _Waiting:
    """What a reply has left to say: `left` of its message, then the frame `last`."""

    __slots__ = ("last", "left")

    def __init__(self, left: memoryview, last: bytes):
        self.left, self.last = left, last


class SendWindows:
    """The sending side of one connection. A stream's window is `initial` plus its credit."""

    __slots__ = ("_credits", "_done", "_waiting", "_write", "initial", "is_paused", "largest", "window")

    def __init__(self, write: Callable[[bytes], None]):
        self._write = write
        self._done: Callable[[int], None] | None = None
        self.window = self.initial = h2.DEFAULT_WINDOW
        self.largest = h2.DEFAULT_FRAME
        self.is_paused = False
        self._credits: dict[int, int] = {}  # streams whose window is not the initial one
        self._waiting: dict[int, _Waiting] = {}

    def tell(self, done: Callable[[int], None] | None) -> None:
        """Call `done(stream)` when a reply that had to wait has gone out with its last frame; None: nobody any more."""
        self._done = done

    def takes(self, stream: int, size: int) -> bool:
        """Whether the `size` bytes of a whole reply may go out at once in one frame; if so, they are counted."""
        if size > self.window or size > self.largest or size > self.initial + self._credits.get(stream, 0):
            return False
        if self.is_paused or self._waiting.get(stream) is not None:
            return False
        self.window -= size
        return True

    def add(self, stream: int, message: bytes, last: bytes = b"") -> None:
        """Send `message` as the windows allow, then the frame `last`."""
        waiting = self._waiting.get(stream)
        if waiting is None:
            self._waiting[stream] = _Waiting(memoryview(message), last)
        else:  # a message of a stream of messages that waits behind another
            waiting.left, waiting.last = memoryview(bytes(waiting.left) + message), last
        self._push(stream)

    def drop(self, stream: int) -> None:
        """The stream is over; forget what it had left to say, and its window."""
        self._waiting.pop(stream, None)
        self._credits.pop(stream, None)

    def is_waiting(self, stream: int) -> bool:
        """Whether something of the stream's reply is still to be sent."""
        return stream in self._waiting

    def open(self, stream: int, by: int) -> None:
        """WINDOW_UPDATE: `by` more bytes on `stream` (0: on the connection).

        Raises:
            ConnectionFault, StreamFault: the window is above 2^31-1 then.
        """
        if stream == 0:
            self.window += by
            if self.window > h2.LARGEST_WINDOW:
                raise ConnectionFault(FLOW_CONTROL_ERROR, "the connection's window is above 2^31-1")
            self.push_all()
            return
        credit = self._credits.get(stream, 0) + by
        if self.initial + credit > h2.LARGEST_WINDOW:
            raise StreamFault(stream, FLOW_CONTROL_ERROR, "the stream's window is above 2^31-1")
        self._credits[stream] = credit
        self._push(stream)

    def settings(self, values: dict[int, int]) -> None:
        """The peer's SETTINGS; a new initial window moves that of every stream (RFC 9113, 6.9.2).

        Raises:
            ConnectionFault: a stream's window is above 2^31-1 then.
        """
        self.largest = min(values.get(h2.MAX_FRAME_SIZE, self.largest), 1 << 20)
        self.initial = values.get(h2.INITIAL_WINDOW_SIZE, self.initial)
        if self._credits and self.initial + max(self._credits.values()) > h2.LARGEST_WINDOW:
            raise ConnectionFault(FLOW_CONTROL_ERROR, "SETTINGS open a stream's window above 2^31-1")
        self.push_all()

    def push_all(self) -> None:
        """Send what the windows allow, in the order in which the replies came."""
        for stream in list(self._waiting):
            self._push(stream)

    def _push(self, stream: int) -> None:
        waiting = self._waiting.get(stream)
        if waiting is None:
            return
        left = waiting.left
        while left and not self.is_paused:
            room = min(len(left), self.window, self.largest, self.initial + self._credits.get(stream, 0))
            if room <= 0:
                break
            self._write(h2.frame(h2.DATA, 0, stream, bytes(left[:room])))
            self.window -= room
            self._credits[stream] = self._credits.get(stream, 0) - room
            left = left[room:]
        waiting.left = left
        if not left and not self.is_paused:
            del self._waiting[stream]
            if waiting.last:
                self._write(waiting.last)
                if self._done is not None:
                    self._done(stream)


class ReceiveWindow:
    """The receiving side of a window: what the peer may still send; it is opened again when half of it is used."""

    __slots__ = ("_room", "_size", "_stream")

    def __init__(self, stream: int, size: int):
        self._stream, self._size, self._room = stream, size, size

    def take(self, length: int) -> bytes:
        """Count `length` bytes that came; gives the WINDOW_UPDATE frame to send for them, if it is time for one.

        Raises:
            ConnectionFault, StreamFault: the peer sent more than it may.
        """
        self._room -= length
        if self._room * 2 > self._size:
            return b""
        if self._room < 0:
            if self._stream:
                raise StreamFault(self._stream, FLOW_CONTROL_ERROR, "more than the stream's window was sent")
            raise ConnectionFault(FLOW_CONTROL_ERROR, "more than the connection's window was sent")
        by = self._size - self._room
        self._room = self._size
        return h2.window_update(self._stream, by)
