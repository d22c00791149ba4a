"""Helm's templates filled in without Helm: the chart's own values, its helpers, conditions and ranges."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from playbook.lint.forms.go_expressions import Scope, TemplateError, evaluate
from playbook.lint.forms.go_functions import UNKNOWN_VALUE, Unknown, call, shown, truth

_ACTION = re.compile(r"\{\{(-\s)?\s*(/\*.*?\*/|(?:\"(?:\\.|[^\"\\])*\"|`[^`]*`|[^\"`])*?)\s*(\s-)?\}\}", re.DOTALL)
_RANGE = re.compile(r"^(\$\w+)(?:\s*,\s*(\$\w+))?\s*:=\s*(.*)$", re.DOTALL)
_DEEPEST = 30
_MOST_STEPS = 200_000  # pieces filled in for one chart: ranges in ranges, helpers that call each other


@dataclass
class Node:
    """A piece of a template: text, a value, or a block with its branches as (condition, pieces)."""

    word: str  # "", "value", "if", "with", "range", "define", "block", "template"
    source: str = ""
    branches: list[tuple[str, list[Node]]] = field(default_factory=list)


@dataclass
class Chart:
    """What a chart's templates see: values and the like at the root, helpers by name."""

    root: dict[str, Any]
    helpers: dict[str, list[Node]] = field(default_factory=dict)
    depth: int = 0
    steps: int = 0
    stops: list[str] = field(default_factory=list)  # names below values that are not there
    undefined: list[str] = field(default_factory=list)  # helpers that no file defines

    def scope(self) -> Scope:
        """The scope at the top of a template."""
        functions: dict[str, Callable[[Scope, list[Any]], Any]] = {"include": self._include, "tpl": self._tpl}
        return Scope(self.root, self.root, functions=functions, stops=self.stops)

    def _include(self, scope: Scope, values: list[Any]) -> Any:
        name = values[0] if values else None
        if (
            isinstance(name, str)
            and name not in self.helpers
            and name not in (self.root.get("Template") or {}).values()
        ):
            self.undefined.append(name)
        if name not in self.helpers or self.depth > _DEEPEST:
            return UNKNOWN_VALUE
        self.depth += 1
        given = values[1] if len(values) > 1 else None
        inside = Scope(given, given, functions=scope.functions, stops=scope.stops)
        text = "".join(fill(self.helpers[name], inside, self))
        self.depth -= 1
        return text

    def _tpl(self, scope: Scope, values: list[Any]) -> Any:
        if not values or isinstance(values[0], Unknown):
            return UNKNOWN_VALUE
        return "".join(fill(parse(shown(values[0])), scope.inside(values[-1]), self))


def rendered(
    templates: Mapping[str, str],
    root: dict[str, Any],
    stops: list[str] | None = None,
    undefined: list[str] | None = None,
) -> dict[str, str]:
    """The texts that templates (by name) make of the values at the root; helpers are shared by all.

    What Helm would stop at is added to `stops` (names below values that are not there) and `undefined` (helpers).

    Raises:
        TemplateError: a template that is not understood.
    """
    chart = Chart(root, stops=[] if stops is None else stops, undefined=[] if undefined is None else undefined)
    parsed = {name: parse(content) for name, content in templates.items()}
    for nodes in parsed.values():
        chart.helpers |= {node.source: node.branches[0][1] for node in nodes if node.word in ("define", "block")}
    result = {}
    for name, nodes in parsed.items():
        if not name.endswith((".tpl", "NOTES.txt")):
            root["Template"] = {"Name": name, "BasePath": name.rpartition("/")[0]}
            result[name] = "".join(fill(nodes, chart.scope(), chart))
    return result


