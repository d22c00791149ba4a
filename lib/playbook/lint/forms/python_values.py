"""What names of a Python text stand for, as far as they are set once: words with lines, and lists put together."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playbook.lint.forms.python_defaults import kept_defaults
from playbook.lint.forms.python_literals import Literals, Piece
from playbook.lint.forms.python_names import added_by, branches, in_loop, name_of, on_side, rows_of
from playbook.lint.forms.shell import simple_commands
from playbook.lint.forms.text import UNKNOWN, Text, Word

_DEPTH = 5
_PERCENT = re.compile(r"%(?:\((\w+)\))?[sdrf]")
PLACEHOLDER = re.compile(r"(?<!\$)\{\w*(?:[.!:\[][^{}\"' ]*)?\}")


class Values(Literals):
    """The constants, lists and texts of a Python text by name."""

    def __init__(self, tree: ast.AST, text: Text):
        super().__init__(text)
        self.names: dict[str, ast.expr] = {}
        self._added: dict[str, list[tuple[ast.expr, dict[int, str]]]] = {}  # with the sides of each `if` around it
        self.at_end = False  # whether names of texts stand for what they are behind every `+=`
        self._open: set[str] = set()  # names whose value is being put together
        self.docstrings: set[int] = set()
        self.lines: list[str] = []  # command lines that were read from texts
        twice: set[str] = set()
        loops = {
            id(inner): node for node in ast.walk(tree) if isinstance(node, ast.For) for inner in ast.walk(node)
        }  # the innermost one, as outer ones come first; fmt: skip
        sides = branches(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and (name := name_of(node.targets[0])):
                twice |= {name} & self.names.keys()
                self.names[name] = node.value
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                self.docstrings.add(id(node.value))
            for name, item in added_by(node):
                self._added.setdefault(name, []).append((in_loop(item, loops.get(id(node))), sides.get(id(node), {})))
        for name in twice:
            del self.names[name]
        self.names = {**kept_defaults(tree), **self.names}
        self.choose("body")

    def choose(self, side: str) -> None:
        """What is added to lists and texts where every `if` that adds on both sides takes this one."""
        self.grown = {name: on_side(items, side) for name, items in self._added.items()}

    @contextmanager
    def _once(self, name: str) -> Iterator[tuple[ast.expr | None, list[ast.expr]]]:
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
        pieces = self._pieces(node, 0)
        return None if pieces is None else Word(_joined(pieces), self.line(node))

    def script(self, node: ast.AST) -> Text | None:
        """A node as a shell's text that keeps the lines its parts stand on; None for what is no text at all."""
        pieces = self._pieces(node, 0)
        if not pieces:
            return None
        return self._laid_out(pieces, min(self.line(node), pieces[0][1]))

    def _laid_out(self, pieces: list[Piece], first: int) -> Text:
        written, line = "", first
        for text, place in pieces:
            written += "\\\n" * max(place - line, 0) + text
            line = max(line, place) + text.count("\n")
        return Text(written, self.text.path, first, self.text.file)

    def _pieces(self, node: ast.AST, depth: int) -> list[Piece] | None:
        if depth > _DEPTH:
            return None
        line = self.line(node)
        if isinstance(node, ast.Constant):
            number = isinstance(node.value, (int, float))
            return self.literals(node, str(node.value)) if isinstance(node.value, str) or number else None
        if isinstance(node, ast.JoinedStr):
            parts = [piece for each in node.values for piece in self._pieces(each, depth) or [(UNKNOWN, line)]]
            return self.literals(node, _joined(parts)) if node.end_lineno != node.lineno else parts
        if isinstance(node, ast.FormattedValue):
            return [(str(self.word(node.value) or UNKNOWN), line)]
        name = name_of(node)
        if name in self.names:
            with self._once(name) as (value, grown):
                pieces = self._pieces(value, depth + 1) if value is not None else None
                for each in grown if pieces is not None and self.at_end else ():
                    pieces = [*(pieces or ()), *(self._pieces(each, depth + 1) or [(UNKNOWN, line)])]
            return None if pieces is None else [(_joined(pieces), line)]
        if isinstance(node, ast.BinOp):
            return self._operation(node, depth)
        if isinstance(node, ast.Call):
            return self._made(node, depth)
        return None

    def _operation(self, node: ast.BinOp, depth: int) -> list[Piece] | None:
        left = self._pieces(node.left, depth)
        if isinstance(node.op, ast.Div) and left is not None:  # of pathlib
            right = str(self.word(node.right) or UNKNOWN)
            return [(f"{_joined(left).rstrip('/')}/{right}", self.line(node))]
        if left is None or not isinstance(node.op, (ast.Add, ast.Mod)):
            return None
        if isinstance(node.op, ast.Mod):
            return [(_PERCENT.sub(self._formatted(node.right), text), line) for text, line in left]
        return left + (self._pieces(node.right, depth) or [(UNKNOWN, self.line(node.right))])

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
            base = self._pieces(node.func.value, depth)
            given = iter([str(self.word(each) or UNKNOWN) for each in node.args])
            named = {each.arg: str(self.word(each.value) or UNKNOWN) for each in node.keywords}
            fill = lambda match: named.get(match.group().strip("{}"), next(given, UNKNOWN))  # noqa: E731
            return None if base is None else [(PLACEHOLDER.sub(fill, text), line) for text, line in base]
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

    def _path(self, node: ast.Call) -> list[Piece]:
        parts = [str(self.word(each) or UNKNOWN) for each in node.args]
        return [("/".join(part.rstrip("/") for part in parts), self.line(node))]

    def words(self, node: ast.AST | None) -> list[Word]:
        """A list's words, with what is appended to it later; anything unknown is marked so."""
        added: list[Word] = []
        if name := name_of(node):
            with self._once(name) as (value, grown):
                added = [word for item in grown for word in self.words(item) or [self._one(item)]]
                return [*self.words(value), *added]
        if isinstance(node, (ast.ListComp, ast.GeneratorExp)):
            return self._each(node) + added
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return [*self.words(node.left), *self.words(node.right), *added]
        if not isinstance(node, (ast.List, ast.Tuple)):
            return []
        return [word for item in node.elts for word in self._items(item)] + added

    def _each(self, node: ast.ListComp | ast.GeneratorExp) -> list[Word]:
        """The words of a comprehension over what is known here; `$@`, as in a shell, for any other."""
        first = node.generators[0]
        names = [
            name_of(each) for each in (first.target.elts if isinstance(first.target, ast.Tuple) else [first.target])
        ]
        rows = rows_of(first.iter, len(names), self.names) if len(node.generators) == 1 and not first.ifs else None
        if rows is None:
            one = self._one(node.elt)
            return [one if one.startswith("--") else Word("$@", self.line(node))]
        held, words = dict(self.names), list[Word]()
        for row in rows:
            self.names.update(zip(names, row, strict=True))
            made = self.words(node.elt) or [self._one(node.elt)]
            words += [Word(word, self.line(row[0]), word.raw) for word in made]
        self.names = held
        return words

    def _items(self, node: ast.expr) -> list[Word]:
        """One item of a list, or what a `*rest` stands for: `$@`, as in a shell, where that is not known."""
        if not isinstance(node, ast.Starred):
            return [self._one(node)]
        return self.words(node.value) or [Word("$@", self.line(node))]

    def _one(self, node: ast.AST) -> Word:
        return self.word(node) or Word(UNKNOWN, self.line(node))

    def all_known(self, node: ast.AST) -> bool:
        """True for lists put together by `+` of which every one is known."""
        if isinstance(node, ast.BinOp):
            return self.all_known(node.left) and self.all_known(node.right)
        return bool(self.words(node))

    def keywords(self, node: ast.Call) -> dict[str, ast.expr]:
        """The keywords of a call, those of a `**NAME` whose dict is known among them."""
        found: dict[str, ast.expr] = {}
        for each in node.keywords:
            given = self.names.get(each.value.id) if isinstance(each.value, ast.Name) and not each.arg else None
            if isinstance(given, ast.Call) and getattr(given.func, "id", "") == "dict":
                found |= {inner.arg: inner.value for inner in given.keywords if inner.arg}
            found |= {str(key): value for key, value in self.pairs(given)}
            found |= {each.arg: each.value} if each.arg else {}
        return found

    def split(self, node: ast.AST | None) -> list[Word]:
        """A command given as a list, or as one text that a shell would split."""
        words = self.words(node)
        if not words and isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "join" and node.args:
            words = [word.with_text(part) for word in self.words(node.args[0]) for part in word.split()]
        text = self.script(node) if node is not None and not words else None
        if text is None:
            return words
        return [word for command in simple_commands(text.content, {}, text.first_line) for word in command.words]

    def pairs(self, node: ast.AST | None) -> Iterator[tuple[Word, ast.expr]]:
        """A dict's items with keys that are known."""
        if isinstance(node, ast.Name) and node.id in self.names:
            node = self.names[node.id]
        for key, value in zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ():
            word = self.word(key) if key is not None else None
            if word is not None:
                yield word, value

    def whole_lists(self) -> Iterator[list[Word]]:
        """The lists that are put together item by item, in the order they are written."""
        for name in self.grown:
            if isinstance(self.names.get(name), ast.List):
                yield self.words(ast.Name(name))

    def whole_texts(self) -> Iterator[Text]:
        """The texts that are put together by `+=`, as a shell's text with its lines."""
        for name in self.grown:
            if (whole := self.whole_text(name)) is not None:
                yield whole

    def whole_text(self, name: str) -> Text | None:
        """The text that a name stands for in the end, where it is put together by `+=`."""
        items = self.grown.get(name, [])
        if not items or name not in self.names or self.script(self.names[name]) is None:
            return None
        pieces = [piece for each in (self.names[name], *items) for piece in self._pieces(each, 0) or [(UNKNOWN, 0)]]
        return self._laid_out(pieces, self.line(self.names[name]))


def _joined(pieces: list[Piece]) -> str:
    """The pieces as one word, without the line ends that Python drops."""
    return "".join(text for text, _ in pieces).replace("\\\n", "")
