"""The literals of a Python text as they stand in it: over several lines, with line ends that Python drops."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from abc import ABC, abstractmethod
from typing import Any

from playbook.lint.forms.text import UNKNOWN, Text, Word

_KEPT = "\x1e"  # stands for a line's end that Python drops, while a literal is evaluated
_CONTINUED = re.compile(r"(?<!\\)((?:\\\\)*)\\\n")
Piece = tuple[str, int]  # a part of a text, and the line it stands on


class Literals(ABC):
    """The source of a Python text, and what its literals are worth."""

    def __init__(self, text: Text):
        self.text = text
        self.rows = text.content.split("\n")

    def line(self, node: ast.AST) -> int:
        """The line of a node in the file."""
        return self.text.line(getattr(node, "lineno", None)) or 1

    @abstractmethod
    def word(self, node: ast.AST | None) -> Word | None:
        """A node as one word, unknown parts marked; None for what is no text at all."""

    def literals(self, node: ast.AST, text: str) -> list[Piece]:
        """A string by the literals it is written in, each at its line; a line's end that Python drops is a shell's."""
        line = self.line(node)
        if getattr(node, "end_lineno", None) in (None, getattr(node, "lineno", None)):
            return [(text, line)]
        segment = self._segment(node)
        pieces = []
        try:
            for token in tokenize.generate_tokens(io.StringIO(f"({segment})").readline):
                if token.type == tokenize.STRING:
                    pieces.append((self._literal(token.string), line + token.start[0] - 1))
        except (tokenize.TokenError, SyntaxError, ValueError):
            return [(text, line)]
        return pieces or [(text, line)]

    def _segment(self, node: Any) -> str:
        """The source of a node over several lines; its columns count bytes."""
        rows = self.rows[node.lineno - 1 : node.end_lineno]
        last = rows[-1].encode()[: node.end_col_offset].decode()
        return "\n".join([rows[0].encode()[node.col_offset :].decode(), *rows[1:-1], last])

    def _literal(self, source: str) -> str:
        """The text of one literal; what an f-string fills in is filled in where it is known here."""
        kind = source.partition(source[-1])[0].lower()
        value = ast.parse(source if "r" in kind else _CONTINUED.sub(r"\1" + _KEPT, source), mode="eval").body
        if isinstance(value, ast.JoinedStr):
            parts = [
                part.value if isinstance(part, ast.Constant) else self.word(part) or UNKNOWN for part in value.values
            ]
            return "".join(map(str, parts)).replace(_KEPT, "\\\n")
        return str(ast.literal_eval(value)).replace(_KEPT, "\\\n")
