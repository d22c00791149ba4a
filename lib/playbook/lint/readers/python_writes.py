"""Texts that a Python program writes: a file line by line, and a command as a shell reads it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from playbook.lint.checks.schema import is_config
from playbook.lint.forms.python_values import PLACEHOLDER, Values
from playbook.lint.forms.text import UNKNOWN, Text


def written_by_lines(nodes: list[ast.AST], values: Values) -> Iterator[Text]:
    """Texts that several `FILE.write(...)` of one name put together, each line where it is written."""
    texts: dict[str, Text] = {}
    for node in nodes:
        call = node.func if isinstance(node, ast.Call) and node.args else None
        if not (isinstance(call, ast.Attribute) and call.attr == "write" and isinstance(call.value, ast.Name)):
            continue
        word, before = values.word(node.args[0]), texts.get(call.value.id)  # type: ignore[attr-defined]
        if word is None:
            continue
        line = word.line or 1
        gap = line - before.first_line - before.content.count("\n") if before else 0
        content = (before.content + "\n" * max(gap, 0) if before else "") + word
        texts[call.value.id] = Text(
            content, values.text.path, before.first_line if before else line, templated="$" in content
        )
    yield from (text for text in texts.values() if is_config(text.content))


def as_line(text: str) -> str:
    """A text as a shell reads it: its `{...}` are unknown values, flags on lines of their own end the line above."""
    return re.sub(r"(?<!\\)\n(?=\s*--\w)", r" \\\n", PLACEHOLDER.sub(UNKNOWN, text))
