"""A command behind the image's own entrypoint, which takes it for one argument more."""

from __future__ import annotations

import re

from playbook.lint.checks.command import ENTRYPOINT_SCRIPT, Place
from playbook.lint.forms.text import Word, line_of

_SCRIPT = re.compile(r"(?!\S*tensorflow_model_server$)(?:\S+\.(?:sh|bash|py)|\.{0,2}/\S+)")


def named_over(named: Word, place: Place) -> dict[str, object]:
    """The words of what is said of a start's first word: of CMD where a Dockerfile gives it, else of the command."""
    return over_entrypoint(str(named), place.built or (bool(place.dockerfile) and line_of(named) is None))


def over_entrypoint(word: str, by_image: bool = True) -> dict[str, object]:
    """The words of what is said of it: a script was to be the entrypoint itself, and never runs."""
    effect, who, remedy = (
        "the word is appended as an unknown argument",
        "The command",
        "Keep only flags in the command.",
    )
    if by_image:
        who, remedy = "CMD", 'Keep only flags in CMD, in exec form: CMD ["--enable_batching=true"].'
    if _SCRIPT.fullmatch(word) and word not in (ENTRYPOINT_SCRIPT, f"/usr/bin/{ENTRYPOINT_SCRIPT}"):
        effect += ", and the script never runs"
        remedy = f'Make it the entrypoint: ENTRYPOINT ["{word}"] (--entrypoint, entrypoint: or command: outside).'
    return {"who": who, "word": repr(word), "effect": effect, "remedy": remedy}
