"""Frames about the connection itself: SETTINGS, PING, WINDOW_UPDATE, RST_STREAM, GOAWAY, PRIORITY."""

from __future__ import annotations

from collections.abc import Callable

from model_server.grpc import frames as h2
from model_server.grpc.faults import FRAME_SIZE_ERROR, PROTOCOL_ERROR, ConnectionFault, StreamFault
from model_server.grpc.flow import SendWindows
from model_server.grpc.heads import HeadReader
from model_server.grpc.limits import ChannelLimits, FloodGuard, PingGuard
from model_server.grpc.streams import Streams

LEAVING = b"goodbye!"  # what the ping between two GOAWAYs says
_SETTINGS_ACK = h2.frame(h2.SETTINGS, h2.ACK, 0)


def greeting(limits: ChannelLimits, stream_window: int, connection_window: int) -> bytes:
    """The server's first frames: its settings, and the connection's window opened to what it allows."""
    values = {
        h2.HEADER_TABLE_SIZE: 0,
        h2.MAX_CONCURRENT_STREAMS: limits.most_streams,
        h2.INITIAL_WINDOW_SIZE: stream_window,
        h2.MAX_FRAME_SIZE: limits.largest_frame,
        h2.MAX_HEADER_LIST_SIZE: limits.most_metadata,
    }
    return h2.settings(values) + h2.window_update(0, connection_window - h2.DEFAULT_WINDOW)


class Control:
    """Acts on the control frames of one connection.

    Args:
        left: Called when the client has answered the ping LEAVING.
    """

    __slots__ = ("_floods", "_heads", "_left", "_streams", "_windows", "_write", "pings")

    def __init__(
        self,
        write: Callable[[bytes], None],
        limits: ChannelLimits,
        windows: SendWindows,
        heads: HeadReader,
        floods: FloodGuard,
        streams: Streams,
        left: Callable[[], None],
    ):
        self._write, self._windows, self._heads, self._floods = write, windows, heads, floods
        self._streams, self._left = streams, left
        self.pings = PingGuard(limits)

    def take(self, kind: int, flags: int, stream: int, payload: bytes, now_s: float) -> None:
        """Act on one frame.

        Raises:
            ConnectionFault, StreamFault: the frame is wrong, or one too many.
        """
        if kind == h2.WINDOW_UPDATE:
            self._open(stream, payload)
        elif kind == h2.RST_STREAM:
            self._reset(stream, payload)
        elif kind == h2.PING:
            self._ping(flags, stream, payload, now_s)
        elif kind == h2.SETTINGS:
            self._settings(flags, stream, payload, now_s)
        elif kind == h2.PRIORITY:
            self._floods.count(now_s)
            _check_priority(stream, payload)
        elif kind == h2.GOAWAY:
            self._floods.count(now_s)
            _demand(stream == 0, PROTOCOL_ERROR, "GOAWAY on a stream")
            _demand(len(payload) >= 8, FRAME_SIZE_ERROR, "GOAWAY is shorter than eight bytes")
        elif kind in (h2.PUSH_PROMISE, h2.CONTINUATION):
            raise ConnectionFault(PROTOCOL_ERROR, "PUSH_PROMISE, or CONTINUATION without HEADERS")
        else:
            self._floods.count(now_s)  # of a type that extensions may know

    def _open(self, stream: int, payload: bytes) -> None:
        _demand(len(payload) == 4, FRAME_SIZE_ERROR, "WINDOW_UPDATE is not four bytes")
        self._check_known(stream, "WINDOW_UPDATE")
        by = int.from_bytes(payload, "big") & h2.LARGEST_WINDOW
        if by == 0:
            text = "WINDOW_UPDATE by nothing"
            raise StreamFault(stream, PROTOCOL_ERROR, text) if stream else ConnectionFault(PROTOCOL_ERROR, text)
        if stream == 0 or stream in self._streams.open:
            self._windows.open(stream, by)

    def _reset(self, stream: int, payload: bytes) -> None:
        _demand(len(payload) == 4, FRAME_SIZE_ERROR, "RST_STREAM is not four bytes")
        _demand(stream != 0, PROTOCOL_ERROR, "RST_STREAM on stream 0")
        self._check_known(stream, "RST_STREAM")
        self._streams.cancel(stream)

    def _ping(self, flags: int, stream: int, payload: bytes, now_s: float) -> None:
        _demand(stream == 0, PROTOCOL_ERROR, "PING on a stream")
        _demand(len(payload) == 8, FRAME_SIZE_ERROR, "PING is not eight bytes")
        if not flags & h2.ACK:
            self.pings.count(now_s, bool(self._streams.open))
            self._write(h2.frame(h2.PING, h2.ACK, 0, payload))
        else:
            self._floods.count(now_s)
            if payload == LEAVING:
                self._left()

    def _settings(self, flags: int, stream: int, payload: bytes, now_s: float) -> None:
        self._floods.count(now_s)
        _demand(stream == 0, PROTOCOL_ERROR, "SETTINGS on a stream")
        if flags & h2.ACK:
            _demand(not payload, FRAME_SIZE_ERROR, "a SETTINGS acknowledgement has a payload")
            self._heads.settle()
        else:
            self._windows.settings(h2.read_settings(payload))
            self._write(_SETTINGS_ACK)

    def _check_known(self, stream: int, what: str) -> None:
        is_known = stream == 0 or (stream <= self._streams.last and stream % 2 == 1)
        _demand(is_known, PROTOCOL_ERROR, f"{what} on an idle stream")


def _demand(is_so: bool, code: int, text: str) -> None:
    if not is_so:
        raise ConnectionFault(code, text)


def _check_priority(stream: int, payload: bytes) -> None:
    """PRIORITY is checked and otherwise ignored."""
    _demand(stream != 0, PROTOCOL_ERROR, "PRIORITY on stream 0")
    if len(payload) != 5:
        raise StreamFault(stream, FRAME_SIZE_ERROR, "PRIORITY is not five bytes")
