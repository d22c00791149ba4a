"""Ctrl-C and SIGTERM end a chain once: those that come while it ends what it started change nothing."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator

ENDING = (signal.SIGINT, signal.SIGTERM)
PATIENCE_S = 10.0  # an interrupt that some library swallowed, or an end that hangs, is not for ever


@contextlib.contextmanager
def heard_once() -> Iterator[None]:
    """The first of these signals raises KeyboardInterrupt with its name; more of them within 10 s do nothing.

    A handler that does nothing, and no SIG_IGN: what is started meanwhile would inherit that.
    """
    last_s: list[float] = []

    def interrupt(signum: int, frame: object) -> None:
        now_s = time.monotonic()
        if not last_s or now_s - last_s[-1] > PATIENCE_S:
            last_s.append(now_s)
            raise KeyboardInterrupt(signal.Signals(signum).name)

    before = {one: signal.signal(one, interrupt) for one in ENDING}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
