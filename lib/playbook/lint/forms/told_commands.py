"""What a script tells its reader by `echo` and `printf`, as the text that is shown."""

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
