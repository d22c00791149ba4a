"""The variables of files that a script takes in by `source` or a dot."""

from __future__ import annotations

import re

from playbook.lint.checks.reading import Document
from playbook.lint.forms.text import Word
from playbook.lint.forms.variables import variables

_SOURCE = re.compile(r"(?m)(?:^|[;&]\s*)\s*(?:source|\.)\s+[\"']?(?:\./)?([\w./-]+)")
_PLAIN = re.compile(r"\s*(#.*|(export\s+)?[A-Za-z_]\w*=.*)?$")


def sourced_variables(document: Document) -> dict[str, Word]:
    """The variables by name, of files that hold nothing else."""
    found: dict[str, Word] = {}
    for name in (each for each in _SOURCE.findall(document.text.content) if not each.startswith("/")):
        text = document.around.sources.file(document.folder / name) if document.folder is not None else None
        if text is not None and all(_PLAIN.match(line) for line in text.content.split("\n")):
            found |= variables(text)
    return found
