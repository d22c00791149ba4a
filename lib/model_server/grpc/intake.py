"""From HEADERS and DATA frames to calls: opens streams, gathers requests, hands whole ones to their handlers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from model_server.errors import INTERNAL, UNIMPLEMENTED, ServingError
from model_server.grpc import frames as h2
from model_server.grpc import messages
from model_server.grpc.faults import PROTOCOL_ERROR, REFUSED_STREAM, STREAM_CLOSED, ConnectionFault, StreamFault
from model_server.grpc.flow import ReceiveWindow
from model_server.grpc.header_blocks import HeaderBlock, fragment
from model_server.grpc.heads import Head, HeadReader, malformed
from model_server.grpc.limits import CONNECTION_WINDOW, STREAM_WINDOW, ChannelLimits, FloodGuard
from model_server.grpc.messages import PREFIX_SIZE
from model_server.grpc.stream import Handler, Stream
from model_server.grpc.streams import Streams
from model_server.grpc.writer import Writer


class Intake:
    """The receiving side of the calls of one connection.

    Args:
        watch: Called with the seconds to a call's deadline.

    Attributes:
        block: The header block that was begun and is not whole yet.
        is_closed: No new calls are taken: they are reset as REFUSED_STREAM, so that their client asks elsewhere.
    """

    __slots__ = (
        "_floods",
        "_heads",
        "_limits",
        "_loop",
        "_methods",
        "_most_receive",
        "_streams",
        "_watch",
        "_window",
        "_write",
        "_writer",
        "block",
        "is_closed",
    )  # fmt: skip

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        write: Callable[[bytes], None],
        methods: Mapping[bytes, Handler],
        limits: ChannelLimits,
        heads: HeadReader,
        floods: FloodGuard,
        streams: Streams,
        writer: Writer,
        watch: Callable[[float], None],
    ):
        self._loop, self._write, self._methods, self._limits = loop, write, methods, limits
        self._heads, self._floods, self._streams, self._writer, self._watch = heads, floods, streams, writer, watch
        self._window, self._most_receive = ReceiveWindow(0, CONNECTION_WINDOW), limits.most_receive
        self.block: HeaderBlock | None = None
        self.is_closed = False

    def headers(self, number: int, flags: int, data: bytes, begin: int, end: int) -> None:
        """A HEADERS frame with the payload `data[begin:end]`.

        Raises:
            ConnectionFault, StreamFault: the frame, or what it says, is wrong.
        """
        if not number & 1:
            raise ConnectionFault(PROTOCOL_ERROR, "HEADERS on a stream that no client opens")
        whole = flags & h2.PADDED == 0 and flags & h2.PRIORITISED == 0
        part = data[begin:end] if whole else fragment(data, begin, end, flags)
        if flags & h2.END_HEADERS:
            self._whole_block(number, flags, part)
        else:
            self.block = HeaderBlock(number, flags, part)

    def more_headers(self, kind: int, number: int, flags: int, part: bytes) -> None:
        """The frame behind a HEADERS or CONTINUATION frame without END_HEADERS.

        Raises:
            ConnectionFault, StreamFault: the frame, or what it says, is wrong.
        """
        block = self.block
        assert block is not None
        block.add(kind, number, part)
        if flags & h2.END_HEADERS:
            self.block = None
            self._whole_block(number, block.flags, block.data)

    def _whole_block(self, number: int, flags: int, block: bytes) -> None:
        streams = self._streams
        if number <= streams.last:
            self._late_block(number, flags, block)
            return
        streams.last = number
        head = self._heads.read(block)
        if self.is_closed or len(streams.open) >= self._limits.most_streams:
            raise StreamFault(number, REFUSED_STREAM, "one stream too many")
        if head.malformed or (flags & h2.END_STREAM and head.length > 0):
            raise StreamFault(number, PROTOCOL_ERROR, head.malformed or "content-length without content")
        self._open(Stream(self._writer, number, head, self._loop.time()), bool(flags & h2.END_STREAM))

    def _open(self, stream: Stream, has_ended: bool) -> None:
        head = stream.head
        stream.has_ended = has_ended
        self._streams.open[stream.number] = stream
        stream.handler = self._methods.get(head.path)
        if stream.handler is None or not head.is_plain:
            self._refuse(stream, head)
        elif head.timeout_ns is not None:
            stream.deadline_ns = time.monotonic_ns() + head.timeout_ns
            self._watch(head.timeout_ns / 1e9)
        if has_ended and stream.is_open:
            self._end(stream)

    def _refuse(self, stream: Stream, head: Head) -> None:
        if head.refusal is not None:
            stream.fail(*head.refusal)
        else:
            stream.fail(UNIMPLEMENTED, "")

    def _late_block(self, number: int, flags: int, block: bytes) -> None:
        """Trailers, or a block on a stream that is over; it is decoded in any case, as it may change hpack's table."""
        reason = malformed(self._heads.fields(block), frozenset())
        stream = self._streams.open.get(number)
        if stream is None:
            if not self._streams.was_reset(number):
                raise ConnectionFault(STREAM_CLOSED, "HEADERS on a stream that is over")
        elif stream.has_ended:
            raise StreamFault(number, STREAM_CLOSED, "HEADERS behind the end of a request")
        elif reason or not flags & h2.END_STREAM:
            raise StreamFault(number, PROTOCOL_ERROR, reason or "trailers that end nothing")
        else:
            self._end(stream)

    def data(self, number: int, flags: int, data: bytes, begin: int, end: int) -> None:
        """A DATA frame with the payload `data[begin:end]`; often a whole request.

        Raises:
            ConnectionFault, StreamFault: the frame is wrong, or more than a window allows.
        """
        length = end - begin
        update = self._window.take(length)
        if update:
            self._write(update)
        stream = self._streams.open.get(number)
        if stream is None or stream.has_ended:
            self._stray(number, stream)
            return
        if flags & h2.PADDED:
            begin, end = h2.content(data, begin, end, flags)
        size = end - begin - PREFIX_SIZE
        if (
            flags & h2.END_STREAM
            and stream.body is None
            and size >= 0
            and data[begin] == 0
            and int.from_bytes(data[begin + 1 : begin + PREFIX_SIZE], "big") == size
            and stream.head.length in (-1, size + PREFIX_SIZE)
            and size <= self._most_receive
        ):
            stream.has_ended = True
            self._call(stream, data[begin + PREFIX_SIZE : end])
        else:
            self._gather(stream, data[begin:end], length, bool(flags & h2.END_STREAM))

    def _stray(self, number: int, stream: Stream | None) -> None:
        if number > self._streams.last or not number & 1:
            raise ConnectionFault(PROTOCOL_ERROR, "DATA on an idle stream")
        if stream is not None or not self._streams.was_reset(number):
            raise StreamFault(number, STREAM_CLOSED, "DATA behind the end of a request")

    def _gather(self, stream: Stream, part: bytes, length: int, has_ended: bool) -> None:
        """A part of a request; `length`: with its padding."""
        if stream.body is None or stream.window is None:
            stream.body, stream.window = bytearray(), ReceiveWindow(stream.number, STREAM_WINDOW)
        update = stream.window.take(length)
        if not part and not has_ended:
            self._floods.count(self._loop.time())
        stream.body += part
        announced = stream.head.length
        if announced >= 0 and (len(stream.body) > announced or (has_ended and len(stream.body) < announced)):
            raise StreamFault(stream.number, PROTOCOL_ERROR, "content-length is not the content's")
        try:
            messages.check_start(stream.body, self._most_receive)
        except ServingError as error:
            stream.has_ended = has_ended
            stream.fail(error.code, error.message)
            return
        if has_ended:
            self._end(stream)
        elif update:
            self._write(update)

    def _end(self, stream: Stream) -> None:
        """The client has said everything, in several frames."""
        stream.has_ended = True
        body, stream.body = stream.body or b"", None
        try:
            message = messages.read(body, stream.head.encoding, self._most_receive)
        except ServingError as error:
            stream.fail(error.code, error.message)
            return
        self._call(stream, message)

    def _call(self, stream: Stream, message: bytes) -> None:
        try:
            stream.handler(message, stream)  # type: ignore[misc]
        except Exception as error:  # a mistake of ours must not take the connection's other calls with it
            stream.fail(INTERNAL, f"{type(error).__name__}: {error}")
