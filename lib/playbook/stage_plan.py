"""What a stage will take: said before it begins, and kept beside what it took."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

SPIN_S = 0.1  # computing that is timed, to see how busy the machine is
MOST_STRETCH = 20.0


class Part(NamedTuple):
    """One thing a stage does, in words, and about how many seconds it takes."""

    words: str
    seconds: float


@dataclass(frozen=True)
class StagePlan:
    """What a stage will do, how long that takes, and what is left out for want of time, in words."""

    parts: tuple[Part, ...]
    left_out: tuple[str, ...] = ()

    @classmethod
    def of(cls, parts: Iterable[tuple[str, float]], left_out: Iterable[str] = ()) -> StagePlan:
        """A plan of (words, seconds); what takes no time is not told."""
        return cls(tuple(Part(words, seconds) for words, seconds in parts if seconds > 0), tuple(left_out))

    @property
    def expected_s(self) -> float:
        """Seconds from here to the end of the stage."""
        return sum(part.seconds for part in self.parts)

    def words(self) -> str:
        """The plan in a sentence or two: `About 18 s to come: the passport, 5 levels. Left out: ...`."""
        missing = f" Left out: {'; '.join(self.left_out)}." if self.left_out else ""
        if not self.parts:
            return f"Nothing will be held.{missing}"
        return f"About {spoken(self.expected_s)} to come: {', '.join(part.words for part in self.parts)}.{missing}"


def spoken(seconds: float) -> str:
    """Seconds as a person says them."""
    return f"{max(1, round(seconds))} s" if seconds < 100 else f"{seconds / 60:.1f} min"


@functools.cache
def stretch() -> float:
    """How many times as long computing takes here as it has a core: what else runs, seen once a process.

    Seconds that are computing, and no window of load, are planned by it.
    """
    began, began_cpu = time.perf_counter(), time.thread_time()
    while time.thread_time() - began_cpu < SPIN_S and time.perf_counter() - began < MOST_STRETCH * SPIN_S:
        sum(range(1000))
    spent_s = max(1e-6, time.thread_time() - began_cpu)
    return min(MOST_STRETCH, max(1.0, (time.perf_counter() - began) / spent_s))


_told: list[tuple[StagePlan, float]] = []  # the first plan and its latest correction, each with when it was told


def begin(plan: StagePlan) -> None:
    """Remember the plan of the stage that runs in this process; its time begins now. A later one corrects it."""
    _told[1:] = [(plan, time.monotonic())] if _told else []
    if not _told:
        _told.append((plan, time.monotonic()))


def words() -> str | None:
    """The plan that was told last, in words; None where none was."""
    return _told[-1][0].words() if _told else None


def left_s() -> float | None:
    """Seconds that are left by what was planned last; None where nothing was planned."""
    if not _told:
        return None
    plan, began = _told[-1]
    return max(0.0, plan.expected_s - (time.monotonic() - began))


def take() -> dict[str, Any] | None:
    """Seconds expected and taken since the plan was told first, and what was left out; None where none was told."""
    if not _told:
        return None
    (plan, began), last = _told[0], _told[-1][0]
    _told.clear()
    took_s = time.monotonic() - began
    return {"expected_s": round(plan.expected_s, 1), "took_s": round(took_s, 1), "left_out": list(last.left_out)}
