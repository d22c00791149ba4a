"""YAML with lines: every scalar is a word that knows its line, every mapping and list where it begins."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

import yaml

from playbook.lint.forms.letters import odd_blank
from playbook.lint.forms.text import Word
from playbook.lint.forms.yaml_bounds import BeyondBounds, check_bounds

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TABS = re.compile(r"(?m)^[ ]*\t[ \t]*")
_SLASHES = re.compile(r"(?m)(?:^|(?<=\s))//\s.*$")  # comments of other languages


_ODD = re.compile(r"[ -]*[^\x00-\x7f\w]\s*|[ -]*[\w\"'.-]+:\s*[^\x00-\x7f\w]")


class Table(dict):
    """A mapping with the line it begins on; `twice` are the keys that stand in it again: name, line, first line."""

    line: int | None = None
    path: str = ""  # the file it stands in, where that is another than the one that is read; "" otherwise
    twice: tuple[tuple[str, int, int], ...] = ()

    def at(self, key: str) -> int | None:
        """The line of a key, the mapping's own where it is absent."""
        return next((each.line for each in self if each == key and isinstance(each, Word)), self.line)


class Items(list):
    """A list with the line it begins on."""

    line: int | None = None
    path: str = ""


class _LineLoader(_Loader):  # type: ignore[misc, valid-type]
    """Builds words, mappings and lists with lines; numbers and booleans stay Python's."""

    def __init__(self, stream: str):
        super().__init__(stream)
        self.rows = stream.split("\n")


def _scalar(loader: Any, node: Any) -> Any:
    line = node.start_mark.line + 1
    if node.tag.endswith((":int", ":float", ":bool", ":null")) and not node.style:
        return _plain(loader, node)
    word = Word(node.value, line + (node.style in ("|", ">")), written=_as_written(loader, node))
    word.flat = "\n" in node.value and node.start_mark.line == node.end_mark.line
    return word


def _as_written(loader: Any, node: Any) -> str:
    """A value that YAML folds into one line, with the ends of its lines as a shell's that go on; "" for any other."""
    begin, end = node.start_mark, node.end_mark
    if begin.line == end.line or node.style == "|":
        return ""
    rows = [row.strip() for row in loader.rows[begin.line : end.line + bool(end.column)]]
    if node.style == ">":
        rows = rows[1:]
    else:
        last = loader.rows[end.line][: end.column].strip()
        rows = [loader.rows[begin.line][begin.column :].strip(), *rows[1:-1], last] if end.column else rows
        rows = [row.strip(node.style) if node.style else row for row in rows]
    folded = " \\\n".join(row.removesuffix("\\").rstrip() for row in rows)
    return folded if folded.replace(" \\\n", " ").split() == node.value.replace("\\\n", " ").split() else ""


_PLAIN = {"int": "construct_yaml_int", "float": "construct_yaml_float", "bool": "construct_yaml_bool",
          "null": "construct_yaml_null"}  # fmt: skip


def _plain(loader: Any, node: Any) -> Any:
    try:
        return getattr(loader, _PLAIN[node.tag.rpartition(":")[2]])(node)
    except (ValueError, KeyError):
        return Word(node.value, node.start_mark.line + 1)


def _mapping(loader: Any, node: Any) -> Iterator[Table]:
    result = Table()
    result.line = node.start_mark.line + 1
    yield result
    result.twice = tuple(_twice(node))
    loader.flatten_mapping(node)
    for key, value in node.value:
        built = loader.construct_object(key, deep=True)
        if isinstance(built, (dict, list)):
            built = str(built)
        result[built] = loader.construct_object(value, deep=True)


def _twice(node: Any) -> Iterator[tuple[str, int, int]]:
    """Keys of a mapping that stand in it again; what `<<` brings may be overridden."""
    seen: dict[str, int] = {}
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode) and not key.tag.endswith(":merge"):
            line = key.start_mark.line + 1
            if seen.setdefault(key.value, line) != line:
                yield key.value, line, seen[key.value]


def _sequence(loader: Any, node: Any) -> Iterator[Items]:
    result = Items()
    result.line = node.start_mark.line + 1
    yield result
    result.extend(loader.construct_object(item, deep=True) for item in node.value)


def _other(loader: Any, suffix: str, node: Any) -> Any:
    """An unknown tag (!Sub of CloudFormation) is read as what stands behind it; !Ref and the like name a value."""
    if isinstance(node, yaml.ScalarNode):
        named = suffix in ("Ref", "GetAtt", "ImportValue") and "$" not in node.value
        return Word(f"${{{node.value}}}" if named else node.value, node.start_mark.line + 1)
    built = (_sequence if isinstance(node, yaml.SequenceNode) else _mapping)(loader, node)
    result = next(built)
    next(built, None)
    return result


