"""Python's dicts, lists and objects of a client as YAML would hold them: keywords are keys, spelt as manifests do."""

from __future__ import annotations

import ast
import re
from typing import Any

from playbook.lint.forms.object_fields import TYPE
from playbook.lint.forms.python_names import name_of
from playbook.lint.forms.python_values import Values
from playbook.lint.forms.text import UNKNOWN, Word
from playbook.lint.forms.yaml_lines import Items, Table

_SPELT = {
    "cluster_ip": "clusterIP",
    "host_ip": "hostIP",
    "arguments": "args",  # of Airflow's operators
    "cmds": "command",
    "env_vars": "env",
    "environment_variables": "environment_variables",  # Azure's files have it so
    "inference_config": "inference_config",
}


class Data:
    """The nodes of a Python text as mappings, lists and words with lines."""

    def __init__(self, values: Values):
        self.values = values
        self.taken: set[int] = set()  # nodes of values that stand in another, by their names
        self._open: set[str] = set()

    def of(self, node: ast.AST) -> Any:
        """What a node stands for; a name that is set once, for its value."""
        if isinstance(node, ast.Dict):
            pairs = [(self._word(key), value) for key, value in zip(node.keys, node.values, strict=True) if key]
            return self._table({key: self.of(value) for key, value in pairs}, node)
        if isinstance(node, (ast.List, ast.Tuple)):
            items = Items(held for each in node.elts for held in self._items(each))
            items.line = self.values.line(node)
            return items
        if isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, type(None))):
            return node.value
        if isinstance(node, ast.Call):
            return self._call(node)
        name = name_of(node)
        value = self.values.names.get(name) if name not in self._open | self.values.grown.keys() else None
        if not isinstance(value, (ast.Dict, ast.List, ast.Call)):
            return self._word(node)
        self.taken |= {id(each) for each in ast.walk(value)}
        self._open.add(name)
        data = self.of(value)
        self._open.discard(name)
        return data

    def made(self, node: ast.Call) -> Table:
        """A call as the object it makes, with the name of what it calls as its type."""
        table = self._table({}, node)
        for key, value in self.values.keywords(node).items():
            held = self.of(value)
            plain = _SPELT.get(key) or _SPELT.get(key.strip("_")) or _camel(key.strip("_"))
            if plain == "env" and isinstance(held, Table):  # a mapping of names
                held = _pairs(held)
            table[Word(plain, self.values.line(value))] = held
        table[TYPE] = called(node)
        return table

    def _call(self, node: ast.Call) -> Any:
        """An object; `ContainerImage.from_registry(NAME)` is what it is made from."""
        word = self.values.word(node)
        if word is not None:
            return word
        if called(node)[:1].isupper() and self.values.keywords(node):
            return self.made(node)
        maker = node.func.value if isinstance(node.func, ast.Attribute) else None
        if maker is not None and called(node).startswith("from_") and node.args and ast.unparse(maker)[-1:].isalnum():
            return self.of(node.args[0])
        return self._word(node)

    def _items(self, node: ast.expr) -> list[Any]:
        return list(self.values.words(node.value)) if isinstance(node, ast.Starred) else [self.of(node)]

    def _table(self, pairs: dict[Word, Any], node: ast.AST) -> Table:
        table = Table(pairs)
        table.line = self.values.line(node)
        return table

    def _word(self, node: ast.AST) -> Word:
        return self.values.word(node) or Word(UNKNOWN, self.values.line(node))


def called(node: ast.Call) -> str:
    """The name of what a call calls, without what stands before its last dot."""
    return getattr(node.func, "attr", "") or getattr(node.func, "id", "")


def _camel(name: str) -> str:
    """A keyword of a client as a manifest spells it."""
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


def _pairs(held: Table) -> Items:
    """A mapping of names as the list of names and values that a manifest has."""
    items = Items()
    for name, value in held.items():
        pair = Table(name=name, value=value)
        pair.line = getattr(name, "line", held.line)
        items.append(pair)
    items.line = held.line
    return items
