"""What servers, load and the machine used while something was held, asked in this process: who else was here."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from playbook.monitor.resources import ProcessTree, container_pid, machine

LOOK_S = 0.2  # between two looks at what servers and load used


def ours(container_id: str | None) -> list[ProcessTree]:
    """This process with all that it started, and the container that serves, where one does and it runs here."""
    trees = [ProcessTree("ours", os.getpid())]
    if container_id and (pid := container_pid(container_id)):
        trees.append(ProcessTree("server", pid))
    return trees


@contextmanager
def sampled(trees: list[ProcessTree]) -> Iterator[Callable[[], tuple[float, float]]]:
    """CPU seconds of the machine and of these trees, asked by call; servers that end meanwhile stay counted.

    A tree is looked at every `LOOK_S`: what a process used after the last look at it is lost with its end.
    """
    ended, one_at_a_time = threading.Event(), threading.Lock()

    def used_s() -> tuple[float, float]:
        with one_at_a_time:
            samples = [tree.sample() for tree in trees]
            return machine().cpu_s or 0.0, sum(one.cpu_s or 0.0 for one in samples if one)

    def look() -> None:
        while not ended.wait(LOOK_S):
            used_s()

    with ThreadPoolExecutor(1, "look") as pool:
        pool.submit(look)
        try:
            yield used_s
        finally:
            ended.set()


@contextmanager
def others(trees: list[ProcessTree]) -> Iterator[list[float]]:
    """A list that holds, after the block, how many cores others than these trees used in it, on average."""
    seen: list[float] = []
    with sampled(trees) as used_s:
        before, began = used_s(), time.monotonic()
        yield seen
        after = used_s()
        seconds = time.monotonic() - began
    seen.append(max(0.0, after[0] - before[0] - (after[1] - before[1])) / seconds)
