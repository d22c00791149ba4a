"""Texts that a Python program writes: a file by its name, piece by piece, and a command as a shell reads it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace

from playbook.lint.forms.python_data import called
from playbook.lint.forms.python_dumps import DUMPS, dumped
from playbook.lint.forms.python_literals import Piece
from playbook.lint.forms.python_messages import Messages
from playbook.lint.forms.python_names import name_of
from playbook.lint.forms.python_texts import PLACEHOLDER
from playbook.lint.forms.python_values import Values
from playbook.lint.forms.text import UNKNOWN, Text

_OPENS = ("open", "GFile", "Open")


def written_files(
    nodes: list[ast.AST], values: Values, messages: Messages
) -> Iterator[tuple[str, Text, list[ast.expr]]]:
    """Name ("" where it is not known), text and pieces of each file that is written, on the lines they stand on.

    By `FILE.write(...)`, `print(..., file=FILE)`, `open(...).write(...)` and `Path(...).write_text(...)`.
    """
    files: list[tuple[str, Text | None]] = []
    pieces: dict[int, list[ast.expr]] = {}
    opened: dict[str, int] = {}
    begun: dict[str, int] = {}  # the lines on which files are opened
    looped: set[tuple[str, int]] = set()
    in_order = sorted((each for each in nodes if hasattr(each, "lineno")), key=values.line)
    for node in in_order:
        for variable, call in _opened(node):
            opened[variable], begun[variable] = len(files), getattr(node, "lineno", 0)
            files.append((_name(call, values), None))
        target, piece, end = _write(node)
        loop = values.loops.get(id(node))
        if (held := name_of(target)) in begun and loop is not None and begun[held] < loop.lineno:
            if (held, id(loop)) not in looped:
                looped.add((held, id(loop)))
                same = [each for each in in_order if values.loops.get(id(each)) is loop
                        and name_of(_write(each)[0]) == held]  # fmt: skip
                name, before = files[opened[held]]
                files[opened[held]] = name, _behind(before, _in_rounds(same, loop, values))
                pieces.setdefault(opened[held], []).extend(each for node in same if (each := _write(node)[1]))
            continue
        whole, grown = values.names.get(name_of(piece)), values.whole_text(name_of(piece))
        own_lines = grown is not None or values.word(whole) is not None
        piece = whole if own_lines else piece
        values.at_end = True
        text = messages.text_of(piece) or grown or dumped(node, values)
        text = text or (values.script(piece) if piece is not None else None)
        values.at_end = False
        if target is None:
            continue
        held = name_of(target)
        if text is None and held in opened and files[opened[held]][1] is not None:  # in a file of which parts are known
            text = Text(UNKNOWN, values.text.path, values.line(node))
        if text is None:
            continue
        if held not in opened:
            files.append((_name(target, values), None))
            if held:
                opened[held] = len(files) - 1
        place = opened[held] if held else len(files) - 1
        name, before = files[place]
        pieces.setdefault(place, []).extend([piece] if piece is not None else [])
        files[place] = name, _behind(before, replace(text, content=text.content.replace("\\\n", "\n") + end))
    for place, (name, text) in enumerate(files):
        if text is not None:
            templated = UNKNOWN in text.content or bool(re.search(r"\$\{?\w", text.content))
            yield name, replace(text, file=None, templated=templated), pieces[place]


def _in_rounds(writes: list[ast.AST], loop: ast.For, values: Values) -> Text:
    """What the calls of a loop write into one file, round by round."""
    parts: list[Piece] = []
    for _ in values.rounds(loop):
        for node in writes:
            _, piece, end = _write(node)
            given = values.pieces(piece) if piece is not None else None
            parts += [*(given or [(UNKNOWN, values.line(node))]), *([(end, values.line(node))] if end else [])]
    text = values.laid_out(parts, values.line(writes[0]))
    return replace(text, content=text.content.replace("\\\n", "\n"))


def _opened(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """What names stand for files: `with open(...) as NAME`, `NAME = open(...)`."""
    pairs: list[tuple[ast.AST | None, ast.expr]] = []
    if isinstance(node, (ast.With, ast.AsyncWith)):
        pairs = [(item.optional_vars, item.context_expr) for item in node.items]
    elif isinstance(node, ast.Assign) and len(node.targets) == 1:
        pairs = [(node.targets[0], node.value)]
    for target, call in pairs:
        if (name := name_of(target)) and isinstance(call, ast.Call) and called(call) in _OPENS:
            yield name, call


def _name(call: ast.AST, values: Values) -> str:
    """The last part of the path that a file is opened by."""
    path: ast.AST | None = None
    if isinstance(call, ast.Call):
        path = call.args[0] if call.args else None
        if isinstance(call.func, ast.Attribute) and call.func.attr == "open" and _is_path(call.func.value):
            path = call.func.value
        if path is not None and isinstance(path, ast.Call) and called(path) == "Path" and path.args:
            path = path.args[-1]
    elif isinstance(call, ast.BinOp) and isinstance(call.op, ast.Div):
        path = call.right
    word = values.word(path) if path is not None else None
    return word.rpartition("/")[2] if word is not None else ""


def _is_path(node: ast.AST) -> bool:
    return isinstance(node, ast.BinOp) or (isinstance(node, ast.Call) and called(node) == "Path")


def _write(node: ast.AST) -> tuple[ast.AST | None, ast.expr | None, str]:
    """Where a call writes what, and what it puts behind that."""
    if not isinstance(node, ast.Call) or not node.args:
        return None, None, ""
    if ast.unparse(node.func) in DUMPS and len(node.args) > 1:
        return node.args[1], node.args[0], ""
    if isinstance(node.func, ast.Attribute) and node.func.attr in ("write", "write_text"):
        return node.func.value, node.args[0], ""
    file = next((each.value for each in node.keywords if each.arg == "file"), None)
    return (file, node.args[0], "\n") if called(node) == "print" and file is not None else (None, None, "")


def _behind(before: Text | None, text: Text) -> Text:
    if before is None:
        return text
    gap = text.first_line - before.first_line - before.content.count("\n")
    return replace(before, content=before.content + "\n" * max(gap, 0) + text.content, coded=False)


def as_line(text: str) -> str:
    """A text as a shell reads it: its `{...}` are unknown values, flags on lines of their own end the line above."""
    return re.sub(r"(?<!\\)\n(?=\s*--\w)", r" \\\n", PLACEHOLDER.sub(UNKNOWN, text))
