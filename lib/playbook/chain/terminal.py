"""What the chain prints: one line a stage, live while it runs; in a log its plan and how far it is."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from playbook import progress
from playbook.stage_plan import spoken

EVERY_S = 0.25
LOG_EVERY_S = 10.0  # a line of a log, where nothing can move
SHORT_S = 3.0  # no line of a log for a stage that is planned to be over by then


class Lines(Console):
    """A terminal or a log; that whoever reads it has gone ends no run (rich would end the process there)."""

    def on_broken_pipe(self) -> None:
        """Say nothing more, and let nothing fail that is still in the buffer."""
        self.quiet = True
        with contextlib.suppress(OSError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.file.fileno())
            os.close(nowhere)


class StageLine:
    """One line a stage: a moving one while it runs, then its seconds and its verdict."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Lines(highlight=False, soft_wrap=True)
        self.errors = console or Lines(highlight=False, soft_wrap=True, stderr=True)

    @contextlib.contextmanager
    def stage(self, verb: str, progress_file: Path) -> Iterator[None]:
        """Show the stage's progress, as its kernel tells it, until the block ends."""
        with contextlib.ExitStack() as shown:
            if self.console.is_terminal:
                status = shown.enter_context(self.console.status(f"{verb} …"))
                show: Callable[[Any, float], None] = lambda state, s: status.update(Text(moving(verb, state, s)))  # noqa: E731
            else:
                show = LogLines(verb, self.say)
            show = _complaining(verb, show, self.failed)
            ended = threading.Event()
            follower = threading.Thread(target=_follow, args=(progress_file, show, ended), daemon=True)
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
        """Print plain text, without markup; a terminal that is gone or a log on a full disk ends no run."""
        with contextlib.suppress(OSError):
            self.console.print(Text(text))


class LogLines:
    """A stage in a log: its plan as soon as it is told, then every ten seconds what is being done and how far."""

    def __init__(self, verb: str, say: Callable[[str], None]) -> None:
        self.verb, self.say, self.plan, self.next_s = verb, say, "", LOG_EVERY_S

    def __call__(self, state: dict[str, Any] | None, elapsed_s: float) -> None:
        """Say what is new at this second of the stage."""
        plan = (state or {}).get("plan") or ""
        if plan != self.plan and ((state or {}).get("left_s") or 0.0) > SHORT_S:
            self.say(f"{self.verb:<8}          {plan}")
        self.plan = plan
        if elapsed_s >= self.next_s:
            self.say(moving(self.verb, state, elapsed_s))
            self.next_s = elapsed_s + LOG_EVERY_S


def moving(verb: str, state: dict[str, Any] | None, elapsed_s: float) -> str:
    """One line: the verb, its seconds, a bar, how long still by its plan, what is being done."""
    parts = [f"{verb:<8} {elapsed_s:5.0f} s "]
    if state and state["total"]:
        share = min(1.0, state["done"] / state["total"])
        parts.append(f"{bar(share)} {share:4.0%} ")
    if state and state.get("left_s") is not None:
        parts.append(f"about {spoken(state['left_s'])} left;" if state["left_s"] >= 1 else "about to end;")
    return " ".join([*parts, (state or {}).get("text") or ""]).rstrip(" ;")


def bar(share: float, width: int = 20) -> str:
    """A bar of text, e.g. `████······`."""
    full = round(max(0.0, min(1.0, share)) * width)
    return "█" * full + "·" * (width - full)


def _complaining(
    verb: str, show: Callable[[Any, float], None], failed: Callable[[str], None]
) -> Callable[[Any, float], None]:
    """The same, and what has failed is said once, when it is told."""
    said: list[str] = []

    def shown(state: dict[str, Any] | None, elapsed_s: float) -> None:
        for text in ((state or {}).get("failed") or [])[len(said) :]:
            said.append(text)
            failed(f"Stage '{verb}' failed: {text}")
        show(state, elapsed_s)

    return shown


def _follow(progress_file: Path, show: Callable[[Any, float], None], ended: threading.Event) -> None:
    begun = time.monotonic()
    while not ended.wait(EVERY_S):
        show(progress.read(progress_file), time.monotonic() - begun)
    if state := progress.read(progress_file):  # what was told last is shown too
        show(state, time.monotonic() - begun)
