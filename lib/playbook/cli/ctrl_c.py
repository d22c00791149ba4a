"""Ctrl-C while Python imports: the process ends on the spot, in one sentence.

An interrupt that is raised in the middle of an import is a traceback, and may be swallowed there. As long as nothing
but imports was done, there is nothing to clean up. This module itself imports next to nothing.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator

INTERRUPTED = 130  # 128 and the number of SIGINT, as shells tell it
SAID = "Interrupted (SIGINT)."


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """Ctrl-C ends the process at once while the block lasts; one that is ignored, as behind `nohup`, stays ignored."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _end(signum: int, frame: object) -> None:
    os.write(2, f"{SAID}\n".encode())
    os._exit(INTERRUPTED)
