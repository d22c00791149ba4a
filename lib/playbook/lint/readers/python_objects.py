"""Containers that Python describes by calls with keywords: Pulumi, CDK, Airflow, Azure ML (see python_client, too)."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import Any

from playbook.lint.checks.command import OFFICIAL
from playbook.lint.checks.reading import Document, Reading
from playbook.lint.forms.object_fields import TYPE
from playbook.lint.forms.python_data import Data
from playbook.lint.forms.python_names import name_of
from playbook.lint.forms.python_values import Values
from playbook.lint.forms.text import Word
from playbook.lint.forms.walking import words_in
from playbook.lint.forms.yaml_lines import Items, Table
from playbook.lint.readers.program_objects import read_tables

_DEPTH = 30
_MADE = re.compile(r"\w+Args|\w*PodOperator|add_container|\w+OnlineDeployment|(Deployment|StatefulSet|Pod|Job)")
_RENAMED = {
    "arguments": "args",
    "cmds": "command",
    "env_vars": "env",
    "environment_variables": "environment_variables",
    "inference_config": "inference_config",
}


def read_made(name: str, node: ast.Call, values: Values, document: Document) -> Reading:
    """What an object of a known client starts; an empty reading for another call, and where the server is not in it."""
    if not _MADE.fullmatch(name) or not node.keywords:
        return Reading()
    table = _table(node, values, 0)
    if not any(OFFICIAL in word for word in words_in(table)):
        return Reading()
    inside = Document(replace(document.text, templated=True), document.around)
    return read_tables([table], inside)


def _table(node: ast.Call, values: Values, depth: int) -> Table:
    """A call as the object it makes: its keywords as keys, spelt as manifests spell them."""
    table = Table()
    table.line = values.line(node)
    for key, value in values.keywords(node).items():
        plain = _RENAMED.get(key) or re.sub(r"_(\w)", lambda match: match[1].upper(), key.rstrip("_"))
        held = _data(value, values, depth + 1)
        if plain == "env" and isinstance(held, Table):  # a mapping of names
            held = _pairs(held)
        table[Word(plain, values.line(value))] = held
    made = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    table[TYPE] = "Container" if made.endswith("PodOperator") else made
    return table


def _pairs(held: Table) -> Items:
    items = Items(Table(name=name, value=value) for name, value in held.items() if name != TYPE)
    for each, name in zip(items, (name for name in held if name != TYPE), strict=True):
        each.line = getattr(name, "line", held.line)
    items.line = held.line
    return items


def _data(node: ast.AST, values: Values, depth: int) -> Any:
    if depth > _DEPTH:
        return Word("$…", values.line(node))
    if isinstance(node, ast.Call):
        if values.keywords(node):
            return _table(node, values, depth)
        if node.args:  # `ContainerImage.from_registry(NAME)`
            return _data(node.args[0], values, depth + 1)
    if isinstance(node, (ast.List, ast.Tuple)):
        items = Items()
        items.line = values.line(node)
        for each in node.elts:
            items.extend(
                values.words(each.value) if isinstance(each, ast.Starred) else [_data(each, values, depth + 1)]
            )
        return items
    if isinstance(node, ast.Dict):
        pairs = [
            (values.word(key), value) for key, value in zip(node.keys, node.values, strict=True) if key is not None
        ]
        table = Table({key: _data(value, values, depth + 1) for key, value in pairs if key is not None})
        table.line = values.line(node)
        return table
    if (held := values.names.get(name_of(node))) is not None and held is not node:
        return _data(held, values, depth + 1)
    return Data(values).of(node)
