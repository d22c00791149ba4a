"""What a scripted server does with each request, and when it answers: delays, queues, freezes, faults."""

from __future__ import annotations

import argparse
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

from loadgen.bodies import read_bodies
from loadgen.clock import make_timer

LIES = {  # answers with status 200 (or gRPC OK) that are none
    "empty": b'{"predictions": []}',
    "nothing": b"",
    "nan": b'{"predictions": [[NaN]]}',
    "error200": b'{"error": "out of memory"}',
    "html": b"<html><body>502 Bad Gateway</body></html>",
}
UNSEEN = ("unseen", "refused")  # the server says that it has not looked at the call


@dataclass(frozen=True)
class Script:
    """How the server behaves. Times in seconds; `0` switches a thing off.

    Args:
        delay_s: Every reply waits this long, all at once (a server with endless workers).
        service_s: Replies are made one after the other, each in exactly this time (the D/1 of an M/D/1 queue).
        freeze_s: At the start of every `period_s` the whole process stops for so long.
        fault: What happens to every `fault_every`-th request; several, separated by commas, take turns: connection
            `reset`, error `status` (HTTP 503 or gRPC 8), `short` reply, `silent` (never answered), `wrong` (the answer
            to another request), `leave` (answered, with Connection: close or after GOAWAY), `garbage`, over gRPC
            `unseen` (GOAWAY below its stream) and `refused` (REFUSED_STREAM), or a lie with status 200: `empty`
            predictions, `nothing` at all, `nan`, `error200` (an error object), `html`.
        bodies: Directory with `*.expect` files; a request is answered with the one beside its body.
        reply: The answer to every other request, as text.
    """

    delay_s: float = 0.0
    service_s: float = 0.0
    freeze_s: float = 0.0
    period_s: float = 2.0
    fault: str = ""
    fault_every: int = 100
    bodies: str = ""
    reply: str = '{"predictions": [[0.0]]}'

    @classmethod
    def options(cls, parser: argparse.ArgumentParser) -> None:
        """Add one command line option a field."""
        for field in fields(cls):
            parser.add_argument("--" + field.name.replace("_", "-"), type=type(field.default), default=field.default)

    def arguments(self) -> list[str]:
        """The command line that gives this script."""
        return [f"--{f.name.replace('_', '-')}={getattr(self, f.name)}" for f in fields(self)]


class Player:
    """Plays one script: counts requests, chooses answers, and sends them when they are due."""

    def __init__(self, script: Script, loop: object, epoch_ns: int) -> None:
        self.script, self.epoch_ns = script, epoch_ns
        self.requests = self.errors = self.unseen = 0
        self._faults = script.fault.split(",")
        self._free_ns = 0
        self._due: deque[tuple[int, Callable[[], None]]] = deque()
        self._timer = make_timer(loop, self._wake)  # type: ignore[arg-type]
        self._plain = not (script.delay_s or script.service_s or script.freeze_s or script.fault or script.bodies)
        self._reply = script.reply.encode()
        self._answers: dict[bytes, int] = {}
        self._expected: list[bytes] = []
        if script.bodies:
            read = read_bodies(Path(script.bodies))
            self._answers = {body: i for i, body in enumerate(read.requests)}
            self._expected = [expected or self._reply for expected in read.expected]

    def fault(self) -> str:
        """Count one request; what is to go wrong with it, or nothing."""
        self.requests += 1
        if self._plain or not self.script.fault or self.requests % self.script.fault_every:
            return ""
        fault = self._faults[self.requests // self.script.fault_every % len(self._faults)]
        self.errors += fault not in ("wrong", "leave", *LIES, *UNSEEN)
        self.unseen += fault in UNSEEN
        return fault

    def answer(self, body: bytes, fault: str) -> bytes:
        """The reply to `body`, its neighbour's, or a lie."""
        if fault in LIES:
            return LIES[fault]
        wrong = fault == "wrong"
        if not self._expected:
            return self._reply[::-1] if wrong else self._reply
        return self._expected[(self._answers[body] + wrong) % len(self._expected)]

    def when_due(self, send: Callable[[], None]) -> None:
        """Call `send` when the script lets this reply go out."""
        if self._plain:
            send()
            return
        self.freeze()
        now, script = time.monotonic_ns(), self.script
        if script.service_s:
            due = self._free_ns = max(now, self._free_ns) + int(script.service_s * 1e9)
        else:
            due = now + int(script.delay_s * 1e9)
        if due <= now:
            send()
            return
        self._due.append((due, send))
        if len(self._due) == 1:
            self._timer.arm(due)

    def _wake(self) -> None:
        self.freeze()
        while self._due and self._due[0][0] <= time.monotonic_ns():
            self._due.popleft()[1]()
        if self._due:
            self._timer.arm(self._due[0][0])

    def freeze(self) -> None:
        """Stop the process if the script says that now is such a time."""
        if self.script.freeze_s:
            into_s = (time.monotonic_ns() - self.epoch_ns) / 1e9 % self.script.period_s
            if into_s < self.script.freeze_s:
                time.sleep(self.script.freeze_s - into_s)

    def metrics(self) -> bytes:
        """The count of requests as TensorFlow Serving's Prometheus page gives it."""
        name = ":tensorflow:serving:request_count"
        counts = {"OK": self.requests - self.errors - self.unseen, "UNAVAILABLE": self.errors}
        lines = [f'{name}{{model_name="scripted",status="{s}"}} {n}\n' for s, n in counts.items()]
        return (f"# TYPE {name} counter\n" + "".join(lines)).encode()
