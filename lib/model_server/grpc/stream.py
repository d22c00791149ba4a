"""One call as the services see it: its request has come, and it is answered once, in messages or with a status."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from model_server.grpc.flow import ReceiveWindow
from model_server.grpc.heads import Head


class Sender(Protocol):
    """The connection as a stream needs it."""

    def answer(self, stream: Stream, message: bytes) -> None:
        """The only message of a reply, and status OK."""

    def send(self, stream: Stream, message: bytes) -> None:
        """One message of several."""

    def fail(self, stream: Stream, code: int, text: str) -> None:
        """A status, as the whole reply or behind messages."""


class Stream:
    """A stream and the call on it. Used in the loop's thread; what is said after its end is not heard."""

    __slots__ = ("_sender", "body", "deadline_ns", "handler", "has_ended", "has_sent", "head", "number",
                 "opened_s", "window")  # fmt: skip

    def __init__(self, sender: Sender, number: int, head: Head, opened_s: float):
        self._sender: Sender | None = sender
        self.number, self.head, self.opened_s = number, head, opened_s
        self.deadline_ns: int | None = None
        self.handler: Handler | None = None
        self.body: bytearray | None = None  # of a request in several frames
        self.window: ReceiveWindow | None = None
        self.has_ended = False  # the client has said everything
        self.has_sent = False  # the reply has begun

    @property
    def is_open(self) -> bool:
        """Whether anybody still waits for the reply."""
        return self._sender is not None

    def answer(self, message: bytes) -> None:
        """Send the reply of a unary call."""
        if self._sender is not None:
            self._sender.answer(self, message)

    def send(self, message: bytes) -> None:
        """Send one message of a reply that has several."""
        if self._sender is not None:
            self._sender.send(self, message)

    def fail(self, code: int, text: str) -> None:
        """End the call with a gRPC status."""
        if self._sender is not None:
            self._sender.fail(self, code, text)

    def detach(self) -> None:
        """The call is over, or the client went away."""
        self._sender = None


Handler = Callable[[bytes, Stream], None]
