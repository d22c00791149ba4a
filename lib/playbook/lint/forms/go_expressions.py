"""The pipelines inside `{{ }}` of Helm's templates: names, calls and what they are worth, given a chart's values."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from playbook.lint.forms.go_functions import UNKNOWN_VALUE, Unknown, call, truth

_TOKEN = re.compile(
    r"""\s*(?P<text>"(?:\\.|[^"\\])*"|`[^`]*`)|\s*(?P<number>-?\d+(?:\.\d+)?)(?![\w.])|\s*(?P<sign>:=|=|\||\(|,)"""
    r"""|\s*(?P<close>\)(?:\.\w+)*)|\s*(?P<name>\$\w*(?:\.\w+)*|(?:\.\w+)+|\.|[A-Za-z_]\w*)"""
)
_WORDS = {"true": True, "false": False, "nil": None}


class TemplateError(Exception):
    """A template that is not understood here."""


@dataclass
class Scope:
    """What names mean at a place of a template; `functions` are those that need the chart (include, tpl).

    `stops` takes the names below a value that is not there, at which Helm stops.
    """

    root: Any
    dot: Any
    variables: dict[str, Any] = field(default_factory=dict)
    functions: dict[str, Callable[[Scope, list[Any]], Any]] = field(default_factory=dict)
    stops: list[str] = field(default_factory=list)

    def inside(self, dot: Any) -> Scope:
        """The scope of a block: variables of its own, seen over those around."""
        return Scope(self.root, dot, dict(self.variables), self.functions, self.stops)


def tokens_of(source: str) -> list[str]:
    """The words of a pipeline.

    Raises:
        TemplateError: something that is no word of Go's templates.
    """
    words, place = [], 0
    while source[place:].strip():
        match = _TOKEN.match(source, place)
        if match is None:
            raise TemplateError(source)
        words.append(match.group().strip())
        place = match.end()
    return words


def evaluate(source: str, scope: Scope) -> Any:
    """What a pipeline is worth; `$name := ...` sets the name in the scope and is worth nothing.

    Raises:
        TemplateError: not understood.
    """
    words = tokens_of(source)
    if len(words) > 2 and words[0].startswith("$") and words[1] in (":=", "="):
        scope.variables[words[0]] = _pipeline(words[2:], scope)[0]
        return None
    return _pipeline(words, scope)[0]


def _pipeline(words: list[str], scope: Scope) -> tuple[Any, int]:
    """The value of a pipeline up to its end or its closing bracket, and how many words it took."""
    place = 0
    piped: list[Any] = []
    while True:
        value, taken = _command(words[place:], scope, piped)
        place += taken
        if place >= len(words) or words[place].startswith(")"):
            return value, place
        if words[place] != "|":
            raise TemplateError(" ".join(words))
        piped, place = [value], place + 1


def _command(words: list[str], scope: Scope, piped: list[Any]) -> tuple[Any, int]:
    operands, place, settled = [], 0, False
    name = words[0] if words and re.match(r"[A-Za-z_]", words[0]) and words[0] not in _WORDS else ""
    place += bool(name)
    while place < len(words) and words[place] != "|" and not words[place].startswith(")"):
        known = len(scope.stops)
        value, taken = _operand(words[place:], scope)
        operands.append(value)
        place += taken
        if settled:  # and, or: what stands behind it is not looked at
            del scope.stops[known:]
        settled = settled or (name in ("and", "or") and (isinstance(value, Unknown) or truth(value) == (name == "or")))
    if name:
        return _called(name, operands + piped, scope), place
    if not operands:
        raise TemplateError(" ".join(words))
    if callable(operands[0]):
        return operands[0](*operands[1:], *piped), place
    return operands[0] if len(operands) == 1 and not piped else UNKNOWN_VALUE, place


def _called(name: str, values: list[Any], scope: Scope) -> Any:
    try:
        return scope.functions[name](scope, values) if name in scope.functions else call(name, values)
    except (TypeError, ValueError, AttributeError, KeyError, IndexError) as error:
        raise TemplateError(f"{name}: {error}") from error


def _operand(words: list[str], scope: Scope) -> tuple[Any, int]:
    word = words[0]
    if word == "(":
        value, taken = _pipeline(words[1:], scope)
        if taken + 1 >= len(words):
            raise TemplateError("no closing bracket")
        return follow(value, words[taken + 1][1:]), taken + 2
    if word[0] in '"`':
        return word[1:-1] if word[0] == "`" else ast.literal_eval(word), 1
    if re.match(r"-?\d", word):
        return float(word) if "." in word else int(word), 1
    if word in _WORDS:
        return _WORDS[word], 1
    if word.startswith("$"):
        name, dot, rest = word.partition(".")
        base = scope.root if name == "$" else scope.variables.get(name, UNKNOWN_VALUE)
        return _followed(base, dot + rest, scope), 1
    if word.startswith("."):
        return _followed(scope.dot, word, scope), 1
    if re.match(r"[A-Za-z_]", word):
        return _called(word, [], scope), 1
    raise TemplateError(word)


def _followed(base: Any, path: str, scope: Scope) -> Any:
    """`.a.b` below a value; Helm stops at `.b` where its values have no `.a`.

    It stops at `.Values.a` where the dot is no chart: inside range, or in a helper that gets a part of the values.
    """
    astray = isinstance(base, str | int | float | list) or (isinstance(base, dict) and "Values" not in base)
    if path.startswith(".Values.") and astray:
        scope.stops.append(".".join(path.split(".")[:3]))
        return UNKNOWN_VALUE
    above = path.rpartition(".")[0]
    if path.startswith(".Values.") and above.count(".") > 1 and follow(base, above) is None:
        scope.stops.append(path)
        return UNKNOWN_VALUE  # whoever installs the chart gives it, or there is none
    return follow(base, path)


def follow(value: Any, path: str) -> Any:
    """`.a.b` below a value: None where a table has no such key, unknown below what is unknown."""
    for name in filter(None, path.split(".")):
        if isinstance(value, Unknown):
            return value
        value = value.get(name) if isinstance(value, dict) else None
    return value
