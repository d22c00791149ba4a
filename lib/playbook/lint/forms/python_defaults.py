"""Parameters of a Python text's functions that are known: no call gives them, or the one call gives a text."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def kept_defaults(tree: ast.AST) -> dict[str, ast.expr]:
    """Parameter -> its default, where one function alone has it and calls of that function here never give it; or what
    the one call of that function gives it."""
    functions = list(_functions(tree))
    seen = Counter(arg.arg for _, function, _ in functions for arg in _arguments(function))
    calls: dict[str, list[ast.Call]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            calls.setdefault(getattr(node.func, "attr", getattr(node.func, "id", "")), []).append(node)
    found: dict[str, ast.expr] = {}
    for called, function, bound in functions:
        for place, (name, default) in enumerate(_defaults(function, bound)):
            given = calls.get(called, [])
            if default is not None and seen[name] == 1 and given and not any(_gives(c, name, place) for c in given):
                found[name] = default
            elif seen[name] == 1 and len(given) == 1 and (told := _told(given[0], name, place)) is not None:
                found[name] = told
    return found


def _functions(tree: ast.AST) -> Iterator[tuple[str, _Function, bool]]:
    """Each function by the name that calls it, and whether its first parameter is the object itself."""
    methods: dict[int, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            methods |= {id(each): node.name for each in node.body}
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            owner = methods.get(id(node), "")
            yield (owner if owner and node.name == "__init__" else node.name), node, bool(owner)


def _arguments(function: _Function) -> list[ast.arg]:
    return [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]


def _defaults(function: _Function, bound: bool) -> list[tuple[str, ast.expr | None]]:
    """The parameters by place with their constant defaults, None for one that has none."""
    places = [*function.args.posonlyargs, *function.args.args]
    values = [None] * (len(places) - len(function.args.defaults)) + list(function.args.defaults)
    pairs = list(zip(places, values, strict=True))[bound:]
    pairs += list(zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True))
    return [(arg.arg, value if isinstance(value, ast.Constant) else None) for arg, value in pairs]


def _told(call: ast.Call, name: str, place: int) -> ast.Constant | None:
    """The text that the one call of a function gives a parameter; None for anything else."""
    if any(isinstance(each, ast.Starred) for each in call.args):
        return None
    placed = call.args[place] if len(call.args) > place else None
    told = next((each.value for each in call.keywords if each.arg == name), placed)
    return told if isinstance(told, ast.Constant) and isinstance(told.value, str) else None


def _gives(call: ast.Call, name: str, place: int) -> bool:
    """True for a call that gives a parameter, or may."""
    starred = any(isinstance(each, ast.Starred) for each in call.args)
    return starred or len(call.args) > place or any(each.arg in (name, None) for each in call.keywords)
