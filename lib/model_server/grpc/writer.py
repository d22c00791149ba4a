"""Writes replies: a message and its status, messages one by one, or a status alone."""

from __future__ import annotations

import struct
from collections.abc import Callable

from model_server.errors import RESOURCE_EXHAUSTED
from model_server.grpc import frames as h2
from model_server.grpc import replies
from model_server.grpc.control import Control
from model_server.grpc.flow import SendWindows
from model_server.grpc.limits import ChannelLimits
from model_server.grpc.messages import PREFIX_SIZE, prefixed
from model_server.grpc.stream import Stream

_RESPONSE_START = h2.start(h2.HEADERS, h2.END_HEADERS, len(replies.RESPONSE))
_OK_START = h2.start(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, len(replies.OK_TRAILERS))
_DATA_START = struct.Struct(">HBBBIBI")  # a frame's head and a message's prefix


class Writer:
    """The sending side of the calls of one connection. `finish(number)`: called when a reply is out."""

    __slots__ = ("_control", "_finish", "_gzip", "_most_send", "_windows", "_write")

    def __init__(
        self,
        write: Callable[[bytes], None],
        windows: SendWindows,
        control: Control,
        limits: ChannelLimits,
        finish: Callable[[int], None],
    ):
        self._write, self._windows, self._control, self._finish = write, windows, control, finish
        self._most_send, self._gzip = limits.most_send, limits.gzip_replies

    def answer(self, stream: Stream, message: bytes) -> None:
        """The only message of a reply, and status OK: in one piece where the windows allow it."""
        size, number = len(message), stream.number
        if size > self._most_send or (self._gzip and stream.head.accepts_gzip):
            self._answer_in_parts(stream, message)
            return
        stream.detach()
        whole, packed = PREFIX_SIZE + size, h2.STREAM.pack(number)
        head = _RESPONSE_START + packed + replies.RESPONSE
        last = _OK_START + packed + replies.OK_TRAILERS
        self._control.pings.forgive()
        if self._windows.takes(number, whole):
            start = _DATA_START.pack(whole >> 8, whole & 0xFF, h2.DATA, 0, number, 0, size)
            self._write(b"".join((head, start, message, last)))
            self._finish(number)
        else:
            self._write(head)
            self._windows.add(number, prefixed(message), last)

    def _answer_in_parts(self, stream: Stream, message: bytes) -> None:
        if len(message) > self._most_send:
            text = f"SERVER: Sent message larger than max ({len(message)} vs. {self._most_send})"
            self.fail(stream, RESOURCE_EXHAUSTED, text)
            return
        self.send(stream, message)
        self.fail(stream, 0, "")

    def send(self, stream: Stream, message: bytes) -> None:
        """One message of several."""
        gzip = self._gzip and stream.head.accepts_gzip
        if not stream.has_sent:
            stream.has_sent = True
            block = replies.GZIP_RESPONSE if gzip else replies.RESPONSE
            self._write(h2.frame(h2.HEADERS, h2.END_HEADERS, stream.number, block))
        self._control.pings.forgive()
        self._windows.add(stream.number, prefixed(message, gzip))

    def fail(self, stream: Stream, code: int, text: str) -> None:
        """A status, behind the messages that were sent, or as the whole reply (trailers only)."""
        block = replies.trailers(code, text)
        if not stream.has_sent:
            block = replies.TRAILERS_ONLY + block
        number = stream.number
        stream.detach()
        self._control.pings.forgive()
        last = h2.frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, number, block)
        if self._windows.is_waiting(number):
            self._windows.add(number, b"", last)
        else:
            self._write(last)
            self._finish(number)
