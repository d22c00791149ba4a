"""Patches over objects of YAML: Kubernetes' strategic merge and the operations of RFC 6902. Words keep their places."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from playbook.lint.forms.text import Word
from playbook.lint.forms.yaml_lines import Items, Table

# lists that are merged by a key of their items; all others are replaced as a whole
_MERGED = {
    "containers": ("name",), "initContainers": ("name",), "ephemeralContainers": ("name",), "env": ("name",),
    "volumes": ("name",), "volumeMounts": ("mountPath",), "volumeDevices": ("devicePath",),
    "ports": ("containerPort", "port"), "imagePullSecrets": ("name",), "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey",),
}  # fmt: skip
_DIRECTIVE = "$patch"


class DoesNotApplyError(LookupError):
    """A JSON patch's operation finds nothing at its path: what is missing, and the operation."""

    def __init__(self, missing: str, operation: Any):
        super().__init__(missing)
        self.missing, self.operation = missing, operation


def placed(node: Any, shown: str) -> Any:
    """A copy whose words know the file they stand in."""
    if isinstance(node, Word):
        word = Word(node, node.line, node.raw, node.written, node.path or shown)
        word.flat = node.flat
        return word
    if isinstance(node, Table):
        table = Table({placed(key, shown): placed(value, shown) for key, value in node.items()})
        table.line, table.path = node.line, node.path or shown
        return table
    if isinstance(node, list):
        items = Items(placed(item, shown) for item in node)
        items.line, items.path = getattr(node, "line", None), getattr(node, "path", "") or shown
        return items
    return node


def moved(node: Any, first_lines: Mapping[str, int]) -> Any:
    """A copy whose lines are those of one text, in which each file begins at a line of its own."""
    if isinstance(node, Word):
        word = Word(node, _moved(node, first_lines), node.raw, node.written)
        word.flat = node.flat
        return word
    if isinstance(node, Table):
        table = Table({moved(key, first_lines): moved(value, first_lines) for key, value in node.items()})
        table.line = _moved(node, first_lines)
        return table
    if isinstance(node, list):
        items = Items(moved(item, first_lines) for item in node)
        items.line = _moved(node, first_lines)
        return items
    return node


def _moved(node: Any, first_lines: Mapping[str, int]) -> int | None:
    line, path = getattr(node, "line", None), getattr(node, "path", "")
    return line if line is None else first_lines.get(path, 1) + line - 1


def merged(base: Any, patch: Any, key: str = "") -> Any:
    """The object with a strategic merge patch in it."""
    if isinstance(base, Table) and isinstance(patch, Table):
        if patch.get(_DIRECTIVE) == "replace":
            return _without_directive(patch)
        result = Table(base)
        result.line, result.path = base.line, base.path
        for name, value in patch.items():
            if value is None or (isinstance(value, Table) and value.get(_DIRECTIVE) == "delete"):
                result.pop(name, None)
            elif name != _DIRECTIVE:
                _put(result, name, value)
        return result
    if isinstance(base, list) and isinstance(patch, list) and key in _MERGED:
        return _merged_lists(base, patch, _MERGED[key])
    return patch


def _put(table: Table, name: Any, value: Any) -> None:
    """Merge a value in; where it replaces what was there, its key stands where the patch writes it."""
    new = merged(table[name], value, str(name)) if name in table else value
    if new is value:
        table.pop(name, None)
    table[name] = new


def _without_directive(patch: Table) -> Table:
    result = Table({name: value for name, value in patch.items() if name != _DIRECTIVE})
    result.line, result.path = patch.line, patch.path
    return result


def _merged_lists(base: list[Any], patch: list[Any], names: Iterable[str]) -> Any:
    name = next((each for each in names for item in patch if isinstance(item, Table) and each in item), None)
    if name is None:
        return patch
    result = Items(base)
    result.line, result.path = getattr(base, "line", None), getattr(base, "path", "")
    for item in (each for each in patch if isinstance(each, Table)):
        place = next((nth for nth, each in enumerate(result)
                      if isinstance(each, Table) and each.get(name) == item.get(name)), None)  # fmt: skip
        if item.get(_DIRECTIVE) == "delete":
            result[:] = [each for nth, each in enumerate(result) if nth != place]
        elif place is None:
            result.append(item)
        else:
            result[place] = merged(result[place], item)
    return result


def operated(base: Any, operations: Iterable[Any]) -> Any:
    """The object with the operations of a JSON patch done to it.

    Raises:
        DoesNotApplyError: an operation's path leads nowhere.
    """
    result = _copied(base)
    for each in operations:
        parts = [step.replace("~1", "/").replace("~0", "~") for step in str(each.get("path", "")).split("/")[1:]]
        if parts:
            _operate(result, parts, str(each.get("op", "")), each)
    return result


def _copied(node: Any) -> Any:
    if isinstance(node, Table):
        table = Table({key: _copied(value) for key, value in node.items()})
        table.line, table.path = node.line, node.path
        return table
    if isinstance(node, list):
        items = Items(_copied(item) for item in node)
        items.line, items.path = getattr(node, "line", None), getattr(node, "path", "")
        return items
    return node


def _operate(node: Any, parts: list[str], verb: str, operation: Any) -> None:
    for nth, part in enumerate(parts[:-1]):
        node = _below(node, part, "/" + "/".join(parts[: nth + 1]), operation)
    last, whole = parts[-1], "/" + "/".join(parts)
    if isinstance(node, list):
        place = len(node) if last == "-" else int(last) if last.isdigit() else -1
        if place < 0 or place > len(node) or (verb != "add" and place == len(node)):
            raise DoesNotApplyError(whole, operation)
        if verb == "add":
            node.insert(place, operation.get("value"))
        elif verb == "replace":
            node[place] = operation.get("value")
        elif verb == "remove":
            del node[place]
    elif isinstance(node, Table):
        if verb in ("replace", "remove") and last not in node:
            raise DoesNotApplyError(whole, operation)
        if verb in ("replace", "remove"):
            node.pop(last)
        if verb in ("add", "replace"):
            node.pop(last, None)
            path = operation.get("path")
            node[Word(last, getattr(path, "line", None), path=getattr(path, "path", ""))] = operation.get("value")
    else:
        raise DoesNotApplyError(whole, operation)


def _below(node: Any, part: str, whole: str, operation: Any) -> Any:
    if isinstance(node, Table) and part in node:
        return node[part]
    if isinstance(node, list) and part.isdigit() and int(part) < len(node):
        return node[int(part)]
    raise DoesNotApplyError(whole, operation)
