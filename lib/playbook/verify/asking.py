"""A question about a server, its answer, and what stands between: agrees, differs, or could not be asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from playbook.verify.places import Place
from playbook.verify.reached import UNREACHED, CouldNotAsk, NoAnswer

AGREES, DIFFERS, COULD_NOT = "agrees", "differs", "could not ask"


@dataclass(frozen=True)
class Question:
    """What this project says of TensorFlow Serving, and how it is seen.

    `says` is the statement, `rests` the advice that would be wrong without it. `ask` returns whether the statement
    holds and what was seen, and raises CouldNotAsk where the server cannot be asked that, or a busy machine disturbs
    what would be seen.
    """

    name: str
    area: str
    says: str
    rests: str
    ask: Callable[[Place], tuple[bool, str]]


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
    """Put every question. A server that answers in no known form differs; one that does not answer could not be asked.

    One that was started here and ended of itself, not killed from outside, differs too: TensorFlow Serving answers.
    """
    for question in questions:
        begun = time.monotonic()
        try:
            holds, seen = question.ask(place)
            answer = AGREES if holds else DIFFERS
        except (NoAnswer, *UNREACHED) as error:
            crashed = place.crash() if place else None
            answer, seen = DIFFERS if crashed else COULD_NOT, crashed or _plain(error)
        except CouldNotAsk as reason:
            answer, seen = COULD_NOT, str(reason)
        except Exception as error:  # a server that answers in no known form must not end the others
            answer, seen = DIFFERS, f"the question could not be put as it can there: {type(error).__name__}: {error}"
        took_s = round(time.monotonic() - begun, 2)
        yield Answer(question.name, question.area, question.says, question.rests, answer, _short(seen), took_s)


def _plain(error: BaseException) -> str:
    """Why no answer came, without the calls a connection's error went through."""
    if isinstance(error, NoAnswer):
        return str(error)
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return f"no answer came: {type(error).__name__}: {error}"


def _short(text: str) -> str:
    """What was seen in one line of a table."""
    words = " ".join(text.split())
    return words if len(words) <= 300 else words[:300] + " …"
