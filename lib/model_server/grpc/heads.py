"""Header blocks of requests, read by hpack and remembered: clients send the same block with nearly every call.

A client is told HEADER_TABLE_SIZE = 0. Once it has acknowledged that, its dynamic table is empty for good, so a block
means the same wherever it stands, on every connection, and what it says may be kept under its bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hpack import Decoder, OversizedHeaderListError

from model_server.errors import INTERNAL, RESOURCE_EXHAUSTED
from model_server.grpc.faults import COMPRESSION_ERROR, ENHANCE_YOUR_CALM, ConnectionFault

_MOST_KNOWN, _LONGEST_KNOWN = 4096, 1024
_LARGEST_LIST = 1 << 17  # bytes a block may unfold to: beyond it the connection ends
_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
_VALUE = re.compile(rb"[^\x00\r\n]*")
_TIMEOUT = re.compile(rb"(\d{1,8})([HMSmun])")
_UNITS_NS = {b"H": 3600 * 10**9, b"M": 60 * 10**9, b"S": 10**9, b"m": 10**6, b"u": 10**3, b"n": 1}
_CONNECTION_SPECIFIC = frozenset({b"connection", b"proxy-connection", b"keep-alive", b"transfer-encoding", b"upgrade"})
_PSEUDO = frozenset({b":method", b":scheme", b":path", b":authority"})
Fields = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Head:
    """What a request's header block says.

    `size`: bytes as HTTP/2 counts a header list. `length`: of the body, -1 where it is not told. `malformed`: why the
    stream must be reset. `refusal`: gRPC status and text where the call must not begin.
    """

    path: bytes = b""
    timeout_ns: int | None = None
    encoding: bytes = b"identity"
    accepts_gzip: bool = False
    length: int = -1
    size: int = 0
    malformed: str = ""
    refusal: tuple[int, str] | None = None

    @property
    def is_plain(self) -> bool:
        """Whether the call may begin."""
        return not self.malformed and self.refusal is None


_known: dict[bytes, Head] = {}


class HeadReader:
    """Reads the header blocks of one connection, in their order. `most_metadata`: bytes a header list may have."""

    __slots__ = ("_decoder", "_most_metadata", "_settled")

    def __init__(self, most_metadata: int):
        self._decoder = Decoder(_LARGEST_LIST)
        self._most_metadata = most_metadata
        self._settled = False

    def settle(self) -> None:
        """The client has acknowledged HEADER_TABLE_SIZE = 0."""
        self._decoder.max_allowed_table_size = 0

    def read(self, block: bytes) -> Head:
        """What a request's block says.

        Raises:
            ConnectionFault: it cannot be decoded.
        """
        if self._settled:
            head = _known.get(block)
            if head is not None:
                return self._limited(head)
        head = head_of(self.fields(block))
        if self._decoder.header_table_size == 0:
            self._settled = True
            if len(block) <= _LONGEST_KNOWN:
                _remember(block, head)
        return self._limited(head)

    def fields(self, block: bytes) -> Fields:
        """Names and values of a block.

        Raises:
            ConnectionFault: it cannot be decoded.
        """
        try:
            return [(name, value) for name, value in self._decoder.decode(block, raw=True)]
        except OversizedHeaderListError as error:
            raise ConnectionFault(ENHANCE_YOUR_CALM, str(error)) from None
        except Exception as error:  # whatever hpack stumbles over, its table is no longer the client's
            raise ConnectionFault(COMPRESSION_ERROR, f"{type(error).__name__}: {error}") from None

    def _limited(self, head: Head) -> Head:
        if head.size <= self._most_metadata or not head.is_plain:
            return head
        text = f"received metadata size exceeds hard limit ({head.size} vs. {self._most_metadata})"
        return Head(size=head.size, refusal=(RESOURCE_EXHAUSTED, text))


def _remember(block: bytes, head: Head) -> None:
    if len(_known) >= _MOST_KNOWN:
        _known.clear()
    _known[block] = head


def head_of(fields: Fields) -> Head:
    """The fields of a request, checked as RFC 9113, 8 and the gRPC protocol over HTTP/2 demand."""
    values = dict(fields)
    if reason := malformed(fields, _PSEUDO) or _incomplete(fields, values):
        return Head(malformed=reason)
    timeout_ns, refusal = None, None
    if b"grpc-timeout" in values:
        timeout_ns = read_timeout_ns(values[b"grpc-timeout"])
        if timeout_ns is None:
            refusal = INTERNAL, "malformed grpc-timeout: " + values[b"grpc-timeout"][:40].decode("latin-1")
    return Head(
        path=values[b":path"],
        timeout_ns=timeout_ns,
        encoding=values.get(b"grpc-encoding", b"identity"),
        accepts_gzip=b"gzip" in re.split(rb"[ ,]+", values.get(b"grpc-accept-encoding", b"")),
        length=int(values.get(b"content-length", -1)),
        size=sum(len(name) + len(value) + 32 for name, value in fields),
        refusal=refusal,
    )


def malformed(fields: Fields, pseudo: frozenset[bytes]) -> str:
    """Why these fields are no request's (`pseudo`: the pseudo-fields they may hold) or no trailers'; "" if they are."""
    names, regular = set(), False
    for name, value in fields:
        if name.startswith(b":"):
            if name not in pseudo or name in names or regular:
                return f"pseudo-field {name!r} is unknown, repeated or late"
            names.add(name)
        else:
            regular = True
            if not _NAME.fullmatch(name) or name in _CONNECTION_SPECIFIC:
                return f"field name {name!r}"
        if not _VALUE.fullmatch(value) or (name == b"te" and value != b"trailers"):
            return f"value of {name!r}"
    return ""


def _incomplete(fields: Fields, values: dict[bytes, bytes]) -> str:
    if values.get(b":method", b"") == b"" or values.get(b":path", b"") == b"" or b":scheme" not in values:
        return "a request needs :method, :scheme and :path"
    if values[b":method"] != b"POST" or b"te" not in values:  # gRPC looks at both, and not at the content-type
        return "a call is a POST with te: trailers"
    lengths = {value for name, value in fields if name == b"content-length"}
    if len(lengths) > 1 or not all(length.isdigit() and len(length) < 19 for length in lengths):
        return "content-length is no number"
    return ""


def read_timeout_ns(text: bytes) -> int | None:
    """Nanoseconds of a grpc-timeout such as `250m`; None where it is none."""
    match = _TIMEOUT.fullmatch(text)
    return int(match[1]) * _UNITS_NS[match[2]] if match else None
