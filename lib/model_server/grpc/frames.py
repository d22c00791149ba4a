"""HTTP/2 frames (RFC 9113): numbers, layouts, and how a frame is written.

The load generator has a module of this name for the client's side. The two share some forty lines of numbers from the
RFC; a third package for those would be one more wall to keep, and neither side could change what it leaves out.
"""

from __future__ import annotations

import struct

from model_server.grpc.faults import FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, PROTOCOL_ERROR, ConnectionFault

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITISED = 0x1, 0x1, 0x4, 0x8, 0x20
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE = (
    range(1, 7)
)
DEFAULT_WINDOW, LARGEST_WINDOW = 65_535, 2**31 - 1
DEFAULT_FRAME, LARGEST_FRAME = 16_384, 2**24 - 1
LAST_STREAM = 2**31 - 1
HEAD = struct.Struct(">HBBBI")  # length (16 + 8 bits), type, flags, stream
HEAD_SIZE = HEAD.size
STREAM = struct.Struct(">I")
_SETTING = struct.Struct(">HI")


def start(kind: int, flags: int, size: int) -> bytes:
    """The first five bytes of a frame; the stream number and `size` bytes of payload follow."""
    return struct.pack(">HBBB", size >> 8, size & 0xFF, kind, flags)


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """A whole frame."""
    return start(kind, flags, len(payload)) + STREAM.pack(stream) + payload


def settings(values: dict[int, int]) -> bytes:
    """A SETTINGS frame."""
    return frame(SETTINGS, 0, 0, b"".join(_SETTING.pack(name, value) for name, value in values.items()))


def window_update(stream: int, by: int) -> bytes:
    """A WINDOW_UPDATE frame: `by` more bytes may be sent on `stream` (0: on the connection)."""
    return frame(WINDOW_UPDATE, 0, stream, STREAM.pack(by))


def rst_stream(stream: int, code: int) -> bytes:
    """A RST_STREAM frame."""
    return frame(RST_STREAM, 0, stream, STREAM.pack(code))


def goaway(last_stream: int, code: int, text: str = "") -> bytes:
    """A GOAWAY frame: streams above `last_stream` were not looked at."""
    return frame(GOAWAY, 0, 0, STREAM.pack(last_stream) + STREAM.pack(code) + text.encode())


def read_settings(payload: bytes) -> dict[int, int]:
    """The values of a SETTINGS frame.

    Raises:
        ConnectionFault: its length or a value is wrong (RFC 9113, 6.5).
    """
    if len(payload) % _SETTING.size:
        raise ConnectionFault(FRAME_SIZE_ERROR, "SETTINGS is no multiple of six bytes")
    values = {}
    for name, value in _SETTING.iter_unpack(payload):  # each counts, also one that the next overrules
        _check_setting(name, value)
        values[name] = value
    return values


def _check_setting(name: int, value: int) -> None:
    if name == ENABLE_PUSH and value > 1:
        raise ConnectionFault(PROTOCOL_ERROR, "ENABLE_PUSH is neither 0 nor 1")
    if name == INITIAL_WINDOW_SIZE and value > LARGEST_WINDOW:
        raise ConnectionFault(FLOW_CONTROL_ERROR, "INITIAL_WINDOW_SIZE is above 2^31-1")
    if name == MAX_FRAME_SIZE and not DEFAULT_FRAME <= value <= LARGEST_FRAME:
        raise ConnectionFault(PROTOCOL_ERROR, "MAX_FRAME_SIZE is not within 2^14 and 2^24-1")


def content(data: bytes, begin: int, end: int, flags: int) -> tuple[int, int]:
    """Where the content of a padded DATA or HEADERS payload `data[begin:end]` begins and ends (RFC 9113, 6.1).

    Raises:
        ConnectionFault: the padding is longer than the payload.
    """
    if not flags & PADDED:
        return begin, end
    if begin == end:
        raise ConnectionFault(FRAME_SIZE_ERROR, "a padded frame is empty")
    begin, end = begin + 1, end - data[begin]
    if end < begin:
        raise ConnectionFault(PROTOCOL_ERROR, "padding is longer than its frame")
    return begin, end
