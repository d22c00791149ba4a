"""Unary gRPC calls encoded beforehand: their header block, and each message with its prefix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from loadgen.level import authority
from loadgen.protocols import frames as h2
from loadgen.protocols.frames import STREAM

NO_TABLE = b"\x20"  # dynamic table size update to 0 (RFC 7541, 4.2 and 6.3): a server may have asked for it
HTTP_SCHEME, HTTPS = b"\x86", b"\x87"  # :scheme, by its number in HPACK's static table
PREFIX = 5  # bytes before a gRPC message: compressed or not, its length; kept replies have it too
NONE: Mapping[str, str] = MappingProxyType({})


def encode(
    host: str, port: int, path: str, bodies: Sequence[bytes], headers: Mapping[str, str] = NONE, tls: bool = False
) -> tuple[bytes, list[bytes]]:
    """The header block of every call, and each body with its gRPC prefix; `headers` are metadata."""
    given = {name.lower(): value for name, value in headers.items()}
    named = {
        ":path": path,
        ":authority": given.pop("host", authority(host, port)),
        "content-type": "application/grpc",
        "te": "trailers",
        "user-agent": "loadgen",
        **given,
    }
    block = NO_TABLE + b"\x83" + (HTTPS if tls else HTTP_SCHEME)  # POST
    return block + b"".join(h2.literal(name, value) for name, value in named.items()), [
        b"\x00" + STREAM.pack(len(body)) + body for body in bodies
    ]
