"""The source of a notebook's cell: which of its lines are the shell's, and which are Python's."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator

_SETS = r"(?:[A-Za-z_][\w, ]*=\s*)?"  # what the command prints is kept by a name
_MARK = re.compile(rf"^\s*{_SETS}[!%](?:system\s|sx\s)?")
_SHELLS = re.compile(rf"\s*{_SETS}(!(?!=)|%(system|sx)\s)|\s*%env")
_MAGIC = re.compile(r"\s*%[A-Za-z_]\w*(\s|$)")


def shell_and_code(source: str) -> tuple[str, str]:
    """A cell's `!` lines as shell text, and the rest; both keep the lines where they stand.

    Where such a line is the body of an `if` or a loop, `pass` stands for it in the rest.
    """
    lines = list(_shell_lines(source))
    shell = "\n".join(_MARK.sub("", line) if on else "" for line, on in lines)
    rest, opened = [], False
    for line, on in lines:
        on = on or _MAGIC.match(line) is not None  # of IPython's own: `%cd`, `%matplotlib`
        rest.append(line[: len(line) - len(line.lstrip())] + "pass" if on and opened else "" if on else line)
        bare = line.partition(" #")[0].strip()
        opened = not on and (bare.endswith(":") or (opened and (not bare or bare.startswith("#"))))
    return shell, "\n".join(rest)


def is_python(source: str) -> bool:
    """True for a text that parses as Python, without what it would be indented in."""
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    return True


def begun(content: str) -> str:
    """A Python text without the end of a block it begins in the middle of, as excerpts do; its lines stay in place."""
    lines = content.split("\n")
    start = next((place for place, line in enumerate(lines) if line and not line[0].isspace()), -1)
    return "\n".join([""] * start + lines[start:]) if start >= 0 else textwrap.dedent(content)


def _shell_lines(source: str) -> Iterator[tuple[str, bool]]:
    """Each line, and whether it belongs to a `!` line (continuation lines included)."""
    continued = False
    for line in source.split("\n"):
        on = continued or _SHELLS.match(line) is not None
        continued = on and line.rstrip().endswith("\\")
        yield line, on
