"""Command lines that a script holds and does not run as they stand: told by `echo`, or in one branch's variable."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from playbook.lint.forms.simple import Simple
from playbook.lint.forms.text import Text


def told(commands: Iterable[Simple], path: str) -> Iterator[Text]:
    """The texts that lines of `echo` show one below the other, each at the lines of the script."""
    shown, first, last = "", 0, 0
    for command in commands:
        line = command.line or 0
        if not command.words or command.words[0] not in ("echo", "printf") or command.target:
            continue
        if shown and line > last + 1:
            yield Text(shown, path, first)
            shown = ""
        first = first if shown else line
        words = [word for word in command.words[1:] if not re.fullmatch("-n?e?n?", word)]
        text = re.sub(r"\\n$", "", " ".join(words))
        shown += "\n" * (line - last if shown else 0) + text
        last = line + text.count("\n")
    if shown:
        yield Text(shown, path, first)


def set_aside(commands: Iterable[Simple], path: str) -> Iterator[Text]:
    """The values that a variable of a command line has before it is set anew, as the branches of an `if` set it."""
    held: dict[str, Text] = {}
    for command in commands:
        found = _SET.match(command.words[0]) if len(command.words) == 1 else None
        if found and found[1] in held:
            yield held[found[1]]
        if found:
            held[found[1]] = Text(found[2], path, command.line or 1)


_SET = re.compile(r"([A-Za-z_]\w*)=((?:[\w./-]*/)?tensorflow_model_server\s.*)", re.DOTALL)
