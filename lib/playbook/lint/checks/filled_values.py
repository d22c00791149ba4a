"""A config file whose values alone are filled in later: all that stands around them is there, and is held strictly."""

from __future__ import annotations

import re

from playbook.lint.checks.refusals import refusal_of
from playbook.lint.forms.text import UNKNOWN

_UNKNOWN = rf"(?:{re.escape(UNKNOWN)}|\$\{{[^{{}}\n]*\}}|\$\w+)"
_QUOTED = re.compile(r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'")
_VALUE = re.compile(rf"(?<=:)(\s*)[\w.-]*{_UNKNOWN}[\w.$-]*(?=\s*(?:[,;}}>#\n]|$))")
_OPEN = re.compile(r"\$|\.\.\.|…|\{\{|<[A-Za-z]")
_MOST = 100


def strict_part(content: str, message: str) -> str | None:
    """The text without the lines whose values nobody knows yet, to be read as the server reads it.

    None where more than values is left open, and where nothing of the rest is wrong.
    """
    lines = content.split("\n")
    filled = _QUOTED.sub(lambda quoted: re.sub(_UNKNOWN, "0", quoted.group()), content)
    filled = _VALUE.sub(r"\g<1>0", filled)
    open_lines = [place for place, line in enumerate(filled.split("\n")) if line != lines[place]]
    if not open_lines or _OPEN.search(filled) or filled.count("{") != filled.count("}"):
        return None
    rest = filled.split("\n")
    for _ in range(_MOST):
        refusal = refusal_of("\n".join(rest), message)
        if refusal is None or refusal[0] is None:
            return None
        place = refusal[0] - 1
        if place not in open_lines or not rest[place].strip():
            return "\n".join(rest)
        if rest[place].count("{") != rest[place].count("}"):
            return None
        rest[place] = ""  # of what kind its value is, nobody knows
    return None