for _tag in ("str", "int", "float", "bool", "null", "timestamp", "binary"):
    _LineLoader.add_constructor(f"tag:yaml.org,2002:{_tag}", _scalar)
_LineLoader.add_constructor("tag:yaml.org,2002:map", _mapping)
_LineLoader.add_constructor("tag:yaml.org,2002:seq", _sequence)
_LineLoader.add_multi_constructor("!", _other)


def without_definitions(text: str) -> str:
    """A long text without what defines custom resources in it: megabytes that start nothing. Its lines stay."""
    if len(text) < _LONG or "CustomResourceDefinition" not in text:
        return text
    parts = text.split("\n---")
    return "\n---".join("\n#" * part.count("\n") if _DEFINITION.search(part) else part for part in parts)


_LONG = 50_000
_DEFINITION = re.compile(r"^kind:\s*CustomResourceDefinition\b", re.MULTILINE)


def load_documents(text: str, first_line: int = 1) -> tuple[list[Any], list[tuple[int, str]]]:
    """The documents of a YAML text, and the line and words of each that cannot be read."""
    padding = "\n" * (first_line - 1)
    try:
        check_bounds(text)
        documents = list(yaml.load_all(padding + text, _LineLoader))
        return (_divided(text, first_line) if any(_are_several(each) for each in documents) else documents), []
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problems = [_problem(error, 0)]
        if isinstance(error, BeyondBounds):
            return [], problems
    documents = []
    pieces = list(_pieces(text))
    if len(pieces) > 1:
        problems = []
        for begin, piece in pieces:
            try:
                documents += yaml.load_all("\n" * (begin + first_line - 1) + piece, _LineLoader)
            except (yaml.YAMLError, ValueError, RecursionError) as error:
                problems.append(_problem(error, begin + first_line))
    if problems and _TABS.search(text):  # what it says is read; it is no YAML all the same
        documents = max(_without_tabs(text, first_line), key=_parts, default=documents)
    if problems and (bare := _SLASHES.sub("", text)) != text:
        documents, still = load_documents(bare, first_line)
        problems = still or problems  # what it says is read; that it is no YAML stays true
    return documents, problems


_HEADS = ("apiVersion", "kind")  # what an object begins with


def _are_several(document: Any) -> bool:
    """True for objects without a line of dashes between them, of which only the last would be left."""
    return isinstance(document, Table) and any(key in _HEADS for key, _, _ in document.twice)


def _divided(text: str, first_line: int) -> list[Any]:
    """The objects of a text in which a line of dashes is missing, each by itself; the second tells what is twice."""
    documents: list[Any] = []
    for begin, piece in _pieces(text, heads=True):
        found = list(yaml.load_all("\n" * (begin + first_line - 1) + piece, _LineLoader))
        if begin and not text.split("\n")[begin - 1].startswith("---"):
            line, key = begin + first_line, piece.partition(":")[0]
            for each in found[:1] if documents else ():
                each.twice = (*each.twice, (key, line, getattr(documents[-1], "line", None) or 1))
        documents += found
    return documents


def _without_tabs(text: str, first_line: int) -> Iterator[list[Any]]:
    """The documents of a text with blanks in the place of tabs, for each width of a tab that makes YAML of it."""
    for width in (4, 2, 8):
        pieces = _TABS.split(text), [match.group().expandtabs(width) for match in _TABS.finditer(text)]
        bare = "".join(part + blank for part, blank in zip_longest(*pieces, fillvalue=""))
        found, problems = load_documents(bare, first_line)
        yield from () if problems else [found]


def _parts(node: Any) -> int:
    """How many keys and items there are at any depth: a line that goes on with the one above is none."""
    held = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return len(held) + sum(map(_parts, held))


def odd_blanks(text: str, first_line: int = 1) -> Iterator[tuple[int, str]]:
    """Blanks that YAML does not know where it wants one, in an indent, behind a colon or a dash: lines and names."""
    for number, line in enumerate(text.split("\n"), first_line):
        match = _ODD.match(line)
        if match is not None and (blank := odd_blank(match.group())):
            yield number, blank


def _problem(error: Exception, line: int) -> tuple[int, str]:
    mark = getattr(error, "problem_mark", None)
    words = getattr(error, "problem", None) or str(error)
    return (mark.line + 1 if mark else line or 1), str(words)


def _pieces(text: str, heads: bool = False) -> Iterator[tuple[int, str]]:
    """A text's documents and where each begins; with `heads` also where an object's first key stands again."""
    lines, begin = text.split("\n"), 0
    met: set[str] = set()
    for number, line in enumerate(lines):
        dashes = re.match(r"---(\s|$)", line)
        head = line.partition(":")[0] if heads and line.startswith(_HEADS) else ""
        if dashes or head in met:
            yield begin, "\n".join(lines[begin:number])
            begin, met = number + bool(dashes), set()
        met |= {head} if head else set()
    yield begin, "\n".join(lines[begin:])
