"""Programs as nested brackets: texts, names and groups with their lines, whatever the language between them is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from playbook.lint.forms.text import UNKNOWN, Text, Word

_TOKEN = re.compile(
    r"(?P<comment>//[^\n]*|/\*.*?\*/|(?<![\w$\"'])#[^\n]*)|(?P<long>\"\"\".*?\"\"\"|'''.*?'''|`[^`]*`"
    r"|\br(?P<rust>#*)\".*?\"(?P=rust))"
    r"|(?P<text>(?:\b[rbfuRBFU]{1,2}|\$@?|@\$)?(?:\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'))|(?P<open>[\[({])|(?P<close>[\])}])|(?P<comma>,)"
    r"|(?P<blank>\s+)|(?P<more>[^\s\[\](){},\"'`/#]+|.)",
    re.DOTALL,
)
_FILLED = re.compile(r"\$\{[^}]*\}|#\{[^}]*\}|%[sdv]")
_FORMATTED = re.compile(r"\{[^{}\"']+\}")  # in a text of Python with an f in front, of C# with a $
DEPTH = 40  # of brackets inside brackets that are looked into
_ESCAPED = (('\\"', '"'), ("\\'", "'"), ("\\n", "\n"), ("\\t", "\t"))


class Name(Word):
    """A name, a number or a sign of a program, as it stands there."""


@dataclass
class Group:
    """What stands between two brackets: items divided by commas or semicolons, each a row of nodes."""

    opened: str  # the bracket that begins it
    line: int | None
    items: list[list[Node]] = field(default_factory=lambda: [[]])
    end: int | None = None  # the line of the bracket that closes it


Node = Word | Name | Group


def tokens(text: Text) -> Iterator[tuple[str, Word]]:
    """The tokens of a program: "long" and "text" are texts, unknown parts marked; "open", "close", "comma", "more"."""
    line, divides = text.first_line, text.suffix == ".bicep"  # there a line's end stands between two items
    spaced = text.suffix == ".nix"  # and there any blank
    for match in _TOKEN.finditer(text.content):
        kind, content = match.lastgroup or "more", match.group()
        if kind == "long":
            edge = 1 if content.startswith("`") else 3
            inside = content[edge:-edge]
            if content.startswith("r"):  # Rust's raw text, which format! may fill in
                inside = _braces_filled(re.sub(r'^r#*"|"#*$', "", content))
            yield kind, Word(_FILLED.sub(UNKNOWN, inside), line)
        elif kind == "text":
            bare = content.lstrip("rbfuRBFU$@")[1:-1]
            for written, meant in _ESCAPED:
                bare = bare.replace(written, meant)
            bare = _FORMATTED.sub(UNKNOWN, bare) if content[0] in "fF$@" else bare
            bare = _braces_filled(bare) if text.suffix in (".rs", ".cs") else bare
            word = Word(_FILLED.sub(UNKNOWN, bare), line)
            word.flat = "\n" in word
            yield kind, word
        elif kind not in ("comment", "blank"):
            yield kind, Word(content, line)
        elif spaced or (divides and "\n" in content):
            yield "comma", Word(",", line)
        line += content.count("\n")


def _braces_filled(content: str) -> str:
    """A text of Rust's format! with its gaps unknown, and single brackets where it doubles them."""
    bare = re.sub(r"(?<!\{)\{[\w:?.]*\}(?!\})", UNKNOWN, content)
    return bare.replace("{{", "{").replace("}}", "}") if UNKNOWN in bare else content


def groups(text: Text) -> Group:
    """A program as one group; brackets that do not match close what is open."""
    whole = Group("", text.first_line)
    stack = [whole]
    for kind, word in tokens(text):
        row = stack[-1].items[-1]
        if kind in ("text", "long"):
            row.append(word)
        elif kind == "open":
            inner = Group(str(word), word.line)
            row.append(inner)
            stack.append(inner)
        elif kind == "close":
            stack[-1].end = word.line
            stack.pop() if len(stack) > 1 else None
        elif kind == "comma":
            stack[-1].items.append([])
        else:
            _names(word, stack[-1])
    return whole


def _names(word: Word, group: Group) -> None:
    """A token of names and signs: a colon ends a key, a semicolon an item."""
    for part in re.findall(r";|:=|::|:|=>|[^:;=]+|=+", word):
        if part == ";":
            group.items.append([])
        else:
            group.items[-1].append(Name(part, word.line))


def chain(row: list[Node], place: int) -> list[tuple[Name, Group]]:
    """The calls of a chain that begins at a place: names, each with the brackets behind it."""
    calls: list[tuple[Name, Group]] = []
    while place + 1 < len(row):
        name, group = row[place], row[place + 1]
        if not (isinstance(name, Name) and isinstance(group, Group) and group.opened == "("):
            break
        if calls and not name.startswith("."):
            break
        calls.append((name, group))
        place += 2
    return calls


def assigned(group: Group, depth: int = 0) -> Iterator[tuple[str, list[Node]]]:
    """Each name that is given a value, and its nodes: up to the line's end where nothing shows that it goes on."""
    for row in group.items if depth < DEPTH else ():
        for place, node in enumerate(row):
            if isinstance(node, Group):
                yield from assigned(node, depth + 1)
            elif isinstance(node, Name) and node in ("=", ":=") and place:
                colon = next((nth for nth in range(place - 1, 0, -1) if row[nth] == ":"), place)
                name = row[colon - 1]
                if isinstance(name, Name) and name.isidentifier():
                    yield str(name), value_of(row[place + 1 :])


def value_of(nodes: list[Node]) -> list[Node]:
    """The first of the nodes that are one value: up to the line's end, or on where a sign shows that it goes on."""
    taken: list[Node] = []
    for node in nodes:
        before = taken[-1] if taken else None
        goes_on = before is None or node.line == end(before) or before == "+" or (
            isinstance(node, Name) and node.startswith((".", "+")))  # fmt: skip
        if not goes_on:
            break
        taken.append(node)
    return taken


def end(node: Node) -> int | None:
    """The line on which a node ends."""
    return node.end if isinstance(node, Group) else (node.line or 0) + node.count("\n")


def joined_parts(nodes: list[Node]) -> list[list[Node]]:
    """A row of nodes between its plus signs; what `if` begins goes on to its end, as Jsonnet takes it."""
    parts: list[list[Node]] = [[]]
    for node in nodes:
        if (
            node == "+"
            and isinstance(node, Name)
            and "if" not in [each for each in parts[-1] if isinstance(each, Name)]
        ):
            parts.append([])
        else:
            parts[-1].append(node)
    return [part for part in parts if part]


def pair(row: list[Node]) -> tuple[Word | None, list[Node]]:
    """Key and value of an item; a name alone stands for both, as TypeScript writes it."""
    first = row[0]
    if isinstance(first, Word) and len(row) > 1 and row[1] in (":", "="):
        return first, row[2:]
    return (first, []) if isinstance(first, Name) and len(row) == 1 and first.isidentifier() else (None, [])


def has_keys(group: Group, sign: str) -> bool:
    """True for brackets that hold an object, not a program's lines; `sign` stands behind its keys."""
    first = next((row for row in group.items if row), [])
    spread = bool(first) and isinstance(first[0], Name) and first[0].startswith("...")
    return spread or (len(first) > 1 and isinstance(first[0], Word) and first[1] == sign)


def is_list(row: list[Node], place: int) -> bool:
    """True for the braces of Go's `[]Type{...}`."""
    two = row[place - 2] if place > 1 else None
    return isinstance(two, Group) and two.opened == "[" and not any(two.items)
