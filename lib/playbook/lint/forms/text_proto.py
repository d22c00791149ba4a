"""A forgiving reader of text protos for lint: it keeps lines and wrong forms that a strict parser would only refuse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from playbook.errors import ParameterError

_TOKEN = re.compile(r"#[^\n]*|\s+|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|[{}<>:,;\[\]]|[^\s{}<>:,;\[\]\"'#]+")
_OPEN, _CLOSE = "{<", "}>"


@dataclass
class Field:
    """One field: a scalar has `value` (text, without quotes), a message has `children`."""

    name: str
    line: int
    value: str | None = None
    quoted: bool = False
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

    def text(self, name: str) -> str:
        """The scalar called `name`, "" without one."""
        child = self.first(name)
        return (child.value or "") if child else ""

    def wrapped(self, name: str) -> str | None:
        """The value of `name { value: X }` or of a bare `name: X`; None without one."""
        child = self.first(name)
        if child is not None and child.is_message:
            child = child.first("value")
        return child.value if child else None


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    line, end = 1, 0
    for match in _TOKEN.finditer(text):
        if match.start() != end:
            raise ParameterError(f"line {line}: unreadable text {text[end : match.start()]!r}")
        token, end = match.group(), match.end()
        if not token.isspace() and not token.startswith("#"):
            yield token, line
        line += token.count("\n")
    if end != len(text):
        raise ParameterError(f"line {line}: a string is not closed")


class Surplus(ParameterError):
    """A bracket that closes nothing: `before` is what stands before it, whole."""

    def __init__(self, message: str, before: Field):
        super().__init__(message)
        self.before = before


class Cut(ParameterError):
    """A text that ends inside a field: `before` is what it holds so far."""

    def __init__(self, message: str, before: Field):
        super().__init__(message)
        self.before = before


class _Builder:
    """Puts tokens together; `name` is the field whose value comes next."""

    def __init__(self) -> None:
        self.root = Field("", 1)
        self.stack, self.in_list = [self.root], False
        self.name: tuple[str, int] | None = None
        self.outer: list[tuple[str, int] | None] = []  # of each open message: the list's field that it stands in

    def open(self, token: str, line: int) -> None:
        if self.name is None:
            raise ParameterError(f"line {line}: '{token}' without a field name")
        self.stack[-1].children.append(Field(self.name[0], line if self.in_list else self.name[1]))
        self.stack.append(self.stack[-1].children[-1])
        self.outer.append(self.name if self.in_list else None)
        self.name, self.in_list = None, False

    def close(self, token: str, line: int) -> None:
        if len(self.stack) == 1 and not self.name:
            raise Surplus(f"line {line}: '{token}' closes nothing", self.root)
        if self.name:
            raise ParameterError(f"line {line}: '{token}' closes nothing")
        self.stack.pop()
        self.name = self.outer.pop()
        self.in_list = self.name is not None

    def word(self, token: str, line: int) -> None:
        siblings = self.stack[-1].children
        if self.name is not None:
            quoted = token[0] in "\"'"
            siblings.append(Field(*self.name, value=token.strip("\"'"), quoted=quoted))
            self.name = self.name if self.in_list else None
        elif token[0] in "\"'" and siblings and siblings[-1].quoted:
            siblings[-1].value = (siblings[-1].value or "") + token.strip("\"'")
        else:
            self.name = (token, line)


def parse(text: str) -> Field:
    """Read a text proto as a tree under a nameless root.

    Raises:
        ParameterError: braces or strings do not close; names the line.
    """
    build, url = _Builder(), None
    for token, line in _tokens(text):
        if url is not None:  # the name of an Any's message: [type.googleapis.com/...]
            url = None if token == "]" else url + token
            if token == "]":
                continue
            build.name = (f"[{url}]", line)
        elif token in ",;:":
            continue
        elif token in _OPEN:
            build.open(token, line)
        elif token in _CLOSE:
            build.close(token, line)
        elif token == "[" and build.name is None:
            url = ""
        elif token in "[]":
            build.in_list = token == "["
            build.name = build.name if build.in_list else None
        else:
            build.word(token, line)
    if len(build.stack) > 1 or build.name:
        raise Cut("the text ends inside a field", build.root)
    return build.root


_PIECE = re.compile(r"#.*|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|[{}<>]|[^\"'#{}<>]+")
_NAME = re.compile(r"[A-Za-z_]\w*|\[.*\]")


def recovered(text: str) -> Field:
    """What can be read of a text that does not close its braces: as if each closed with its line.

    A brace that ends its line is left open, as those are that hold lines. Nothing, where that makes no sense.
    """
    try:
        tree = parse("\n".join(map(_closed, text.split("\n"))))
    except (Cut, Surplus) as error:
        tree = error.before
    except ParameterError:
        return Field("", 1)
    return tree if all(_NAME.fullmatch(name) for name in _names(tree)) else Field("", 1)


def _closed(line: str) -> str:
    """A line with its open braces closed, where there is something behind them."""
    opened = sum((piece in _OPEN) - (piece in _CLOSE) for piece in _PIECE.findall(line))
    bare = line.partition("#")[0].rstrip()
    return bare + " }" * opened if opened > 0 and bare[-1:] not in _OPEN else line


def _names(tree: Field) -> Iterator[str]:
    for child in tree.children:
        yield child.name
        yield from _names(child)
