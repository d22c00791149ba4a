"""HCL (Terraform, Nomad, Packer) as mappings and lists with lines; what it computes is filled in where it is plain."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from playbook.lint.forms.text import UNKNOWN, Word
from playbook.lint.forms.yaml_lines import Items, Table

_TOKEN = re.compile(
    r"(?P<skip>\s+|#[^\n]*|//[^\n]*|/\*.*?\*/)|(?P<here><<-?\s*[\"']?(\w+)[\"']?\n)"
    r"|(?P<text>\"(?:\\.|\$\{[^}]*\}|[^\"\\])*\")|(?P<word>[\w.*-]+)|(?P<mark>=>|[{}\[\]()=:,]|.)",
    re.DOTALL,
)
_ESCAPES = {"\\n": "\n", "\\t": "\t", '\\"': '"', "\\\\": "\\"}
_IMAGE = r"(?:data\.)?docker_(?:registry_)?image\.\w+(?=\.(?:image_id|latest|name|repo_digest))"  # another resource's
_REFERENCE = re.compile(rf"\$\{{\s*((?:var|local)\.\w+|{_IMAGE})(?:\.\w+)?\s*\}}")
_IMAGES = (("", "resource"), ("data.", "data"))
LABELS = "(labels)"  # the key under which a block keeps the words between its name and its brace
_MOST = 400_000


class _Cursor:
    """The tokens of a text, one after the other: kind, text, line."""

    def __init__(self, text: str, first_line: int):
        self.tokens = list(_tokens(text[:_MOST], first_line))
        self.place = 0

    def peek(self, ahead: int = 0) -> tuple[str, str, int]:
        at = self.place + ahead
        return self.tokens[at] if at < len(self.tokens) else ("end", "", 0)

    def take(self) -> tuple[str, str, int]:
        token = self.peek()
        self.place += 1
        return token


def _tokens(text: str, line: int) -> Iterator[tuple[str, str, int]]:
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            return
        kind, begin = match.lastgroup or "mark", line
        place, line = match.end(), line + match.group().count("\n")
        if match["here"]:
            end = re.compile(rf"^[ \t]*{match[3]}[ \t]*$", re.MULTILINE).search(text, place)
            stop = end.start() if end else len(text)
            yield "here", text[place:stop], line
            line += text.count("\n", place, end.end() if end else stop)
            place = end.end() if end else stop
        elif kind != "skip":
            yield kind, match.group(), begin


def parse(text: str, first_line: int = 1, beside: Iterable[str] = ()) -> Table:
    """A text's blocks and attributes: a block's name leads to a list of its bodies, an attribute's to its value.

    What is computed is `${...}`, filled in where it names a variable with a default or a local value, here or in one
    of the texts `beside` it.
    """
    tree = _body(_Cursor(text, first_line))
    known: dict[str, str] = {}
    trees = [*(_body(_Cursor(other, 1)) for other in beside), tree]
    for each in trees:
        known |= _named(each)
    for each in trees:  # a file of values wins over a variable's default
        known |= {f"var.{name}": str(value) for name, value in each.items() if isinstance(value, (Word, int))}
    tree = _filled(tree, known, 0)
    named = [(f"{prefix}{'.'.join(block[LABELS][:2])}", block.get("name"))
             for prefix, kind in _IMAGES for block in _blocks(tree, kind) if len(block[LABELS]) > 1]  # fmt: skip
    images = {name: str(image) for name, image in named if isinstance(image, Word)}
    return _filled(tree, images, 0) if images else tree


def _named(tree: Table) -> dict[str, str]:
    """The variables with a default and the local values of a text, as they are referred to."""
    known = {f"var.{block[LABELS][0]}": block.get("default") for block in _blocks(tree, "variable") if block[LABELS]}
    known |= {f"local.{name}": value for block in _blocks(tree, "locals") for name, value in block.items()}
    return {name: str(value) for name, value in known.items() if isinstance(value, (str, int))}


def _blocks(tree: Table, name: str) -> list[Any]:
    found = tree.get(name)
    return [each for each in found if isinstance(each, Table)] if isinstance(found, list) else []


def _filled(node: Any, known: dict[str, str], depth: int) -> Any:
    if isinstance(node, Table):
        for name, value in node.items():
            node[name] = _filled(value, known, depth)
    elif isinstance(node, Items):
        node[:] = [_filled(each, known, depth) for each in node]
    elif isinstance(node, Word) and "${" in node:
        return node.with_text(_REFERENCE.sub(lambda match: known.get(match[1], match.group()), node))
    return node


def _body(cursor: _Cursor) -> Table:
    table = Table()
    table.line = cursor.peek()[2] or None
    while (token := cursor.take())[0] != "end" and token[1] != "}":
        kind, name, line = token
        if kind not in ("word", "text"):
            continue
        key = Word(_plain(name) if kind == "text" else name, line)
        labels = []
        while cursor.peek()[0] in ("text", "word"):
            labels.append(_plain(cursor.take()[1]))
        mark = cursor.peek()[1]
        if mark == "{":
            cursor.take()
            body = _body(cursor)
            body[LABELS], body.line = labels, line
            held = table.setdefault(key, Items())
            if isinstance(held, Items):
                held.append(body)
        elif mark in ("=", ":", "=>"):
            cursor.take()
            table[key] = _value(cursor)
    return table


def _value(cursor: _Cursor) -> Any:
    """A value, and whatever an expression has behind it on the way to the next attribute."""
    kind, text, line = cursor.take()
    if kind == "here":
        return Word(text, line)
    if text == "[":
        return _list(cursor, line)
    if text == "{":
        table = _body(cursor)
        table.line = line
        return table
    if kind == "word" and cursor.peek()[1] == "(":
        return _call(text, cursor, line)
    if kind == "word" and cursor.peek()[1] == "[" and cursor.peek(2)[1] == "]" and cursor.peek()[2] == line:
        behind = cursor.peek(3)[1] if cursor.peek(3)[1].startswith(".") else ""
        cursor.place += 4 if behind else 3
        text += behind  # `docker_image.server[0].image_id`: which of several is all the same
    value: Any = Word(_plain(text), line) if kind == "text" else _bare(text, line)
    if cursor.peek()[1] in ("?", "+", "[", "&", "|", "!", "<", ">") and cursor.peek()[2] == line:
        while cursor.peek()[2] == line and cursor.peek()[1] not in (",", "}", "]", ")"):
            cursor.take()
        return Word(UNKNOWN, line)
    return value


def _bare(text: str, line: int) -> Any:
    if re.fullmatch(r"\d+", text):
        return int(text)
    if text in ("true", "false"):
        return text == "true"
    return Word("${" + text + "}", line)


def _list(cursor: _Cursor, line: int) -> Items:
    items = Items()
    items.line = line
    while cursor.peek()[0] != "end" and cursor.peek()[1] != "]":
        if cursor.peek()[1] == ",":
            cursor.take()
            continue
        items.append(_value(cursor))
    cursor.take()
    return items


def _call(name: str, cursor: _Cursor, line: int) -> Any:
    """`jsonencode(VALUE)` and the like are what they are given; what another function makes is not known."""
    cursor.take()
    values = []
    while cursor.peek()[0] != "end" and cursor.peek()[1] != ")":
        if cursor.peek()[1] == ",":
            cursor.take()
            continue
        values.append(_value(cursor))
    cursor.take()
    same = name in ("jsonencode", "yamlencode", "tolist", "toset", "tostring", "trimspace", "base64encode", "tomap")
    return values[0] if same and values else Word(UNKNOWN, line)


def _plain(text: str) -> str:
    bare = text[1:-1] if text.startswith('"') else text
    return re.sub(r"\\[nt\"\\]", lambda match: _ESCAPES[match.group()], bare)
