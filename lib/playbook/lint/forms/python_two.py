"""Python 2 as Python 3 would parse it, each line where it stands; what it does is the same as far as lint reads it."""

from __future__ import annotations

import re

_PRINT = re.compile(r"(?m)^(\s*(?:[^\s#'\"][^#'\"\n]*:\s*)?)print[ \t]+(?:>>\s*([\w.]+)\s*,\s*)?(?![=(])([^\n]+)$")
_BARE = re.compile(r"(?m)^(\s*)print[ \t]*$")
_CAUGHT = re.compile(r"(?m)^(\s*except\s+[^:\n]+?)\s*,\s*(\w+)\s*:")
_RAISED = re.compile(r"(?m)^(\s*raise\s+[\w.]+)\s*,\s*([^\n]+)$")
_ASYNC = re.compile(r"\basync(?=\s*=[^=])")
_OCTAL = re.compile(r"(?<![\w.])0([0-7]+)\b(?!\.)")


def as_python_three(content: str) -> str:
    """The text with its print statements as calls, and what else Python 3 spells another way."""
    content = _PRINT.sub(_call, _BARE.sub(r"\1print()", content))
    content = _RAISED.sub(r"\1(\2)", _CAUGHT.sub(r"\1 as \2:", content))
    return _OCTAL.sub(r"0o\1", _ASYNC.sub("async_", content).replace("<>", "!="))


def _call(found: re.Match) -> str:
    if "#" in found[3] or any(found[3].count(begin) != found[3].count(end) for begin, end in ("()", "[]", "{}")):
        return (
            f"{found[1]}_ = {found[2] + ', ' if found[2] else ''}{found[3]}"  # it goes on, or a comment stands behind
        )
    said = found[3].rstrip().rstrip(",")
    return f"{found[1]}print({said}, file={found[2]})" if found[2] else f"{found[1]}print({said})"
