"""A question about a server, its answer, and what stands between: agrees, differs, or could not be asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from playbook.verify.places import Place
from playbook.verify.reached import CouldNotAsk

AGREES, DIFFERS, COULD_NOT = "agrees", "differs", "could not ask"


@dataclass(frozen=True)
class Question:
    """What this project says of TensorFlow Serving, and how it is seen.

    `says` is the statement, `rests` the advice that would be wrong without it. `ask` returns whether the statement
    holds and what was seen, and raises CouldNotAsk where the server cannot be asked that. `tries`: how often it is put
    until it holds, where what is seen hangs on times that a busy machine disturbs.
    """

    name: str
    area: str
    says: str
    rests: str
    ask: Callable[[Place], tuple[bool, str]]
    tries: int = 1


@dataclass(frozen=True)
class Answer:
    """How one question ended."""

    name: str
    area: str
    says: str
    rests: str
    answer: str
    seen: str
    took_s: float

    def plain(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)


def ask_all(questions: Iterable[Question], place: Place) -> Iterator[Answer]:
    """Put every question; where one fails on its way, but for CouldNotAsk, the server differs."""
    for question in questions:
        begun = time.monotonic()
        try:
            holds, seen = _put(question, place)
            answer = AGREES if holds else DIFFERS
        except CouldNotAsk as reason:
            answer, seen = COULD_NOT, str(reason)
        except Exception as error:  # a server that answers in no known form must not end the others
            answer, seen = DIFFERS, f"the question could not be put as it can there: {type(error).__name__}: {error}"
        took_s = round(time.monotonic() - begun, 2)
        yield Answer(question.name, question.area, question.says, question.rests, answer, _short(seen), took_s)


def _put(question: Question, place: Place) -> tuple[bool, str]:
    """Whether the statement holds, and what was seen last."""
    holds, seen = question.ask(place)
    for _ in range(question.tries - 1):
        if holds:
            break
        holds, seen = question.ask(place)
    return holds, seen


def _short(text: str) -> str:
    """What was seen in one line of a table."""
    words = " ".join(text.split())
    return words if len(words) <= 300 else words[:300] + " …"
