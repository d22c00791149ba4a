"""What the image's own entrypoint makes of a shell's form: `/bin/sh -c TEXT` are three arguments of the server's."""

from __future__ import annotations

import re

from playbook.lint.checks.schema import KINDS
from playbook.tfserving.flags import FLAGS

_LONE = re.compile(r"--(\w+)(=\S*)?")
_FIRST = re.compile(r"--(\w+)=\S*\s")
_LOST = "every flag in it is lost"


def is_lone_flag(text: str) -> bool:
    """True for a text of one flag: the server reads it as if it stood alone."""
    lone = _LONE.fullmatch(text.strip())
    return lone is not None and lone[1] in FLAGS


def shell_form(text: str) -> tuple[str, dict[str, str]]:
    """The rule that a CMD of this text in shell form meets under the image's own entrypoint, and its words.

    No shell runs: the text is one word to the server's parser, whatever blanks it holds.
    """
    if is_lone_flag(text):
        return "cmd-shell-word", {"word": text.strip()}
    first = _FIRST.match(text.strip())
    kind = FLAGS.get(first[1]) if first is not None else None
    if first is None or kind is None:
        return "cmd-shell-form", {"effect": _LOST}
    whole = f"the flags are one word, all of it --{first[1]}'s value"
    if kind != "text" or first[1] in KINDS:
        return "cmd-shell-form", {"effect": f"{whole}, and the server exits with code 255"}
    return "cmd-shell-form", {"effect": f"{whole}, and the others are lost"}
