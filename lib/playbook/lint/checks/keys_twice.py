"""Keys that stand twice in one mapping of a document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from playbook.lint.forms.walking import tables_in
from playbook.lint.rules.findings import Finding, finding

_PROSE = (".md", ".rst", ".ipynb", ".adoc")


def check_twice(data: Any, shown: str) -> Iterator[Finding]:
    """Keys that stand twice in a mapping of an object, or of compose's."""
    for table in tables_in(data) if {"apiVersion", "services"} & {*data} else ():
        for key, line, first in table.twice:
            heads = table is data and key in ("apiVersion", "kind")
            right = "Put a line of dashes (---) in front: here another object begins." if heads else "Keep one."
            if not (heads and shown.endswith(_PROSE)):  # which shows two files as one
                yield finding("key-twice", shown, line, key=key, first=first, right=right)
