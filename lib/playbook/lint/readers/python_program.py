"""A Python text while it is read: its nodes, what they stand for, and what of it was read already."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from playbook.lint.checks.reading import Document
from playbook.lint.forms.python_values import Values


@dataclass
class Program:
    """A text's nodes with what their names stand for; readers take the nodes that they understood."""

    document: Document
    values: Values
    nodes: list[ast.AST]
    read: set[int] = field(default_factory=set)
    lines: list[str] = field(default_factory=list)  # command lines that were read from texts

    @property
    def path(self) -> str:
        """The file, as it is shown."""
        return self.document.text.path

    def take(self, node: ast.AST) -> None:
        """Nobody else is to read this node, nor what stands in it."""
        self.read |= {id(each) for each in ast.walk(node)}

    def is_read(self, node: ast.AST) -> bool:
        """True where another reader understood the node, or what it stands in."""
        return id(node) in self.read
