"""A forgiving reader of text protos for lint: it keeps lines and wrong forms that a strict parser would only refuse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from playbook.errors import ParameterError

_TOKEN = re.compile(r"#[^\n]*|\s+|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|[{}<>:,;\[\]]|[^\s{}<>:,;\[\]\"'#]+")


@dataclass
class Field:
    """One field: a scalar has `value` (text, without quotes), a message has `children`."""

    name: str
    line: int
    value: str | None = None
    children: list[Field] = field(default_factory=list)

    @property
    def is_message(self) -> bool:
        """True for `name { ... }`."""
        return self.value is None

    def first(self, name: str) -> Field | None:
        """The last child called `name`, as protobuf's last one wins; None without one."""
        return next((child for child in reversed(self.children) if child.name == name), None)

    def walk(self, name: str) -> Iterator[Field]:
        """Every field called `name` at any depth."""
        for child in self.children:
            if child.name == name:
                yield child
            yield from child.walk(name)


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    line, end = 1, 0
    for match in _TOKEN.finditer(text):
        if match.start() != end:
            raise ParameterError(f"line {line}: unreadable text {text[end : match.start()]!r}")
        token, end = match.group(), match.end()
        if not token.isspace() and not token.startswith("#") and token not in ",;":
            yield token, line
        line += token.count("\n")
    if end != len(text):
        raise ParameterError(f"line {line}: a string is not closed")


def parse(text: str) -> Field:
    """Read a text proto as a tree under a nameless root.

    Raises:
        ParameterError: braces or strings do not close; names the line.
    """
    root = Field("", 1)
    stack, name, in_list = [root], None, False
    for token, line in _tokens(text):
        if token in "{<":
            if name is None:
                raise ParameterError(f"line {line}: '{token}' without a field name")
            stack[-1].children.append(Field(*name))
            stack.append(stack[-1].children[-1])
            name = None
        elif token in "}>":
            if len(stack) == 1:
                raise ParameterError(f"line {line}: '{token}' closes nothing")
            stack.pop()
        elif token in "[]":
            in_list = token == "["
            name = name if in_list else None
        elif token == ":":
            continue
        elif name is None:
            name = (token, line)
        else:
            stack[-1].children.append(Field(*name, value=token.strip("\"'")))
            name = name if in_list else None
    if len(stack) > 1 or name:
        raise ParameterError("the text ends inside a field")
    return root
