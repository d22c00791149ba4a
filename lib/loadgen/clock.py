"""Timers that wake the event loop at a nanosecond of CLOCK_MONOTONIC.

libuv and asyncio timers have a grain of a millisecond; a timerfd read by the loop is about 20 µs late. Elsewhere the
loop's own timer serves, and the passport shows what that costs.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import sys
import time
from collections.abc import Callable

CLOCK_MONOTONIC = 1
TFD_NONBLOCK, TFD_CLOEXEC, TFD_TIMER_ABSTIME = os.O_NONBLOCK, getattr(os, "O_CLOEXEC", 0), 1


class _Itimerspec(ctypes.Structure):
    """`struct itimerspec`: interval, then first expiry, each seconds and nanoseconds."""

    _fields_ = tuple((name, ctypes.c_long) for name in ("every_s", "every_ns", "at_s", "at_ns"))


class TimerFd:
    """Calls `wake()` at the armed time; Linux only."""

    def __init__(self, loop: asyncio.AbstractEventLoop, wake: Callable[[], None]) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._fd = libc.timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create failed")
        self._settime, self._spec = libc.timerfd_settime, _Itimerspec()
        self._at = ctypes.byref(self._spec)
        self._loop, self._wake, self._armed = loop, wake, False
        loop.add_reader(self._fd, self._expired)

    def _expired(self) -> None:
        self._armed = False
        self._wake()
        if not self._armed:  # else arming has cleared the expiry, which saves a call for each request
            with contextlib.suppress(BlockingIOError):
                os.read(self._fd, 8)

    def arm(self, at_ns: int) -> None:
        """Wake at `at_ns` (CLOCK_MONOTONIC); a time already past wakes at once."""
        self._armed = True
        self._spec.at_s, self._spec.at_ns = divmod(max(at_ns, 1), 1_000_000_000)
        self._settime(self._fd, TFD_TIMER_ABSTIME, self._at, None)

    def close(self) -> None:
        """Stop for good."""
        self._loop.remove_reader(self._fd)
        os.close(self._fd)


class LoopTimer:
    """The event loop's own timer: portable, up to a millisecond late."""

    def __init__(self, loop: asyncio.AbstractEventLoop, wake: Callable[[], None]) -> None:
        self._loop, self._wake = loop, wake
        self._handle: asyncio.TimerHandle | None = None

    def arm(self, at_ns: int) -> None:
        """Wake at or soon after `at_ns` (CLOCK_MONOTONIC)."""
        self.close()
        self._handle = self._loop.call_later(max(0.0, (at_ns - time.monotonic_ns()) / 1e9), self._wake)

    def close(self) -> None:
        """Stop; may be armed again."""
        if self._handle:
            self._handle.cancel()


def make_timer(loop: asyncio.AbstractEventLoop, wake: Callable[[], None], kind: str = "auto") -> TimerFd | LoopTimer:
    """The best timer of this platform, or the one named by `kind` (`timerfd`, `portable`)."""
    if kind == "timerfd" or (kind == "auto" and sys.platform == "linux"):
        return TimerFd(loop, wake)
    return LoopTimer(loop, wake)
