"""Fields of objects that programs write out: how their names read as YAML's, and objects inside of builders."""

from __future__ import annotations

import re
from typing import Any

from playbook.lint.forms.text import Word
from playbook.lint.forms.yaml_lines import Items, Table

TYPE = "(type)"  # the key under which a table keeps the name of what it makes
NESTED = re.compile(r"(with|add|edit|editOrNew)(?:New|First|Last|OrNew)(\w+)")


def lower(name: str) -> str:
    """A field of Go's or a builder's under YAML's name: HTTPGet is httpGet."""
    return re.sub(r"^([A-Z]+)(?=[A-Z][a-z]|$)|^[A-Z]", lambda match: match.group().lower(), name)


def begin(nested: re.Match, name: Word, stack: list[Table]) -> None:
    """Put the object that a builder's call begins into the one it stands in, and onto the stack."""
    inner = Table()
    inner.line = name.line
    key = lower(nested[2])
    several = nested[1] == "add" or nested[2] in ("Container", "Port", "VolumeMount", "Volume")
    if several:
        plural = key if key in ("env", "envFrom") else f"{key}s"
        stack[-1].setdefault(Word(plural, name.line), Items()).append(inner)
    else:
        stack[-1][Word(key, name.line)] = inner
    stack.append(inner)


def untyped(node: Any) -> None:
    """Take the names of types from the objects inside an object."""
    for value in node.values() if isinstance(node, dict) else node:
        if isinstance(value, (dict, list)):
            if isinstance(value, dict):
                value.pop(TYPE, None)
            untyped(value)
