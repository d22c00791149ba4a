"""What a drill is: the question, what happens, what TensorFlow Serving does then, and what helps."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playbook.drill.exercise import Exercise
from playbook.drill.ground import Ground
from playbook.drill.outage import Calls
from playbook.serve.handle import Handle
from playbook.tfserving.config import Config

Act = Callable[[Ground], str]


def as_configured(exercise: Exercise) -> Config:
    """The configuration that was proven."""
    return exercise.config


def promised_rate(exercise: Exercise, folder: Path) -> dict[str, Any]:
    """The load of most drills: Poisson arrivals at the promised rate of one server."""
    return {"arrival": "poisson", "rate_rps": exercise.rate_rps}


def no_flags(exercise: Exercise) -> tuple[str, ...]:
    """The flags of the configuration and no others."""
    return ()


def always(*flags: str) -> Callable[[Exercise], tuple[str, ...]]:
    """The same flags whatever is drilled."""
    return lambda exercise: flags


def over_grpc(exercise: Exercise) -> bool:
    """Whether users come by gRPC: TensorFlow Serving's listeners differ, and so does what helps."""
    return exercise.load.protocol == "grpc"


def nothing(place: Ground) -> str:
    """Nothing is done: the load itself is the drill."""
    return ""


@dataclass(frozen=True)
class Way:
    """One way to hold a drill: on which server, under which load, and what is done meanwhile.

    Attributes:
        act: What is done while users call; returns what was seen beside the load, in words ("" for nothing).
        config: The configuration, of the exercise's.
        flags: Further flags of the server.
        prepare: Changes the private copy of the model before the server starts.
        load: The level's own settings; it may write a trace into the folder.
        after: What the requests show beside the losses, in words; given them, and when it happened (ns).
        timeout_s: Of a client; None leaves the exercise's.
        at_start: It begins with the first request, without a calm time before.
        front: Something that stands between users and servers while the drill lasts; yields the handle users call.
        servers: How many are started for it.
    """

    act: Act = nothing
    config: Callable[[Exercise], Config] = as_configured
    flags: Callable[[Exercise], tuple[str, ...]] = no_flags
    prepare: Callable[[Path], None] | None = None
    load: Callable[[Exercise, Path], dict[str, Any]] = promised_rate
    after: Callable[[Exercise, Calls, int], str] | None = None
    timeout_s: Callable[[Exercise], float] | None = None
    at_start: bool = False
    front: Callable[[Ground], AbstractContextManager[Handle]] | None = None
    servers: int = 1


@dataclass(frozen=True)
class Drill:
    """One drill.

    Attributes:
        name: As `drills` names it.
        title: What happens, in a few words.
        there: What TensorFlow Serving does then.
        source: Where that can be read: its file, option or issue.
        way: How it is held on the server as it was proven.
        remedy: What helps, in a word or two; empty where there is nothing to measure.
        remedied: How it is held with the remedy; None where there is none to hold.
        how: How the remedy is applied, in words.
        helps: Whether there is that remedy for the requests of this exercise.
        on_attached: It only puts load on the server, so that it may be held on one that runs elsewhere.
        cannot: Why it cannot be held here; empty when it can.
    """

    name: str
    title: str
    there: str
    source: str
    way: Way
    remedy: str = ""
    remedied: Way | None = None
    how: str = ""
    helps: Callable[[Exercise], bool] = lambda exercise: True
    on_attached: bool = False
    cannot: Callable[[Exercise], str] = lambda exercise: ""

    def hindered(self, exercise: Exercise) -> str:
        """Why it cannot be held here; empty when it can."""
        if exercise.attached and not self.on_attached:
            return "the server runs elsewhere: it is put under load and otherwise left alone"
        return self.cannot(exercise)

    def ways(self, exercise: Exercise) -> list[tuple[bool, Way]]:
        """How it is held here: as it is and, where that is wanted and possible, with the remedy (True)."""
        wanted = exercise.remedies and not exercise.attached and self.helps(exercise)
        remedied = self.remedied if wanted else None
        return [(False, self.way)] + ([(True, remedied)] if remedied else [])
