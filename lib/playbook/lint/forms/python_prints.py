"""Rows of `print` in a Python text, which show one text line by line."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator


def printed(nodes: Iterable[ast.AST]) -> Iterator[list[ast.expr]]:
    """What each row of calls of `print` shows that stand right below one another, with one text each."""
    row: list[ast.expr] = []
    last = 0
    for node in sorted((each for each in nodes if isinstance(each, ast.Expr)), key=lambda each: each.lineno):
        shown = _shown(node)
        if row and (shown is None or node.lineno != last + 1):
            yield row
            row = []
        if shown is not None:
            row.append(shown)
            last = node.end_lineno or node.lineno
    if row:
        yield row


def _shown(node: ast.Expr) -> ast.expr | None:
    call = node.value
    if not isinstance(call, ast.Call) or getattr(call.func, "id", "") != "print" or call.keywords:
        return None
    return call.args[0] if len(call.args) == 1 else None
