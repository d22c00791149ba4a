"""gRPC's length-prefixed messages: one flag byte, four of length, then the message, perhaps compressed."""

from __future__ import annotations

import struct
import zlib

from model_server.errors import INTERNAL, RESOURCE_EXHAUSTED, UNIMPLEMENTED, ServingError

PREFIX = struct.Struct(">BI")
PREFIX_SIZE = PREFIX.size
MOST_INFLATED = 100 << 20  # as over REST: a few compressed bytes must not take all memory
_WINDOW_BITS = {b"gzip": 31, b"deflate": 15}


def check_start(body: bytes | bytearray, most: int) -> None:
    """Refuse a message by its prefix, before the rest of it is here. `body`: what has come of the stream so far.

    Raises:
        ServingError: RESOURCE_EXHAUSTED for more than `most` bytes, INTERNAL for bytes behind the message.
    """
    if len(body) < PREFIX_SIZE:
        return
    _, size = PREFIX.unpack_from(body)
    if size > most:
        raise too_large(size, most)
    if len(body) > PREFIX_SIZE + size:
        raise ServingError(INTERNAL, "expected one request message, got more")


def too_large(size: int, most: int) -> ServingError:
    """The refusal of a message above --grpc_channel_arguments=grpc.max_receive_message_length."""
    return ServingError(RESOURCE_EXHAUSTED, f"SERVER: Received message larger than max ({size} vs. {most})")


def read(body: bytes | bytearray, encoding: bytes, most: int) -> bytes:
    """The message in everything a stream brought.

    Raises:
        ServingError: there is not one whole message, or it cannot be decompressed.
    """
    check_start(body, most)
    if not body:
        raise ServingError(INTERNAL, "No payload")
    if len(body) < PREFIX_SIZE or len(body) != PREFIX_SIZE + PREFIX.unpack_from(body)[1]:
        raise ServingError(INTERNAL, "the request message is cut off")
    compressed = body[0]
    message = bytes(memoryview(body)[PREFIX_SIZE:])
    if not compressed:
        return message
    if compressed > 1:
        raise ServingError(INTERNAL, f"expected a message flag of 0 or 1, got {compressed}")
    return _inflated(message, encoding, min(most, MOST_INFLATED))


def _inflated(message: bytes, encoding: bytes, most: int) -> bytes:
    if encoding == b"identity":
        raise ServingError(INTERNAL, "a compressed message came without grpc-encoding")
    if encoding not in _WINDOW_BITS:
        shown = encoding[:40].decode("latin-1")
        raise ServingError(UNIMPLEMENTED, f"expected grpc-encoding identity, deflate or gzip, got {shown}")
    inflater = zlib.decompressobj(_WINDOW_BITS[encoding])
    try:
        data = inflater.decompress(message, most + 1)
    except zlib.error as error:
        raise ServingError(INTERNAL, f"the request message is no {encoding.decode()}: {error}") from None
    if len(data) > most:
        raise too_large(len(data), most)
    if not inflater.eof or inflater.unused_data:
        raise ServingError(INTERNAL, f"the request message is no whole {encoding.decode()}")
    return data


def prefixed(message: bytes, gzip: bool = False) -> bytes:
    """A message as it goes out."""
    if gzip:
        deflater = zlib.compressobj(wbits=31)
        message = deflater.compress(message) + deflater.flush()
    return PREFIX.pack(gzip, len(message)) + message
