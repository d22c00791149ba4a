"""Ask a server everything this playbook's advice rests on, and keep the answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from playbook.errors import ParameterError
from playbook.records import names, secrets, trust
from playbook.tune import laws
from playbook.verify import answering, batches, costs, counting, kept, life, places, starting
from playbook.verify.asking import AGREES, Answer, Question, ask_all
from playbook.verify.image_place import ImagePlace
from playbook.verify.places import AttachedPlace, Place
from playbook.verify.reached import Reached
from playbook.verify.setups import SETUPS

QUESTIONS: list[Question] = [
    question
    for module in (starting, answering, counting, batches, life, costs)
    for question in module.QUESTIONS
] + starting.LAST  # fmt: skip


def image(name: str, outputs: Path, say: Callable[[str], object] = print) -> dict[str, Any]:
    """Ask servers started from an image.

    Raises:
        DockerUnavailable: no engine, or no such image.
    """
    asked = ImagePlace(name, SETUPS)
    return _verify(asked, identity_of(asked.facts()), outputs, say)


def process(kind: str, outputs: Path, say: Callable[[str], object] = print) -> dict[str, Any]:
    """Ask servers started as processes: `embedded` or `binary`.

    Raises:
        ParameterError: another kind.
        ServerNotReady: there is no tensorflow_model_server.
    """
    if kind not in ("embedded", "binary"):
        raise ParameterError(
            f"--server is embedded or binary, not {kind!r}; an image is asked by --image, a URL as it is."
        )
    return _verify(getattr(places, kind)(SETUPS), kind, outputs, say)


def attached(
    url: str, model: str, outputs: Path, grpc_url: str = "", metrics_url: str = "", say: Callable[[str], object] = print
) -> dict[str, Any]:
    """Ask a server that runs already; nothing on it is changed.

    Raises:
        ParameterError: it does not answer for this model.
    """
    rest_url = secrets.take(names.check("rest_url", url)).rstrip("/")
    path = metrics_url if metrics_url.startswith("/") else _of(metrics_url, rest_url)
    reached = Reached(rest_url, grpc_url.rpartition("//")[2], path, model=model)
    try:
        reached.get(f"/v1/models/{model}").raise_for_status()
    except OSError as error:  # requests' own errors are OSErrors
        why = trust.problem(rest_url) or f"{error}. Name it with --model"
        raise ParameterError(f"{rest_url} does not answer for a model {model!r}: {why}.") from error
    return _verify(AttachedPlace(reached), rest_url, outputs, say)


def _of(metrics_url: str, rest_url: str) -> str:
    """The path of the metrics page on the server that is asked; the whole address where it lies elsewhere."""
    url = secrets.take(names.check("metrics_url", metrics_url)) if metrics_url else ""
    return url.removeprefix(rest_url)


def identity_of(facts: dict[str, Any]) -> str:
    """What an image is known by: its digest, else its id."""
    return str(facts.get("image_digest") or facts["image_id"])


def _verify(place: Place, identity: str, outputs: Path, say: Callable[[str], object]) -> dict[str, Any]:
    answers: list[Answer] = []
    try:
        for answer in ask_all(QUESTIONS, place):
            answers.append(answer)
            say(f"{answer.answer:<14}{answer.name:<20}{'' if answer.answer == AGREES else answer.seen[:160]}".rstrip())
        found = kept.results(identity, place.facts(), answers, laws.checks())
    finally:
        place.close()
    path = kept.write(outputs, found)
    say(f"{identity}: {kept.sentence(found)}. {found['could_not_ask']} could not be asked. {path.with_suffix('.md')}")
    return found
