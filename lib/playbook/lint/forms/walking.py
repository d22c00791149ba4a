"""What stands in a tree of YAML, JSON or HCL, at any depth: its tables, its lists of words, its words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from playbook.lint.forms.text import Word
from playbook.lint.forms.yaml_lines import Table


def held_by(node: Any) -> Iterator[Any]:
    """The values of a mapping or a list; nothing of anything else."""
    yield from node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()


def tables_in(node: Any) -> Iterator[Table]:
    """Every table, the outer ones first."""
    if isinstance(node, Table):
        yield node
    for value in held_by(node):
        yield from tables_in(value)


def lists_in(node: Any) -> Iterator[list[Word]]:
    """Every list that holds words alone."""
    if isinstance(node, list) and node and all(isinstance(item, Word) for item in node):
        yield node
        return
    for value in held_by(node):
        yield from lists_in(value)


def words_in(node: Any) -> Iterator[Word]:
    """Every word."""
    if isinstance(node, Word):
        yield node
    for value in held_by(node):
        yield from words_in(value)
