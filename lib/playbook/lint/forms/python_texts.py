"""Nodes of a Python text as the text they stand for: constants, f-strings, `%`, `format`, `join`, paths, names."""

from __future__ import annotations

import ast
import re
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count

from playbook.lint.forms.python_literals import Literals, Piece
from playbook.lint.forms.python_names import Names, name_of, on_side, sum_of
from playbook.lint.forms.text import UNKNOWN, Text, Word

_DEPTH = 5
_PERCENT = re.compile(r"%(?:\((\w+)\))?[sdrf]")
PLACEHOLDER = re.compile(r"(?<!\$)\{\w*(?:[.!:\[][^{}\"' ]*)?\}")
_FORMAT = re.compile(rf"\{{\{{|\}}\}}|{PLACEHOLDER.pattern}")


class Texts(Literals):
    """What the nodes of a Python text stand for, as words and as texts that keep their lines."""

    def __init__(self, names: Names, text: Text):
        super().__init__(text)
        self.names: dict[str, ast.expr] = dict(names.values)
        self.docstrings = names.docstrings
        self._added = names.added
        self._arguments = names.arguments
        self.at_end = False  # whether names of texts stand for what they are behind every `+=`
        self._open: set[str] = set()  # names whose value is being put together
        self.choose("body")

    @abstractmethod
    def words(self, node: ast.AST | None) -> list[Word]:
        """A list's words."""

    @abstractmethod
    def keywords(self, node: ast.Call) -> dict[str, ast.expr]:
        """The keywords of a call."""

    @abstractmethod
    def pairs(self, node: ast.AST | None) -> Iterator[tuple[Word, ast.expr]]:
        """A dict's items with keys that are known."""

    def choose(self, side: str) -> None:
        """What is added to lists and texts where every `if` that adds on both sides takes this one."""
        self.grown = {name: on_side(items, side) for name, items in self._added.items()}

    @contextmanager
    def once(self, name: str) -> Iterator[tuple[ast.expr | None, list[ast.expr]]]:
        """What a name stands for and what is added to it; nothing inside its own value (`path = str(path)`)."""
        if name in self._open:
            yield None, []
            return
        self._open.add(name)
        try:
            yield self.names.get(name), self.grown.get(name, [])
        finally:
            self._open.discard(name)

    def word(self, node: ast.AST | None) -> Word | None:
        """A node as one word, unknown parts marked; None for what is no text at all."""
        if node is None:
            return None
        pieces = self.pieces(node)
        return None if pieces is None else Word(_joined(pieces), self.line(node))

    def script(self, node: ast.AST) -> Text | None:
        """A node as a shell's text that keeps the lines its parts stand on; None for what is no text at all."""
        pieces = self.pieces(node)
        if not pieces:
            return None
        laid_out = self.laid_out(pieces, min(self.line(node), pieces[0][1]))
        return replace(laid_out, coded=True) if "\n" in laid_out.content and self._on_one_line(node) else laid_out

    def _on_one_line(self, node: ast.AST) -> bool:
        """True for a text that is written on one line: its line ends are letters of it."""
        node = self.names.get(name_of(node), node)
        inner = [self.names[name] for each in ast.walk(node) if (name := name_of(each)) in self.names]
        return all(getattr(each, "end_lineno", 0) == getattr(each, "lineno", 0) for each in (node, *inner))

    def laid_out(self, pieces: list[Piece], first: int) -> Text:
        """The pieces as a shell's text from this line on, each at its line."""
        written, line = "", first
        for text, place in pieces:
            written += "\\\n" * max(place - line, 0) + text
            line = max(line, place) + text.count("\n")
        return Text(written, self.text.path, first, self.text.file)

    def pieces(self, node: ast.AST, depth: int = 0) -> list[Piece] | None:
        """A node by the parts of its text; None for what is no text at all."""
        if depth > _DEPTH:
            return None
        line = self.line(node)
        if isinstance(node, ast.Attribute) and (default := self._arguments.get(ast.unparse(node))) is not None:
            return [(str(default.value), line)]
        if isinstance(node, ast.Constant):
            number = isinstance(node.value, (int, float))
            return self.literals(node, str(node.value)) if isinstance(node.value, str) or number else None
        if isinstance(node, ast.JoinedStr):
            parts = [piece for each in node.values for piece in self.pieces(each, depth) or [(UNKNOWN, line)]]
            return self.literals(node, _joined(parts)) if node.end_lineno != node.lineno else parts
        if isinstance(node, ast.FormattedValue):
            return [(str(self.word(node.value) or UNKNOWN), line)]
        name = name_of(node)
        if name in self.names:
            with self.once(name) as (value, grown):
                pieces = self.pieces(value, depth + 1) if value is not None else None
                used = getattr(node, "lineno", 0)
                for each in grown if pieces is not None else ():
                    if not (self.at_end or each.lineno < used):
                        continue
                    pieces = [*(pieces or ()), *(self.pieces(each, depth + 1) or [(UNKNOWN, line)])]
            return None if pieces is None else [(_joined(pieces), line)]
        if isinstance(node, ast.BinOp):
            return self._operation(node, depth)
        if isinstance(node, ast.Call):
            return self._made(node, depth)
        return None

    def _operation(self, node: ast.BinOp, depth: int) -> list[Piece] | None:
        left = self.pieces(node.left, depth)
        if isinstance(node.op, ast.Div) and left is not None:  # of pathlib
            right = str(self.word(node.right) or UNKNOWN)
            return [(f"{_joined(left).rstrip('/')}/{right}", self.line(node))]
        if isinstance(node.op, ast.Add) and (whole := sum_of(node, self.names)) is not None:
            return [(str(whole), self.line(node))]
        if left is None and isinstance(node.op, ast.Add) and self._ends_in_text(node.right):
            left = [(UNKNOWN, self.line(node.left))]
        if left is None or not isinstance(node.op, (ast.Add, ast.Mod)):
            return None
        if isinstance(node.op, ast.Mod):
            return [(_PERCENT.sub(self._formatted(node.right), text), line) for text, line in left]
        return left + (self.pieces(node.right, depth) or [(UNKNOWN, self.line(node.right))])

    def _ends_in_text(self, node: ast.expr) -> bool:
        """True for a text: whatever it is added to is one, too."""
        return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))

    def _formatted(self, given: ast.expr) -> Callable[[re.Match], str]:
        """What stands in a text for each `%s` and `%(name)s` by what is given behind the text."""
        named = {str(key): str(self.word(value) or UNKNOWN) for key, value in self.pairs(given)}
        several = given.elts if isinstance(given, ast.Tuple) else [given]
        words = iter([str(self.word(each) or UNKNOWN) for each in several])
        return lambda match: named.get(match[1], UNKNOWN) if match[1] else next(words, UNKNOWN)

    def _made(self, node: ast.Call, depth: int) -> list[Piece] | None:
        """`TEXT.format(...)`, `" ".join(LIST)` and `str(VALUE)`."""
        if getattr(node.func, "id", "") in ("str", "Path", "PurePath") and node.args:
            return [("/".join(str(self.word(each) or UNKNOWN) for each in node.args), self.line(node))]
        bare = getattr(node.func, "id", "") == "join" and len(node.args) > 1  # of os.path
        if not isinstance(node.func, ast.Attribute):
            return self._path(node) if bare else None
        if node.func.attr == "format":
            return self._filled_in(node, depth)
        if node.func.attr == "join" and name_of(node.func.value) == "" and len(node.args) > 1:  # os.path.join
            return self._path(node)
        if node.func.attr == "join" and node.args:
            words, mark = self.words(node.args[0]), self.word(node.func.value) or " "
            if "\n" in mark:  # the lines of a text, each at its place
                return [(f"{word}{mark}", word.line or 1) for word in words] or None
            return [
                (f"{mark}{word}" if place else str(word), word.line or 1) for place, word in enumerate(words)
            ] or None
        return None

    def _filled_in(self, node: ast.Call, depth: int) -> list[Piece] | None:
        """`TEXT.format(...)`: its places filled, and single brackets where it doubles them."""
        base = self.pieces(node.func.value, depth)  # type: ignore[attr-defined]
        given = {str(place): each for place, each in enumerate(node.args)} | self.keywords(node)
        places = count()

        def fill(match: re.Match) -> str:
            if match.group() in ("{{", "}}"):
                return match.group()[0]
            name = re.match(r"\w*", match.group()[1:])[0] or str(next(places))  # type: ignore[index]
            return str(self.word(given.get(name)) or UNKNOWN)

        return None if base is None else [(_FORMAT.sub(fill, text), line) for text, line in base]

    def _path(self, node: ast.Call) -> list[Piece]:
        parts = [str(self.word(each) or UNKNOWN) for each in node.args]
        return [("/".join(part.rstrip("/") for part in parts), self.line(node))]


def _joined(pieces: list[Piece]) -> str:
    """The pieces as one word, without the line ends that Python drops."""
    return "".join(text for text, _ in pieces).replace("\\\n", "")
