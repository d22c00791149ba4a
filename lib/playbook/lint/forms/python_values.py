"""What names of a Python text stand for, as far as they are set once: lists and dicts, and what grows by steps."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import groupby

from playbook.lint.forms.python_literals import Piece
from playbook.lint.forms.python_names import gathered, name_of, names_in, rows_of
from playbook.lint.forms.python_texts import Texts
from playbook.lint.forms.shell import simple_commands
from playbook.lint.forms.text import UNKNOWN, Text, Word


class Values(Texts):
    """The constants, lists and texts of a Python text by name."""

    def __init__(self, tree: ast.AST, text: Text):
        names = gathered(tree)
        super().__init__(names, text)
        self.loops = names.loops

    def words(self, node: ast.AST | None) -> list[Word]:
        """A list's words, with what is appended to it later; anything unknown is marked so."""
        added: list[Word] = []
        if name := name_of(node):
            with self.once(name) as (value, grown):
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
        names = names_in(first.target)
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
        if name := name_of(node):
            with self.once(name) as (value, _):
                yield from self.pairs(value)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            yield from (*self.pairs(node.left), *self.pairs(node.right))
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "dict":
            for each in node.args:
                yield from self.pairs(each)
            for keyword in node.keywords:
                named = (Word(keyword.arg, self.line(keyword.value)), keyword.value) if keyword.arg else None
                yield from [named] if named else self.pairs(keyword.value)
        for key, value in zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ():
            if key is None:
                yield from self.pairs(value)
            elif (word := self.word(key)) is not None:
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
        begun = self.pieces(self.names[name]) or [(UNKNOWN, 0)]
        return self.laid_out([*begun, *self.in_turn(items)], self.line(self.names[name]))

    def in_turn(self, items: list[ast.expr]) -> list[Piece]:
        """The texts that are added one behind the other, those of a loop in each of its rounds."""
        pieces: list[Piece] = []
        for loop, added in groupby(items, key=lambda each: self.loops.get(id(each))):
            group = [each.elt if loop is not None and isinstance(each, ast.ListComp) else each for each in added]
            for _ in self.rounds(loop):
                pieces += [piece for each in group for piece in self.pieces(each) or [(UNKNOWN, 0)]]
        return pieces

    def rounds(self, loop: ast.For | None) -> Iterator[None]:
        """Each round of a loop over what is known here, its names set; one, with unknown names, of any other."""
        names = names_in(loop.target) if loop is not None else []
        rows = rows_of(loop.iter, len(names), self.names) if loop is not None else None
        held = dict(self.names)
        for row in rows or [[]]:
            self.names.update(zip(names, row, strict=False))
            yield
        self.names = held
