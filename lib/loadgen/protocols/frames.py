"""HTTP/2 frames (RFC 9113) as this package uses them, on both the client's and the scripted server's side."""

from __future__ import annotations

import struct
from functools import lru_cache

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITISED = 0x1, 0x1, 0x4, 0x8, 0x20
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = range(1, 6)
NO_ERROR, PROTOCOL_ERROR, REFUSED_STREAM, CANCEL = 0, 1, 7, 8
DEFAULT_WINDOW, DEFAULT_FRAME, LARGEST_WINDOW = 65_535, 16_384, 2**31 - 1
HEAD = struct.Struct(">HBBBI")  # length (16 + 8 bits), type, flags, stream
STREAM = struct.Struct(">I")
SETTING = struct.Struct(">HI")


def start(kind: int, flags: int, size: int) -> bytes:
    """The first five bytes of a frame; the stream number and `size` bytes of payload follow."""
    return struct.pack(">HBBB", size >> 8, size & 0xFF, kind, flags)


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """A whole frame."""
    return start(kind, flags, len(payload)) + STREAM.pack(stream) + payload


def settings(values: dict[int, int]) -> bytes:
    """A SETTINGS frame."""
    return frame(SETTINGS, 0, 0, b"".join(SETTING.pack(name, value) for name, value in values.items()))


def read_settings(payload: bytes) -> dict[int, int]:
    """The values of a SETTINGS frame."""
    return {name: value for name, value in SETTING.iter_unpack(payload)}


def window_update(stream: int, by: int) -> bytes:
    """A WINDOW_UPDATE frame: `by` more bytes may be sent on `stream` (0: on the connection)."""
    return frame(WINDOW_UPDATE, 0, stream, STREAM.pack(by))


def unpadded(payload: bytes, flags: int) -> bytes:
    """The payload of a DATA or HEADERS frame without padding and priority fields."""
    if flags & PADDED:
        payload = payload[1 : len(payload) - payload[0]]
    return payload[5:] if flags & PRIORITISED else payload


def literal(name: str, value: str) -> bytes:
    """A header field without indexing (RFC 7541, 6.2.2) and Huffman code: the same bytes on every stream."""
    return b"\x00" + b"".join(_length(len(text)) + text.encode() for text in (name, value))


def _length(size: int) -> bytes:
    """An HPACK integer with a 7-bit prefix (RFC 7541, 5.1)."""
    if size < 127:
        return bytes([size])
    rest, encoded = size - 127, [127]
    while rest >= 128:
        encoded.append(rest % 128 + 128)
        rest //= 128
    return bytes([*encoded, rest])


@lru_cache(maxsize=4096)
def read_status(block: bytes) -> tuple[int, int]:
    """HTTP and gRPC status in a header block; -1 where one is absent. Raises HPACKError or ValueError on nonsense.

    Every peer is told HEADER_TABLE_SIZE = 0, so a block means the same wherever it stands and may be remembered.
    """
    from hpack import Decoder  # only where gRPC is spoken

    decoder = Decoder()
    decoder.max_allowed_table_size = decoder.header_table_size = 0
    fields: dict[str | bytes, str | bytes] = dict(decoder.decode(block))
    return int(fields.get(":status", -1)), int(fields.get("grpc-status", -1))
