"""The files that a script's own lines make: `echo` and `printf`, put together from all that write one file."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

from playbook.lint.forms.simple import Simple
from playbook.lint.forms.text import UNKNOWN, Text, Word


def printed(form: str, values: list[Word]) -> str:
    """What printf makes of a form and its values: it is used anew until they are used up.

    What is printed line by line keeps the lines of the script that it stands on.
    """
    if form in ("%s\\n", "%b\\n") and values:
        lines: list[str] = []
        for value in values:
            lines += [""] * ((value.line or 0) - (values[0].line or 0) - len(lines)) + value.split("\n")
        return "\n".join(lines)
    form, places = re.sub(r"(?<!\\)\\n", "\n", form), len(re.findall(r"%[sd]", form))
    written, rest = "", list(values)
    while True:
        written += re.sub(r"%[sd]", lambda _: rest.pop(0).replace("$", UNKNOWN) if rest else UNKNOWN, form)
        if not rest or not places:
            return written


class Writes:
    """The files that a script's `echo` and `printf` lines make, each put together from all that write it."""

    def __init__(self, escapes: bool = True) -> None:
        """`escapes`: echo makes a line's end of `\\n`, as Debian's plain shell does and bash does not."""
        self.escapes = escapes
        self.files: dict[str, Text] = {}
        self._in_parts: set[str] = set()

    def parts(self, commands: list[Simple]) -> None:
        """Learn of all commands which files are written in several parts, one begin and what is appended."""
        begun = Counter(str(each.target) for each in commands if each.target and not each.appends)
        self._in_parts = {str(each.target) for each in commands if each.appends and begun[str(each.target)] < 2}

    def takes(self, command: Simple) -> bool:
        """True for a here-document that is a part of such a file, and nothing by itself."""
        cat = bool(command.words) and command.words[0] == "cat" and bool(command.fed)
        return cat and command.target is not None and str(command.target) in self._in_parts

    def add(self, command: Simple, path: str) -> None:
        """Take in a command, where it writes words into a file; the lines of the script are kept."""
        words = command.words
        if self.takes(command):
            self._put(str(command.target), command.fed, path, command.fed_line, command.appends)
            return
        if not command.target or not words or words[0] not in ("echo", "printf"):
            return
        content = " ".join(word for word in words[1:] if word not in ("-e", "-n", "-en", "-ne"))
        if self.escapes or words[0] == "printf" or any(re.fullmatch("-n?en?", word) for word in words[1:2]):
            content = re.sub(r"(?<!\\)\\n", "\n", content)
        content = printed(words[1], words[2:]) if words[0] == "printf" and len(words) > 1 else content
        content = content.removesuffix("\n")  # what is appended stands on the next line
        shown = [word for word in words[1:] if not word.startswith("-")] or words
        flat = not any("\n" in word.written for word in words)
        line = shown[0].line or 1  # a variable's text stands where that is set
        self._put(str(command.target), content, path, line, command.appends, flat)

    def _put(self, name: str, content: str, path: str, line: int, appends: bool, flat: bool = False) -> None:
        """Write a file anew, or append to what is written of it, each part at its lines."""
        before = self.files.get(name) if appends else None
        if before is None:
            self.files[name] = Text(content, path, line, coded=flat)
            return
        blank = max(line - before.first_line - before.content.count("\n"), 1)
        self.files[name] = replace(before, content=before.content + "\n" * blank + content, coded=False)
