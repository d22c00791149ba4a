"""One HTTP/2 connection of a gRPC client: splits what it reads into frames, and how it begins and ends."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from model_server.grpc import control
from model_server.grpc import frames as h2
from model_server.grpc.faults import FRAME_SIZE_ERROR, NO_ERROR, PROTOCOL_ERROR, ConnectionFault, StreamFault
from model_server.grpc.flow import SendWindows
from model_server.grpc.heads import HeadReader
from model_server.grpc.intake import Intake
from model_server.grpc.limits import CONNECTION_WINDOW, STREAM_WINDOW, ChannelLimits, FloodGuard
from model_server.grpc.stream import Handler
from model_server.grpc.streams import Streams
from model_server.grpc.upkeep import Upkeep
from model_server.grpc.writer import Writer

_LINGER_S = 10.0  # how long a client may take to read the last replies
_NO_PREFACE = "expected HTTP/2's preface: this is the gRPC port, REST is on --rest_api_port"
_OPENING = len(h2.PREFACE) + h2.HEAD_SIZE  # the preface and the head of the client's first frame


class Http2Connection(asyncio.Protocol):
    """Feeds each complete request to the handler of its path. `over_tls`: the client must have asked for h2 (ALPN)."""

    def __init__(self, methods: Mapping[bytes, Handler], limits: ChannelLimits, over_tls: bool = False):
        self._methods, self._limits, self._over_tls = methods, limits, over_tls
        self._largest = limits.largest_frame
        self._rest = b""
        self._is_greeted = self._is_leaving = self._is_over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        tls = transport.get_extra_info("ssl_object")
        if self._over_tls and (tls is None or tls.selected_alpn_protocol() != "h2"):
            self._is_over = True
            self._transport.abort()
            return
        loop, limits, write = asyncio.get_running_loop(), self._limits, self._transport.write
        floods, heads, windows = FloodGuard(loop.time()), HeadReader(limits.most_metadata), SendWindows(write)
        self._loop, self._write, self._windows = loop, write, windows
        self._streams = streams = Streams(loop, write, windows, floods, self._emptied)
        self._control = control.Control(write, limits, windows, heads, floods, streams, self.leave_now)
        writer = Writer(write, windows, self._control, limits, streams.finish)
        self._upkeep = Upkeep(loop, limits, self)
        self._intake = Intake(loop, write, self._methods, limits, heads, floods, streams, writer, self._upkeep.watch)
        write(control.greeting(limits, STREAM_WINDOW, CONNECTION_WINDOW))

    def connection_lost(self, error: Exception | None) -> None:
        """The client went away; what is still running for it runs on."""
        self._is_over = True
        if not hasattr(self, "_upkeep"):
            return
        self._upkeep.stop()
        self._streams.detach_all()
        del self._upkeep, self._streams, self._control, self._intake, self._windows, self._write, self._transport

    def pause_writing(self) -> None:
        """The client does not read: nothing more is read from it, so that replies do not pile up."""
        if not self._is_over:
            self._windows.is_paused = True
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        if not self._is_over:
            self._windows.is_paused = False
            self._transport.resume_reading()
            self._windows.push_all()

    def data_received(self, data: bytes) -> None:
        """Frames of any number of calls."""
        if self._is_over:
            return
        self._upkeep.has_heard = True
        if self._rest:
            data = self._rest + data
        try:
            position = 0 if self._is_greeted else self._greet(data)
            self._rest = data[self._read(data, position) :] if self._is_greeted else data
        except ConnectionFault as fault:
            self._end(fault.code, fault.text)

    def _greet(self, data: bytes) -> int:
        """Where the frames begin, once the client's preface and the head of its first frame are here."""
        if not h2.PREFACE.startswith(data[: len(h2.PREFACE)]):
            raise ConnectionFault(PROTOCOL_ERROR, _NO_PREFACE)
        if len(data) < _OPENING:
            return 0
        if data[len(h2.PREFACE) + 3] != h2.SETTINGS:
            raise ConnectionFault(PROTOCOL_ERROR, "expected SETTINGS as the first frame")
        self._is_greeted = True
        self._upkeep.greeted()
        return len(h2.PREFACE)

    def _read(self, data: bytes, position: int) -> int:
        """Act on the whole frames in `data` from `position` on; gives where the rest begins."""
        size, unpack, intake = len(data), h2.HEAD.unpack_from, self._intake
        while size - position >= h2.HEAD_SIZE and not self._is_over:
            high, low, kind, flags, number = unpack(data, position)
            begin = position + h2.HEAD_SIZE
            end = begin + (high << 8 | low)
            if end - begin > self._largest:
                raise ConnectionFault(FRAME_SIZE_ERROR, f"a frame of {end - begin} bytes, at most {self._largest} fit")
            if end > size:
                break
            position = end
            number &= h2.LAST_STREAM
            try:
                if intake.block is not None:
                    intake.more_headers(kind, number, flags, data[begin:end])
                elif kind == h2.DATA:
                    intake.data(number, flags, data, begin, end)
                elif kind == h2.HEADERS:
                    intake.headers(number, flags, data, begin, end)
                else:
                    self._control.take(kind, flags, number, data[begin:end], self._loop.time())
            except StreamFault as fault:
                self._streams.reset(fault.stream, fault.code)
        return position

    def _emptied(self) -> None:
        """No call is open any more."""
        self._upkeep.idle_since_s = self._loop.time()
        if self._intake.is_closed and not self._is_over:
            self._close()

    def _end(self, code: int, text: str) -> None:
        """GOAWAY, and hang up."""
        if not self._is_over:
            self._write(h2.goaway(self._streams.last, code, text))
            self._close()

    def _close(self) -> None:
        self._is_over = True
        self._upkeep.stop()
        self._streams.detach_all()
        self._transport.close()  # what was written still goes out, to a client that reads
        if self._transport.get_write_buffer_size():
            self._loop.call_later(_LINGER_S, self._transport.abort)

    def is_idle(self) -> bool:
        """Whether no call is on it."""
        return not self._streams.open

    def ping(self) -> None:
        """Ask whether the client is there."""
        self._write(h2.frame(h2.PING, 0, 0, b"alive?\0\0"))

    def leave(self) -> None:
        """Take no new calls soon: a first GOAWAY, for streams that are still to come, and a ping behind it."""
        if not self._is_leaving:
            self._is_leaving = True
            self._write(h2.goaway(h2.LAST_STREAM, NO_ERROR) + h2.frame(h2.PING, 0, 0, control.LEAVING))

    def leave_now(self) -> None:
        """The client has seen the first GOAWAY: the second says which streams are still served."""
        if self._is_leaving and not self._intake.is_closed:
            self._intake.is_closed = True
            self._write(h2.goaway(self._streams.last, NO_ERROR))
            if self.is_idle():
                self._close()

    def abort(self) -> None:
        """Close, whatever is still on it."""
        if not self._is_over:
            self._close_at_once()

    def _close_at_once(self) -> None:
        self._is_over = True
        self._transport.abort()

    def expire(self) -> float | None:
        """End the calls whose deadline is over; gives the seconds to the next deadline, None where there is none."""
        return self._streams.expire()
