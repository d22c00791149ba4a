"""`NAME = value` in a shell: a program of that name is run, and the variable stays as it was."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from playbook.lint.forms.text import Word
from playbook.lint.rules.findings import Finding, finding

_COUNTED = re.compile(r"\(\(\s*([A-Za-z_]\w*)\s+=")
_NAME = re.compile(r"[A-Za-z_]\w*")


class Blanked:
    """The names that a script was to set, each until a command of the server's uses it.

    What stands in `((...))` is a sum, in which blanks do no harm.
    """

    def __init__(self, script: str = "") -> None:
        self.names: dict[str, Word] = {}
        self.counted = set(_COUNTED.findall(script))

    def add(self, words: Sequence[Word]) -> bool:
        """Remember a command that was to set a name; False for any other command."""
        meant = len(words) > 1 and bool(_NAME.fullmatch(words[0])) and bool(re.match(r"=(?!=)", words[1]))
        if meant and words[0] not in self.counted:
            self.names.setdefault(str(words[0]), words[0])
        return meant

    def used(self, words: Sequence[Word], path: str) -> Iterator[Finding]:
        """Findings of the names that these words use."""
        for name in [*self.names]:
            use = re.compile(rf"\$(?:{name}\b|\{{{name}\}})")
            if any(use.search(word) for word in words):
                word = self.names.pop(name)
                yield finding("assignment-with-blanks", path, word.line, name=name)
