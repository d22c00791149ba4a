"""Header blocks of replies. None of their fields enters HPACK's table: a block is the same bytes on every stream."""

from __future__ import annotations

from urllib.parse import quote_from_bytes

from hpack.hpack import encode_integer

_STATUS_200 = b"\x88"  # indexed: RFC 7541, appendix A
_MOST_MESSAGE = 1024  # bytes of a status text, as TensorFlow Serving cuts it
_PLAIN = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")


def literal(name: bytes, value: bytes) -> bytes:
    """A header field without indexing and without Huffman code (RFC 7541, 6.2.2)."""
    return b"\x00" + b"".join(bytes(encode_integer(len(text), 7)) + text for text in (name, value))


_CONTENT_TYPE = literal(b"content-type", b"application/grpc")
_ACCEPT = literal(b"grpc-accept-encoding", b"identity, deflate, gzip")
RESPONSE = _STATUS_200 + _CONTENT_TYPE + _ACCEPT
GZIP_RESPONSE = RESPONSE + literal(b"grpc-encoding", b"gzip")
TRAILERS_ONLY = _STATUS_200 + _CONTENT_TYPE


def trailers(code: int, text: str) -> bytes:
    """The block that ends a reply: status and, percent-encoded, its text."""
    block = literal(b"grpc-status", b"%d" % code)
    return block + literal(b"grpc-message", percent_encoded(shortened(text))) if text else block


OK_TRAILERS = trailers(0, "")


def shortened(message: str) -> str:
    """A status text as TensorFlow Serving cuts it: 1024 bytes, then `...TRUNCATED`."""
    data = message.encode("utf-8", "replace")
    if len(data) <= _MOST_MESSAGE:
        return message
    return data[:_MOST_MESSAGE].decode("utf-8", "ignore") + "...TRUNCATED"


def percent_encoded(text: str) -> bytes:
    """A status text as gRPC sends it: all but printable ASCII, and the percent sign, as %XX."""
    return quote_from_bytes(text.encode("utf-8", "replace"), safe=_PLAIN).encode()