def parse(content: str) -> list[Node]:
    """The pieces of a template.

    Raises:
        TemplateError: blocks that do not close.
    """
    top: list[Node] = []
    open_blocks: list[Node] = []
    nodes = top
    for word, source in _pieces(content):
        if word == "end":
            if not open_blocks:
                raise TemplateError("end without a block")
            open_blocks.pop()
            nodes = open_blocks[-1].branches[-1][1] if open_blocks else top
        elif word == "else":
            if not open_blocks:
                raise TemplateError("else without a block")
            open_blocks[-1].branches.append((source, []))
            nodes = open_blocks[-1].branches[-1][1]
        else:
            node = Node(word, source)
            nodes.append(node)
            if word in ("if", "with", "range", "define", "block"):
                node.branches.append((source, []))
                open_blocks.append(node)
                nodes = node.branches[0][1]
                node.source = source.split()[0].strip('"`') if word in ("define", "block") else source
    if open_blocks:
        raise TemplateError(f"{open_blocks[-1].word} without an end")
    return top


def _pieces(content: str) -> Iterator[tuple[str, str]]:
    """Texts as ("", text) and actions as (word, the rest), blanks beside a dash cut off."""
    place, cut = 0, False
    for match in _ACTION.finditer(content):
        text = content[place : match.start()]
        text = text.lstrip() if cut else text
        yield "", text.rstrip() if match[1] else text
        source = match[2].strip()
        head, _, rest = source.partition(" ")
        if head in ("if", "with", "range", "define", "block", "else", "end", "template"):
            yield head, rest.strip()
        elif not source.startswith("/*"):
            yield "value", source
        place, cut = match.end(), bool(match[3])
    text = content[place:]
    yield "", text.lstrip() if cut else text


def fill(nodes: list[Node], scope: Scope, chart: Chart) -> Iterator[str]:
    """The text that pieces make.

    Raises:
        TemplateError: not understood, or too much of it.
    """
    for node in nodes:
        chart.steps += 1
        if chart.steps > _MOST_STEPS:
            raise TemplateError(f"more than {_MOST_STEPS:,} pieces")
        if node.word == "":
            yield node.source
        elif node.word == "value":
            yield shown(evaluate(node.source, scope))
        elif node.word == "template":
            yield shown(evaluate(f"include {node.source}", scope))
        elif node.word == "block":
            yield from fill(node.branches[0][1], scope, chart)
        elif node.word == "range":
            yield from _repeated(node, scope, chart)
        elif node.word in ("if", "with"):
            yield from _chosen(node, scope, chart)


def _chosen(node: Node, scope: Scope, chart: Chart) -> Iterator[str]:
    for number, (condition, nodes) in enumerate(node.branches):
        word, source = node.word, condition
        if number:
            word, _, source = condition.partition(" ")
        inside = scope.inside(scope.dot)
        value: Any = True
        if source:
            named = _RANGE.match(source)
            value = evaluate(named[3] if named else source, inside)
            if named:
                inside.variables[named[1]] = value
        if truth(value):
            inside.dot = value if word == "with" else scope.dot
            known = len(chart.stops), len(chart.undefined)
            yield from fill(nodes, inside, chart)
            _keep(scope, inside)
            if isinstance(value, Unknown):  # perhaps it is not filled in at all
                _forget(chart, known)
            return


def _forget(chart: Chart, known: tuple[int, int]) -> None:
    del chart.stops[known[0] :], chart.undefined[known[1] :]


def _keep(scope: Scope, inside: Scope) -> None:
    """A name of the scope around that a block has set anew stays so."""
    scope.variables |= {name: inside.variables[name] for name in scope.variables}


def _repeated(node: Node, scope: Scope, chart: Chart) -> Iterator[str]:
    named = _RANGE.match(node.source)
    items = evaluate(named[3] if named else node.source, scope)
    if isinstance(items, Unknown):
        pairs: list[tuple[Any, Any]] = [(UNKNOWN_VALUE, UNKNOWN_VALUE)]
    elif isinstance(items, dict):
        pairs = sorted(items.items(), key=lambda pair: str(pair[0]))
    else:
        pairs = list(enumerate(call("until", [items]) if isinstance(items, int) else items or []))
    known = len(chart.stops), len(chart.undefined)
    for key, value in pairs:
        inside = scope.inside(value)
        if named:
            inside.variables |= {named[1]: key, named[2]: value} if named[2] else {named[1]: value}
        yield from fill(node.branches[0][1], inside, chart)
        _keep(scope, inside)
    if isinstance(items, Unknown):
        _forget(chart, known)
    if not pairs and len(node.branches) > 1:
        yield from fill(node.branches[1][1], scope, chart)
