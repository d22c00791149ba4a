"""The functions of Helm's templates that charts of servers use; what needs a cluster or is not listed is unknown."""

from __future__ import annotations

import base64
import copy
import json
import re
from collections.abc import Callable
from typing import Any

import yaml

from playbook.lint.forms import sprig
from playbook.lint.forms.text import UNKNOWN

_WIDEST, _LONGEST = 200, 1000  # what no chart of a server goes beyond
_VERB = re.compile(r"%[-+ #0-9.]*([a-zA-Z%])")


class Unknown:
    """A value that only the cluster or whoever installs the chart knows."""

    def __str__(self) -> str:
        return UNKNOWN


UNKNOWN_VALUE = Unknown()


def truth(value: Any) -> bool:
    """What Go's templates take for true; a value nobody knows counts as given."""
    return True if isinstance(value, Unknown) else bool(value)


def shown(value: Any) -> str:
    """A value as a template prints it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list):
        return "[" + " ".join(map(shown, value)) + "]"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{shown(value[key])}" for key in sorted(value, key=str)) + "]"
    return str(value)


def holds_unknown(value: Any) -> bool:
    """True where a part of the value is unknown."""
    if isinstance(value, dict):
        return any(map(holds_unknown, value.values()))
    return any(map(holds_unknown, value)) if isinstance(value, list) else isinstance(value, Unknown)


def to_yaml(value: Any) -> str:
    """As Helm's toYaml: block style, a list no deeper than its key, texts over several lines as blocks."""
    return yaml.dump(value, Dumper=_Dumper, default_flow_style=False, width=10_000, allow_unicode=True).rstrip("\n")


class _Dumper(yaml.SafeDumper):
    """Writes texts over several lines as blocks, and no document's end behind a bare word."""

    def represent_str(self, data: str) -> yaml.ScalarNode:
        """A block for what has several lines."""
        return self.represent_scalar("tag:yaml.org,2002:str", data, style="|" if "\n" in data else None)

    def represent_unknown(self, data: Unknown) -> yaml.ScalarNode:
        """The mark of an unknown value."""
        return self.represent_scalar("tag:yaml.org,2002:str", str(data))


_Dumper.add_representer(str, _Dumper.represent_str)
_Dumper.add_representer(Unknown, _Dumper.represent_unknown)


def _yaml_of(value: Any) -> str:
    return to_yaml(value).removesuffix("\n...")


def _indent(width: int, text: Any) -> str:
    return "\n".join(" " * min(int(width), _WIDEST) + line for line in shown(text).split("\n"))


def _printf(form: str, *values: Any) -> str:
    given = iter(values)

    def fill(match: re.Match) -> str:
        if match[1] == "%":
            return "%"
        value = next(given, "")
        return json.dumps(shown(value)) if match[1] == "q" else shown(value)

    return _VERB.sub(fill, form)


def _number(value: Any) -> int:
    try:
        return int(float(shown(value)))
    except ValueError:
        return 0


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        if isinstance(value, list):
            value = value[key] if isinstance(key, int) and -len(value) <= key < len(value) else None
        else:
            value = value.get(key) if isinstance(value, dict) else None
    return value


