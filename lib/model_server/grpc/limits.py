"""What a connection may do: --grpc_channel_arguments by gRPC's names, with most of its defaults, and floods."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from model_server import log
from model_server.grpc import frames as h2
from model_server.grpc.faults import ENHANCE_YOUR_CALM, ConnectionFault

UNLIMITED = 2**31 - 1  # what -1 means for a message, and INT_MAX for a time in ms
STREAM_WINDOW, CONNECTION_WINDOW = 1 << 22, 1 << 24  # bytes a client may send ahead
MOST_BLOCK, MOST_CONTINUATIONS = 1 << 16, 64  # of one header block
MOST_STREAMS = 1 << 16  # open on one connection at a time, where nothing is said
_BURST, _PER_SECOND = 1000, 100  # frames that serve nobody: at once, and in the long run


@dataclass(frozen=True)
class ChannelLimits:
    """Sizes in bytes, times in ms; UNLIMITED where there is none."""

    most_receive: int = UNLIMITED
    most_send: int = UNLIMITED
    most_streams: int = MOST_STREAMS
    most_metadata: int = 16_384
    largest_frame: int = 1 << 16
    most_age_ms: int = UNLIMITED
    age_grace_ms: int = UNLIMITED
    most_idle_ms: int = UNLIMITED
    keepalive_ms: int = 7_200_000
    keepalive_timeout_ms: int = 20_000
    keepalive_without_calls: bool = False
    handshake_ms: int = 120_000
    ping_interval_ms: int = 300_000
    most_ping_strikes: int = 2
    reuse_port: bool = False
    gzip_replies: bool = False


_NAMES = {
    "grpc.max_receive_message_length": "most_receive",
    "grpc.max_send_message_length": "most_send",
    "grpc.max_concurrent_streams": "most_streams",
    "grpc.max_metadata_size": "most_metadata",
    "grpc.absolute_max_metadata_size": "most_metadata",
    "grpc.http2.max_frame_size": "largest_frame",
    "grpc.max_connection_age_ms": "most_age_ms",
    "grpc.max_connection_age_grace_ms": "age_grace_ms",
    "grpc.max_connection_idle_ms": "most_idle_ms",
    "grpc.keepalive_time_ms": "keepalive_ms",
    "grpc.keepalive_timeout_ms": "keepalive_timeout_ms",
    "grpc.keepalive_permit_without_calls": "keepalive_without_calls",
    "grpc.server_handshake_timeout_ms": "handshake_ms",
    "grpc.http2.min_ping_interval_without_data_ms": "ping_interval_ms",
    "grpc.http2.max_ping_strikes": "most_ping_strikes",
    "grpc.so_reuseport": "reuse_port",
    "grpc.default_compression_algorithm": "gzip_replies",
}
_SWITCHES = {"keepalive_without_calls", "reuse_port"}


def from_arguments(arguments: Iterable[tuple[str, object]]) -> ChannelLimits:
    """The limits that --grpc_channel_arguments sets; the last of a name wins, what has no effect is told in the log."""
    values: dict[str, int | bool] = {}
    for name, value in arguments:
        field = _NAMES.get(name)
        if field is None or not isinstance(value, int):
            log.warning(
                "model_server", f"--grpc_channel_arguments={name}={value} has no effect in the embedded server."
            )
        elif field in _SWITCHES:
            values[field] = bool(value)
        elif field == "gzip_replies":
            values[field] = value == 2  # GRPC_COMPRESS_GZIP
        else:
            values[field] = UNLIMITED if value < 0 else value
    frame = values.get("largest_frame", ChannelLimits.largest_frame)
    values["largest_frame"] = min(max(frame, h2.DEFAULT_FRAME), h2.LARGEST_FRAME)
    return ChannelLimits(**values)  # type: ignore[arg-type]


class FloodGuard:
    """Counts the frames of one connection that serve nobody: SETTINGS, quick resets, empty frames, unknown types."""

    __slots__ = ("_last_s", "_score")

    def __init__(self, now_s: float):
        self._score, self._last_s = 0.0, now_s

    def count(self, now_s: float) -> None:
        """One more.

        Raises:
            ConnectionFault: ENHANCE_YOUR_CALM for more than a burst of them.
        """
        self._score = max(0.0, self._score - (now_s - self._last_s) * _PER_SECOND) + 1
        self._last_s = now_s
        if self._score > _BURST:
            raise ConnectionFault(ENHANCE_YOUR_CALM, "too many frames that serve no call")


class PingGuard:
    """gRPC's ping strikes: a client may ping once in a while, and whenever something was sent to it since."""

    __slots__ = ("_allowed_at_s", "_limits", "_strikes")

    def __init__(self, limits: ChannelLimits):
        self._limits = limits
        self.forgive()

    def forgive(self) -> None:
        """Something was sent to the client: its next ping may well be about that."""
        self._strikes, self._allowed_at_s = 0, 0.0

    def count(self, now_s: float, has_calls: bool) -> None:
        """A ping came.

        Raises:
            ConnectionFault: ENHANCE_YOUR_CALM `too_many_pings`.
        """
        limits = self._limits
        if now_s < self._allowed_at_s:
            self._strikes += 1
            if 0 < limits.most_ping_strikes < self._strikes:
                raise ConnectionFault(ENHANCE_YOUR_CALM, "too_many_pings")
        idle = not has_calls and not limits.keepalive_without_calls
        self._allowed_at_s = now_s + (7200 if idle else limits.ping_interval_ms / 1000)
