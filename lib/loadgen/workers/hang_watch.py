"""Asks whether the server lives while no worker gets an answer, and ends the level where it does not."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from loadgen.workers.processes import Worker

PATIENCE_S = 1.0  # for the answer of `is_alive`; a silence of 3 s, this and what the caller does make less than 5 s
AGAIN_S = 1.0  # between two questions in one silence


class HangWatch:
    """Hears each worker's progress; `is_alive` is called in a thread, as it may itself wait for the hung server."""

    def __init__(self, workers: Sequence[Worker], is_alive: Callable[[], bool]) -> None:
        self._workers, self._is_alive = workers, is_alive
        self._silent: dict[int, bool] = {}
        self._access, self._asking, self._closed = threading.Lock(), threading.Event(), threading.Event()

    def hear(self, number: int, progress: dict[str, Any]) -> None:
        """Take in a worker's progress, and ask when no worker with requests out has an answer."""
        if progress["requests_out"]:
            self._silent[number] = progress["silent"]
        else:
            self._silent.pop(number, None)
        if self._all_silent() and not self._asking.is_set():
            self._asking.set()
            threading.Thread(target=self._ask, daemon=True).start()

    def _all_silent(self) -> bool:
        said = list(self._silent.values())
        return bool(said) and all(said)

    def _ask(self) -> None:
        if not says_yes(self._is_alive) and self._all_silent():
            with self._access:
                if not self._closed.is_set():
                    for worker in self._workers:
                        worker.say({"end": "hung"})
        self._closed.wait(AGAIN_S)
        self._asking.clear()

    def close(self) -> None:
        """From here on nothing is said to the workers: they go on to other levels."""
        with self._access:
            self._closed.set()


def says_yes(is_alive: Callable[[], bool]) -> bool:
    """What `is_alive` says in time; an error, or nothing at all, is a no."""
    alive: list[bool] = []

    def ask() -> None:
        alive.append(bool(is_alive()))

    question = threading.Thread(target=_quietly, args=(ask,), daemon=True)
    question.start()
    question.join(PATIENCE_S)
    return alive == [True]


def _quietly(ask: Callable[[], None]) -> None:
    try:
        ask()
    except Exception:  # whatever it is that a caller's function raises, it did not say yes
        return
