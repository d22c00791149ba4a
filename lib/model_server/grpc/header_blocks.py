"""Puts the header block of a stream together from HEADERS and CONTINUATION frames."""

from __future__ import annotations

from model_server.grpc import frames as h2
from model_server.grpc.faults import ENHANCE_YOUR_CALM, FRAME_SIZE_ERROR, PROTOCOL_ERROR, ConnectionFault
from model_server.grpc.limits import MOST_BLOCK, MOST_CONTINUATIONS


class HeaderBlock:
    """A block of which more is to come; `flags` are those of its HEADERS frame."""

    __slots__ = ("_count", "data", "flags", "stream")

    def __init__(self, stream: int, flags: int, data: bytes):
        self.stream, self.flags, self.data, self._count = stream, flags, data, 0

    def add(self, kind: int, stream: int, part: bytes) -> None:
        """The next frame of the connection, which has to be CONTINUATION of this stream.

        Raises:
            ConnectionFault: it is another, or the block takes too much.
        """
        if kind != h2.CONTINUATION or stream != self.stream:
            raise ConnectionFault(PROTOCOL_ERROR, "expected CONTINUATION of the header block that was begun")
        self._count += 1
        if self._count > MOST_CONTINUATIONS or len(self.data) + len(part) > MOST_BLOCK:
            raise ConnectionFault(ENHANCE_YOUR_CALM, "a header block in too many or too large CONTINUATION frames")
        self.data += part


def fragment(data: bytes, begin: int, end: int, flags: int) -> bytes:
    """The block's part in the payload `data[begin:end]` of a HEADERS frame, without padding and priority.

    Raises:
        ConnectionFault: the frame is too short for them.
    """
    begin, end = h2.content(data, begin, end, flags)
    if flags & h2.PRIORITISED:
        begin += 5
        if begin > end:
            raise ConnectionFault(FRAME_SIZE_ERROR, "HEADERS is too short for its priority")
    return data[begin:end]
