"""Python's dicts, lists and objects of Kubernetes' client as YAML would hold them."""

from __future__ import annotations

import ast
import re
from typing import Any

from playbook.lint.forms.python_names import name_of
from playbook.lint.forms.python_values import Values
from playbook.lint.forms.text import UNKNOWN, Word
from playbook.lint.forms.yaml_lines import Items, Table

_MODEL = re.compile(r"V\d\w*$")  # how the client calls its objects
_SPELT = {"cluster_ip": "clusterIP", "host_ip": "hostIP"}


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
            items = Items(self.of(each) for each in node.elts)
            items.line = self.values.line(node)
            return items
        if isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, type(None))):
            return node.value
        if isinstance(node, ast.Call) and _MODEL.match(called(node)):
            given = self.values.keywords(node).items()
            return self._table({Word(_camel(key), self.values.line(each)): self.of(each) for key, each in given}, node)
        name = name_of(node)
        value = self.values.names.get(name) if name not in self._open | self.values.grown.keys() else None
        if not isinstance(value, (ast.Dict, ast.List, ast.Call)):
            return self._word(node)
        self.taken |= {id(each) for each in ast.walk(value)}
        self._open.add(name)
        data = self.of(value)
        self._open.discard(name)
        return data

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
    """A keyword of the client as a manifest spells it."""
    bare = name.strip("_")
    return _SPELT.get(bare) or re.sub(r"_(\w)", lambda match: match[1].upper(), bare)
