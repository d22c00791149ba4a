"""What the chain prints: one line a stage, live while it runs, plain where there is no terminal."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.status import Status
from rich.text import Text

from playbook import progress

EVERY_S = 0.25


class StageLine:
    """One line a stage: a moving one while it runs, then its seconds and its verdict."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)
        self.errors = console or Console(highlight=False, soft_wrap=True, stderr=True)

    @contextlib.contextmanager
    def stage(self, verb: str, progress_file: Path) -> Iterator[None]:
        """Show the stage's progress, as its kernel tells it, until the block ends."""
        ended = threading.Event()
        if not self.console.is_terminal:
            yield
            return
        with self.console.status(f"{verb} …") as status:
            follower = threading.Thread(target=_follow, args=(verb, progress_file, status, ended), daemon=True)
            follower.start()
            try:
                yield
            finally:
                ended.set()
                follower.join()

    def done(self, verb: str, seconds: float, verdict: str) -> None:
        """The stage's line: verb, seconds, verdict."""
        self.say(f"{verb:<8} {seconds:5.1f} s  {verdict}")

    def failed(self, text: str) -> None:
        """Why the stage failed, on the error stream."""
        self.errors.print(Text(text))

    def say(self, text: str) -> None:
        """Print plain text, without markup."""
        self.console.print(Text(text))


def bar(share: float, width: int = 20) -> str:
    """A bar of text, e.g. `████······`."""
    full = round(max(0.0, min(1.0, share)) * width)
    return "█" * full + "·" * (width - full)


def _follow(verb: str, progress_file: Path, status: Status, ended: threading.Event) -> None:
    begun = time.monotonic()
    while not ended.wait(EVERY_S):
        state = progress.read(progress_file)
        elapsed = f"{time.monotonic() - begun:5.0f} s"
        if state and state["total"]:
            share = state["done"] / state["total"]
            status.update(Text(f"{verb:<8} {elapsed}  {bar(share)} {share:4.0%}  {state['text']}"))
        else:
            status.update(Text(f"{verb:<8} {elapsed}"))
