"""Names of a Python text: what a node is called, what is added to a list by name, and what a loop goes over."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from playbook.lint.forms.python_arguments import arguments_of
from playbook.lint.forms.python_defaults import kept_defaults


def name_of(node: ast.AST | None) -> str:
    """The name that a node is, those of a class's own (`self.NAME`) among them; "" for anything else."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def added_by(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Name and item of `NAME.append(ITEM)`, `NAME.extend(LIST)` and `NAME += LIST`."""
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) and isinstance(node.op, ast.Add):
        yield node.target.id, node.value
        return
    call = node.func if isinstance(node, ast.Call) and node.args else None
    if isinstance(call, ast.Attribute) and call.attr in ("append", "extend") and isinstance(call.value, ast.Name):
        yield call.value.id, node.args[0]  # type: ignore[attr-defined]


def in_loop(item: ast.expr, loop: ast.For | None) -> ast.expr:
    """What is added in a loop, as the comprehension that it amounts to."""
    names = {name_of(node) for node in ast.walk(loop.target)} if loop is not None else set()
    if loop is None or not any(name_of(node) in names for node in ast.walk(item) if name_of(node)):
        return item
    each = ast.comprehension(target=loop.target, iter=loop.iter, ifs=[], is_async=0)
    return ast.copy_location(ast.ListComp(elt=item, generators=[each]), item)


def names_in(target: ast.expr) -> list[str]:
    """The names that a loop sets, in order."""
    return [name_of(each) for each in (target.elts if isinstance(target, ast.Tuple) else [target])]


def rows_of(node: ast.expr, width: int, names: Mapping[str, ast.expr]) -> list[list[ast.expr]] | None:
    """What a loop goes over, row by row: `DICT.items()`, or a list; None where it is not known."""
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("sorted", "list", "reversed") and node.args:
        return rows_of(node.args[0], width, names)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "items":
        name = node.func.value
        given = _as_dict(names.get(name_of(name)) if name_of(name) else name)
        return [[key, value] for key, value in zip(given.keys, given.values, strict=True) if key is not None] if (
            isinstance(given, ast.Dict) and width == 2 and None not in given.keys) else None  # fmt: skip
    given = names.get(name_of(node)) if name_of(node) else node
    if not isinstance(given, (ast.List, ast.Tuple)) or any(isinstance(each, ast.Starred) for each in given.elts):
        return None
    rows = [[each] if width == 1 else list(getattr(each, "elts", [])) for each in given.elts]
    return rows if all(len(row) == width for row in rows) else None


def sum_of(node: ast.expr, names: Mapping[str, ast.expr], depth: int = 4) -> int | None:
    """The whole number that an expression of `+` is; None for anything else."""
    given = names.get(name_of(node), node)
    if isinstance(given, ast.BinOp) and isinstance(given.op, ast.Add) and depth:
        left, right = sum_of(given.left, names, depth - 1), sum_of(given.right, names, depth - 1)
        return None if left is None or right is None else left + right
    value = given.value if isinstance(given, ast.Constant) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def first_rounds(tree: ast.AST) -> dict[str, ast.expr]:
    """Names of loops over `range(...)`, with what they are in the first round."""
    found: dict[str, ast.expr] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.For) and isinstance(node.target, ast.Name) and isinstance(node.iter, ast.Call):
            given = node.iter.args
            if getattr(node.iter.func, "id", "") == "range" and given and not node.iter.keywords:
                start = given[0] if len(given) > 1 else ast.copy_location(ast.Constant(0), node.iter)
                found.setdefault(node.target.id, start)
    return found


def _as_dict(node: ast.expr | None) -> ast.expr | None:
    """`dict(name=value, ...)` as the dict that it makes; any other node as it is."""
    if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "dict") or node.args:
        return node
    named = [each for each in node.keywords if each.arg]
    keys: list[ast.expr | None] = [ast.copy_location(ast.Constant(each.arg), each.value) for each in named]
    whole = len(named) == len(node.keywords)
    return ast.copy_location(ast.Dict(keys, [each.value for each in named]), node) if whole else node


def branches(tree: ast.AST) -> dict[int, dict[int, str]]:
    """For each node inside an `if` the sides it stands on: "body" or "orelse", by the `if`'s own node."""
    sides: dict[int, dict[int, str]] = {}
    for node in ast.walk(tree):
        for side in ("body", "orelse") if isinstance(node, ast.If) else ():
            for inner in (each for child in getattr(node, side) for each in ast.walk(child)):
                sides.setdefault(id(inner), {})[id(node)] = side
    return sides


def on_side(items: Iterable[tuple[ast.expr, dict[int, str]]], side: str) -> list[ast.expr]:
    """What is added where every `if` takes one side, of those that add something on both; by line."""
    held = list(items)
    taken: dict[int, set[str]] = {}
    for _, sides in held:
        for way, here in sides.items():
            taken.setdefault(way, set()).add(here)
    split = {way for way, here in taken.items() if len(here) > 1}
    kept = [item for item, sides in held if all(sides[way] == side for way in split & sides.keys())]
    return sorted(kept, key=lambda item: item.lineno)


@dataclass
class Names:
    """What a Python text sets by name: values that are set once, what is added to them, and its docstrings."""

    values: dict[str, ast.expr] = field(default_factory=dict)
    added: dict[str, list[tuple[ast.expr, dict[int, str]]]] = field(default_factory=dict)  # with the sides of each `if`
    docstrings: set[int] = field(default_factory=set)
    loops: dict[int, ast.For] = field(default_factory=dict)  # of each node, and of what is added, the innermost loop
    arguments: dict[str, ast.Constant] = field(default_factory=dict)  # of the command line, by how they are asked for


def gathered(tree: ast.AST) -> Names:
    """The names of a text; one that is set twice stands for nothing that is known."""
    names, twice, sides = Names(arguments=arguments_of(tree)), set[str](), branches(tree)
    loops = {
        id(inner): node for node in ast.walk(tree) if isinstance(node, ast.For) for inner in ast.walk(node)
    }  # the innermost one, as outer ones come first
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and (name := name_of(node.targets[0])):
            twice |= {name} & names.values.keys()
            names.values[name] = node.value
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            names.docstrings.add(id(node.value))
        for name, item in added_by(node):
            whole = in_loop(item, loops.get(id(node)))
            loops |= {id(whole): loops[id(node)]} if id(node) in loops else {}
            names.added.setdefault(name, []).append((whole, sides.get(id(node), {})))
    for name in twice:
        del names.values[name]
    names.loops = loops
    names.values = {**first_rounds(tree), **kept_defaults(tree), **names.values}
    return names
