"""Base paths that a Python text takes from a folder's list: os.listdir gives names without the folder in front."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from playbook.lint.forms.text import Text
from playbook.lint.rules.findings import Finding, finding

_AT_FLAG = re.compile(r"--model_base_path=[\"']?$")
_HINT = ": os.listdir gives names without their folder, so join it in front: os.path.join({folder}, {name})"


def check_listed(nodes: Sequence[ast.AST], text: Text) -> Iterator[Finding]:
    """A name of such a list right behind the flag, in an f-string or put to its text by `+`."""
    listed = dict(_listed(nodes)) if "listdir(" in text.content and "chdir(" not in text.content else {}
    if not listed:
        return
    again = {name for node in nodes if isinstance(node, ast.Assign) for each in node.targets for name in _names(each)}
    for node in nodes:
        for value in _behind_flag(node):
            if isinstance(value, ast.Name) and value.id in listed and value.id not in again:
                example = _HINT.format(folder=listed[value.id], name=value.id)
                path, line = f"{{{value.id}}}", text.line(value.lineno)
                yield finding("relative-base-path", text.path, line, path=path, example=example)


def _listed(nodes: Sequence[ast.AST]) -> Iterator[tuple[str, str]]:
    """The names that loops give to the entries of os.listdir, each with the folder that is listed."""
    held = {each.id: folder for node in nodes if isinstance(node, ast.Assign) and (folder := _folder(node.value))
            for each in node.targets if isinstance(each, ast.Name)}  # fmt: skip
    for node in nodes:
        if isinstance(node, (ast.For, ast.comprehension)):
            source = node.iter
            counted = isinstance(source, ast.Call) and getattr(source.func, "id", "") == "enumerate" and source.args
            source = source.args[0] if isinstance(source, ast.Call) and counted else source
            folder = held.get(source.id, "") if isinstance(source, ast.Name) else _folder(source)
            targets = _names(node.target)
            if folder and targets:
                yield targets[-1], folder


def _folder(node: ast.expr) -> str:
    """What os.listdir is asked to list, through sorted() too; "" for any other call."""
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("sorted", "list", "reversed") and node.args:
        return _folder(node.args[0])
    named = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
    return ast.unparse(node.args[0]) if isinstance(node, ast.Call) and named == "listdir" and node.args else ""


def _names(target: ast.expr) -> list[str]:
    parts = target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]
    return [each.id for each in parts if isinstance(each, ast.Name)]


def _behind_flag(node: ast.AST) -> Iterator[ast.expr]:
    """What is put right behind the flag's name."""
    if isinstance(node, ast.JoinedStr):
        for before, value in zip(node.values, node.values[1:], strict=False):
            told = before.value if isinstance(before, ast.Constant) else ""
            if isinstance(value, ast.FormattedValue) and _AT_FLAG.search(str(told)):
                yield value.value
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left = node.left.right if isinstance(node.left, ast.BinOp) else node.left
        if isinstance(left, ast.Constant) and _AT_FLAG.search(str(left.value)):
            yield node.right
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        told = node.func.value.value if isinstance(node.func.value, ast.Constant) else ""
        if re.search(r"^[^{}]*--model_base_path=\{\}$", str(told)) and node.args:
            yield node.args[0]