def _first_given(*values: Any) -> Any:
    return next((each for each in values if truth(each)), None)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "quote": lambda *values: " ".join(json.dumps(shown(each), ensure_ascii=False) for each in values),
    "squote": lambda value: f"'{shown(value)}'",
    "indent": _indent, "nindent": lambda width, text: "\n" + _indent(width, text),
    "toYaml": _yaml_of, "toJson": json.dumps, "toRawJson": json.dumps, "fromYaml": yaml.safe_load,
    "printf": _printf, "print": lambda *values: "".join(map(shown, values)), "toString": shown,
    "trunc": lambda size, text: shown(text)[:size] if size >= 0 else shown(text)[size:],
    "trimSuffix": lambda end, text: shown(text).removesuffix(end),
    "trimPrefix": lambda begin, text: shown(text).removeprefix(begin),
    "trim": lambda text: shown(text).strip(), "trimAll": lambda marks, text: shown(text).strip(marks),
    "replace": lambda old, new, text: shown(text).replace(old, new),
    "upper": lambda text: shown(text).upper(), "lower": lambda text: shown(text).lower(),
    "title": lambda text: shown(text).title(), "nospace": lambda text: shown(text).replace(" ", ""),
    "join": lambda mark, items: mark.join(map(shown, items or [])), "list": lambda *items: [*items],
    "splitList": lambda mark, text: shown(text).split(mark),
    "dict": lambda *items: dict(zip(items[::2], items[1::2], strict=False)),
    "default": lambda fallback, value=None: value if truth(value) else fallback, "coalesce": _first_given,
    "ternary": lambda yes, no, choice: yes if truth(choice) else no, "empty": lambda value: not truth(value),
    "not": lambda value: not truth(value), "eq": lambda value, *others: value in others,
    "ne": lambda one, other: one != other, "lt": lambda one, other: one < other, "gt": lambda one, other: one > other,
    "le": lambda one, other: one <= other, "ge": lambda one, other: one >= other,
    "int": _number, "int64": _number, "float64": lambda value: float(shown(value) or 0), "atoi": _number,
    "add": lambda *values: sum(map(_number, values)), "add1": lambda value: _number(value) + 1,
    "sub": lambda one, other: _number(one) - _number(other), "mul": lambda one, other: _number(one) * _number(other),
    "div": lambda one, other: _number(one) // (_number(other) or 1), "len": lambda value: len(value or ()),
    "max": lambda *values: max(map(_number, values)), "min": lambda *values: min(map(_number, values)),
    "until": lambda count: list(range(min(_number(count), _LONGEST))), "index": _index, "get": _index,
    "first": lambda items: _index(items, 0), "last": lambda items: _index(items, -1),
    "has": lambda item, items: item in (items or ()), "hasKey": lambda table, key: key in (table or {}),
    "contains": lambda part, text: part in shown(text), "hasPrefix": lambda part, text: shown(text).startswith(part),
    "hasSuffix": lambda part, text: shown(text).endswith(part), "keys": lambda table: sorted(table or {}),
    "omit": lambda table, *keys: {key: value for key, value in (table or {}).items() if key not in keys},
    "pick": lambda table, *keys: {key: value for key, value in (table or {}).items() if key in keys},
    "regexMatch": lambda form, text: re.search(form, shown(text)) is not None,
    "b64dec": lambda text: base64.b64decode(shown(text)).decode(),
    "merge": sprig.merged, "mergeOverwrite": lambda *tables: sprig.merged(*reversed(tables)),
    "mustMerge": sprig.merged, "mustMergeOverwrite": lambda *tables: sprig.merged(*reversed(tables)),
    "deepCopy": copy.deepcopy, "mustDeepCopy": copy.deepcopy, "mustToYaml": _yaml_of, "mustToJson": json.dumps,
    "b64enc": lambda text: base64.b64encode(shown(text).encode()).decode(), "sha256sum": lambda text: "0" * 64,
    "kindIs": lambda kind, value: {"map": dict, "slice": list, "string": str, "bool": bool}.get(kind) is type(value),
    "required": lambda words, value: UNKNOWN_VALUE if value in (None, "") else value, "fail": lambda words: "",
    **sprig.FUNCTIONS,
}  # fmt: skip
_TAKE_UNKNOWN = {"quote", "squote", "indent", "nindent", "toYaml", "printf", "print", "default", "coalesce", "join",
                 "list", "dict", "trim", "toString", "index", "get", "merge", "mergeOverwrite", "required", "len",
                 "ternary", "empty", "hasKey", "deepCopy", "first", "last", "keys", "trimSuffix",
                 "kindIs", "omit", "pick", "mustMerge", "mustMergeOverwrite", "mustDeepCopy", "mustToYaml",
                 *sprig.TAKE_UNKNOWN}  # fmt: skip


def call(name: str, values: list[Any]) -> Any:
    """What a function makes of its values: unknown where it is not known here, or what it is given is not.

    Raises:
        TypeError, ValueError and the like: values that Helm would refuse, too.
    """
    if name in ("and", "or"):
        return next((each for each in values if truth(each) == (name == "or")), values[-1] if values else None)
    if name not in FUNCTIONS or (name not in _TAKE_UNKNOWN and any(map(holds_unknown, values))):
        return UNKNOWN_VALUE
    return FUNCTIONS[name](*values)
