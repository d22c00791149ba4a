"""How a list of words calls a shell: `sh -c SCRIPT`."""

from __future__ import annotations

import re

from playbook.lint.forms.text import Word

SHELLS = ("sh", "bash", "ash", "dash", "zsh")


def is_shell(word: str) -> bool:
    """True for the name of a shell."""
    return word.rpartition("/")[2] in SHELLS


def by_bash(script: str) -> bool:
    """True for a script whose first line gives it to bash."""
    return bool(re.match(r"#!.*\bbash\b", script))


def script_of(words: list[Word]) -> tuple[Word, list[Word]] | None:
    """The script of `sh -c SCRIPT` and the words behind it; None where the words are no such call."""
    start = next((place for place, word in enumerate(words[:3]) if is_shell(word)), None)
    if start is None:
        return None
    for place in range(start + 1, len(words) - 1):
        if not words[place].startswith("-"):
            return None
        if re.fullmatch(r"-[a-z]*c", words[place]):
            return words[place + 1], words[place + 2 :]
    return None
