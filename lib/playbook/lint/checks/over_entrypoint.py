"""A command behind the image's own entrypoint, which takes it for one argument more."""

from __future__ import annotations

import re

from playbook.lint.checks.command import ENTRYPOINT_SCRIPT

_SCRIPT = re.compile(r"(?!\S*tensorflow_model_server$)(?:\S+\.(?:sh|bash|py)|\.{0,2}/\S+)")


def over_entrypoint(word: str) -> dict[str, object]:
    """The words of what is said of it: a script was to be the entrypoint itself, and never runs."""
    effect, remedy = (
        "the word is appended as an unknown argument",
        ('Keep only flags in CMD, in exec form: CMD ["--enable_batching=true"].'),
    )
    if _SCRIPT.fullmatch(word) and word not in (ENTRYPOINT_SCRIPT, f"/usr/bin/{ENTRYPOINT_SCRIPT}"):
        effect += ", and the script never runs"
        remedy = f'Make it the entrypoint: ENTRYPOINT ["{word}"] (--entrypoint, entrypoint: or command: outside).'
    return {"word": repr(word), "effect": effect, "remedy": remedy}
