"""A line that was to go on and ended: what of it stands as a command of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence

from playbook.lint.checks.command import OFFICIAL
from playbook.lint.forms.text import Word


def behind_prompt(words: Sequence[str]) -> bool:
    """True for a command behind a console's prompt: in a script that is the name of a program."""
    return len(words) > 1 and words[0] in ("$", "$>") and words[1][:1].isalpha()


def cut_off(words: Sequence[Word]) -> bool:
    """True where a command begins with an option: the line above was to go on, and lacks its backslash."""
    sets = bool(words) and bool(re.match(r"\w+=", words[0]))
    torn = len(words) > 1 and sets and OFFICIAL in words[1]  # the end of `-e NA\nME=value`
    words = words[1:] if torn else words
    if words and OFFICIAL in words[0] and sets and not torn:
        return False
    return bool(words) and (
        words[0].startswith("--") or bool(re.fullmatch(r"-[a-z]{1,3}", words[0])) or OFFICIAL in words[0]
    )
