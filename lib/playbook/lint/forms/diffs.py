"""Diffs, as documents show changes: the text they lead to, on the same lines."""

from __future__ import annotations

import re

_HEAD = re.compile(r"diff |index [0-9a-f]|--- \S|\+\+\+ \S|@@ |\\ No newline")


def after(content: str) -> str:
    """The text that a diff leads to; what it takes away leaves a blank line, or one that goes on where one went on."""
    result: list[str] = []
    for line in content.split("\n"):
        if _HEAD.match(line):
            result.append("")
        elif line.startswith("-"):
            result.append("\\" if result and result[-1].rstrip().endswith("\\") else "")
        else:
            result.append(line[1:] if line.startswith(("+", " ")) else line)
    return "\n".join(result)
