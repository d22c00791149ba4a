"""Objects that programs write out (Go's literals, TypeScript's, Java's builders), as YAML would hold them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from playbook.lint.forms.bracketed import (
    DEPTH,
    Group,
    Name,
    Node,
    assigned,
    chain,
    groups,
    has_keys,
    is_list,
    joined_parts,
    pair,
)
from playbook.lint.forms.object_fields import NESTED, TYPE, begin, lower
from playbook.lint.forms.text import UNKNOWN, Text, Word
from playbook.lint.forms.yaml_lines import Items, Table

_LISTS = (
    "of",
    "asList",
    "listOf",
    "arrayOf",
    "mutableListOf",
    "singletonList",
    "List",
    "Seq",
    "Array",
    "append",
    "slice",
)
_MAPS = ("mapOf", "mutableMapOf", "singletonMap", "ofEntries")
_LISTED = {"args", "command", "cmd", "entrypoint", "entryPoint", "exposedPorts", "ports", "binds"}
_KEYS = {"objectMeta": "metadata", "cmd": "command"}
_RESOURCES = {"ResourceCPU": "cpu", "ResourceMemory": "memory"}
_INLINE = ("typeMeta", "volumeSource", "handler", "probeHandler", "lifecycleHandler", "localObjectReference")
_SKIPPED = ("&", "*", "new", "await", "return", "const", "final", "var", "val", "let")
_BUILDS = re.compile(
    r"Container(Builder)?\b|Pod(Builder|Spec)?\b|(Deployment|StatefulSet|Job|Service)(Builder)?\b|"
    r"V1\w+$|createContainerCmd|ContainerDefinitionOptions|RunOptions"
)
_SETS = re.compile(r"^(with|add|set|put)(To)?(?=[A-Z])")


class Objects:
    """The objects of one program, with the values of names that are given once."""

    def __init__(self, text: Text):
        self.capitals = text.suffix in (".go", ".cs")  # where keys are fields, and begin with a capital
        self.sign = "=" if text.suffix == ".cs" else ":"
        self.whole = groups(text)
        self.names: dict[str, list[Node]] = {}
        self._used: set[int] = set()
        twice: set[str] = set()
        for name, nodes in assigned(self.whole):
            twice |= {name} & self.names.keys()
            self.names[name] = nodes
        for name in twice:
            del self.names[name]

    def tables(self) -> list[Table]:
        """Every object that is no part of another one, in the order they are written."""
        found = list(self._visit(self.whole, "", 0))
        return [table for table, group in found if id(group) not in self._used]

    def _visit(self, group: Group, called: str, depth: int) -> Iterator[tuple[Table, Group]]:
        for row in group.items if depth < DEPTH else ():
            place = 0
            while place < len(row):
                node, before = row[place], row[place - 1] if place else None
                calls = chain(row, place)
                if len(calls) > 1 and _BUILDS.search(calls[0][0]):
                    yield self._built(calls, depth), calls[-1][1]
                    place += 2 * len(calls)
                    continue
                if isinstance(node, Group):
                    named = str(before) if isinstance(before, Name) else called
                    if node.opened == "{" and has_keys(node, self.sign):
                        yield self._table(node, named, depth), node
                    elif node.opened == "{" and isinstance(before, Name) and is_list(row, place):
                        for inner in (each for item in node.items for each in item if isinstance(each, Group)):
                            yield self._table(inner, named, depth), inner
                    else:
                        yield from self._visit(node, named if node.opened == "(" else "", depth + 1)
                place += 1

    def value(self, nodes: list[Node], depth: int = 0) -> Any:
        """What a row of nodes stands for: a word, a number, a table or a list; unknown where it is computed."""
        nodes = [each for each in nodes if not (isinstance(each, Name) and each in _SKIPPED)]
        if not nodes or depth > DEPTH:
            return Word(UNKNOWN, None)
        first = nodes[0]
        if isinstance(first, Group) and first.opened in "[{" and len(parts := joined_parts(nodes)) > 1:
            return self._joined([self.value(part, depth + 1) for part in parts])
        if Name("+") in nodes or (isinstance(first, Word) and not isinstance(first, Name)):
            return self._text(nodes, depth)
        groups_ = [each for each in nodes if isinstance(each, Group)]
        if isinstance(first, Group) and first.opened == "[":
            held = groups_[-1] if len(groups_) > 1 and groups_[-1].opened == "{" else first
            return self._list(held, depth)
        if isinstance(first, Group):
            return self._table(first, "", depth) if first.opened == "{" else self.value(first.items[0], depth + 1)
        if groups_ and groups_[-1].opened == "{" and "(" not in {each.opened for each in groups_}:
            return self._table(groups_[-1], str(first), depth)
        if calls := chain(nodes, 0):
            return self._called(*calls[0], depth) if len(calls) == 1 else self._built(calls, depth)
        return self._named(first, depth) if len(nodes) == 1 else Word(UNKNOWN, first.line)

    def _joined(self, parts: list[Any]) -> Any:
        """Lists or objects that `+` puts together; of a part that a condition makes, it is known that there is one."""
        if isinstance(parts[0], Table):
            whole = Table({key: value for part in parts if isinstance(part, Table) for key, value in part.items()})
            whole.line = parts[0].line
            return whole
        items = Items(each for part in parts for each in (part if isinstance(part, list) else [Word(UNKNOWN, None)]))
        items.line = parts[0].line
        return items

    def _named(self, name: Name, depth: int) -> Any:
        if re.fullmatch(r"\d+", name):
            return int(name)
        if name in ("true", "false"):
            return name == "true"
        base, _, field = name.rpartition(".")
        held = self.names.get(field.lstrip("&*"))
        if held is None:
            whole = self.value(self.names[base], depth + 1) if base in self.names else None
            return whole[field] if isinstance(whole, Table) and field in whole else Word(UNKNOWN, name.line)
        self._used |= {id(each) for each in held if isinstance(each, Group)}
        return self.value(held, depth + 1)

    def _text(self, nodes: list[Node], depth: int) -> Any:
        parts = [each for each in nodes if not (isinstance(each, Name) and each == "+")]
        if len(parts) == 1:
            return parts[0] if not isinstance(parts[0], Name) else self._named(parts[0], depth)
        words = [each if isinstance(each, Word) and not isinstance(each, Name) else
                 self._named(each, depth) if isinstance(each, Name) else UNKNOWN for each in parts]  # fmt: skip
        line = next((each.line for each in parts if each.line), None)
        joined = "".join(str(each) if isinstance(each, (str, int)) else UNKNOWN for each in words)
        return Word(joined if Name("+") in nodes else str(words[0]), line)

    def _list(self, group: Group, depth: int) -> Items:
        items = Items()
        items.line = group.line
        for row in (row for row in group.items if row):
            spread = isinstance(row[0], Name) and row[0].startswith("...")
            value = self.value([Name(row[0][3:], row[0].line), *row[1:]] if spread else row, depth + 1)  # type: ignore[index]
            items += value if spread and isinstance(value, list) else [value]
        return items

    def _table(self, group: Group, named: str, depth: int) -> Any:
        table = Table()
        table.line = group.line
        for row in (row for row in group.items if row):
            key, value = pair(row)
            if key is None:
                continue
            held = self.value(value, depth + 1) if value else self._named(Name(key, row[0].line), depth)
            name = self._key(key)
            if name in _INLINE and isinstance(held, Table):
                table |= {each: inner for each, inner in held.items() if each != TYPE}
            else:
                table[Word(name, row[0].line)] = held
        kind = re.sub(r"<.*|^\W+", "", named).rpartition(".")[2]
        if kind == "IntOrString":
            return table.get("intVal", table.get("strVal", Word(UNKNOWN, group.line)))
        if kind and kind[:1].isupper():
            table[TYPE] = kind
        return table

    def _key(self, key: Word) -> str:
        bare = key.rpartition(".")[2] if isinstance(key, Name) else str(key)
        if bare in _RESOURCES:
            return _RESOURCES[bare]
        if self.capitals and isinstance(key, Name):
            bare = lower(bare)
            return _KEYS.get(bare, bare)
        return bare

    def _called(self, name: Name, group: Group, depth: int) -> Any:
        """`f(x)`: lists and maps are made of what they are given; another call is taken for its first plain value."""
        bare = re.sub(r"<.*", "", name).rpartition(".")[2]
        rows = [row for row in group.items if row]
        if bare in _MAPS or (bare == "of" and "Map" in name):
            return self._mapped(rows, group, depth)
        if bare in _LISTS:
            items = [self.value(row, depth + 1) for row in rows]
            flat = Items(each for item in items for each in (item if isinstance(item, Items) else [item]))
            flat.line = group.line
            return flat
        values = [self.value(row, depth + 1) for row in rows]
        tables = [each for each in values if isinstance(each, Table)]
        if tables:
            tables[-1].setdefault(TYPE, bare)
            return tables[-1]
        plain = (each for each in values if isinstance(each, int) or UNKNOWN not in str(each))
        return next(plain, values[0] if values and str(values[0]).startswith("--") else Word(UNKNOWN, name.line))

    def _mapped(self, rows: list[list[Node]], group: Group, depth: int) -> Table:
        table = Table()
        table.line = group.line
        paired = [(row[:1], row[2:]) for row in rows if len(row) > 2 and row[1] == "to"]
        for key, value in paired or zip(rows[::2], rows[1::2], strict=False):
            table[Word(self.value(key, depth + 1), group.line)] = self.value(value, depth + 1)
        return table

    def _built(self, calls: list[tuple[Name, Group]], depth: int) -> Table:
        """A chain of calls, each of which sets a field, begins an object inside, or ends one."""
        table = Table()
        table.line = calls[0][0].line
        table[TYPE] = re.sub(r"<.*", "", calls[0][0]).rpartition(".")[2]
        stack = [table]
        for place, (name, group) in enumerate(calls):
            bare = name.rpartition(".")[2]
            if nested := NESTED.fullmatch(bare):
                begin(nested, name, stack)
            elif re.match(r"end[A-Z]|and$", bare):
                stack.pop() if len(stack) > 1 else None
            elif place and bare not in ("build", "builder", "done"):
                self._set(bare, [row for row in group.items if row], name, stack[-1], depth)
            elif not place and (image := next((each for row in group.items if row and isinstance(
                    each := self.value(row, depth + 1), Word)), None)):  # fmt: skip
                table[Word("image", image.line)] = image
        return table

    def _set(self, bare: str, rows: list[list[Node]], name: Name, table: Table, depth: int) -> None:
        values = [self.value(row, depth + 1) for row in rows]
        key = Word(re.sub(r"Item$", "", lower(_SETS.sub("", bare))), name.line)
        if bare.startswith("addTo") and len(values) == 2:  # a pair for a map
            table.setdefault(key, Table())[Word(values[0], name.line)] = values[1]
        elif key == "env" and len(values) == 2:
            pair = Table(name=values[0], value=values[1])
            pair.line = name.line
            table.setdefault(key, Items()).append(pair)
        elif bare.startswith("add") and bare.endswith("Item"):
            table.setdefault(key, Items()).extend(values)
        elif key in _LISTED or (key in ("env", "containers", "volumeMounts", "volumes") and len(values) > 1):
            flat = [each for value in values for each in (value if isinstance(value, list) else [value])]
            table.setdefault(key, Items()).extend(flat)
        elif values:
            table[key] = values[0]
