"""Functions of Helm's templates that change lists, tables, texts and numbers: what Sprig and Helm add to Go's own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

_MOST_TIMES = 1000  # copies of a text, which no chart of a server goes beyond


def merged(*tables: Any) -> dict:
    """Tables put together at every depth; the first one wins."""
    result: dict = {}
    for table in (each for each in tables if isinstance(each, dict)):
        for key, value in table.items():
            held = result.get(key)
            if isinstance(held, dict) and isinstance(value, dict):
                result[key] = merged(held, value)
            elif key not in result:
                result[key] = value
    return result


def _set(table: dict, key: str, value: Any) -> dict:
    table[key] = value
    return table


def _unset(table: dict, key: str) -> dict:
    table.pop(key, None)
    return table


def _dig(*words: Any) -> Any:
    """`dig "a" "b" DEFAULT TABLE`."""
    *keys, fallback, value = words
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            return fallback
        value = value[key]
    return value


def _words(text: str) -> list[str]:
    return re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", text)


def _pieces(mark: str, text: str) -> dict[str, str]:
    return {f"_{place}": part for place, part in enumerate(str(text).split(mark))}


def _replaced(form: str, text: str, new: str) -> str:
    return re.sub(form, re.sub(r"\$\{?(\d)\}?", r"\\\1", new), str(text))


def _unlike(items: list) -> list:
    """The items without those that have been met."""
    met: list = []
    for item in items or ():
        if item not in met:
            met.append(item)
    return met


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "toPrettyJson": lambda value: json.dumps(value, indent=2), "fromJson": json.loads,
    "set": _set, "unset": _unset, "dig": _dig, "values": lambda table: [*(table or {}).values()],
    "pluck": lambda key, *tables: [table[key] for table in tables if key in table],
    "append": lambda items, item: [*(items or ()), item], "prepend": lambda items, item: [item, *(items or ())],
    "concat": lambda *lists: [item for items in lists for item in items or ()],
    "uniq": _unlike, "without": lambda items, *others: [item for item in items or () if item not in others],
    "compact": lambda items: [item for item in items or () if item], "reverse": lambda items: [*reversed(items or [])],
    "sortAlpha": lambda items: sorted(map(str, items or ())), "rest": lambda items: (items or [])[1:],
    "initial": lambda items: (items or [])[:-1], "tuple": lambda *items: [*items],
    "slice": lambda items, begin=0, end=None: items[begin:end],
    "split": _pieces, "cat": lambda *values: " ".join(map(str, values)),
    "repeat": lambda times, text: str(text) * min(int(times), _MOST_TIMES), "regexReplaceAll": _replaced,
    "substr": lambda begin, end, text: str(text)[begin : end if end >= 0 else None],
    "kebabcase": lambda text: "-".join(_words(text)).lower(), "snakecase": lambda text: "_".join(_words(text)).lower(),
    "camelcase": lambda text: "".join(word.title() for word in re.split(r"[-_ ]", text)),
    "mod": lambda one, other: int(one) % int(other), "floor": lambda value: float(int(float(value) // 1)),
    "ceil": lambda value: float(-int(-float(value) // 1)), "round": lambda value, digits: round(float(value), digits),
}  # fmt: skip
# names that stop at a mistake, where the others go on
FUNCTIONS |= {f"must{name[0].upper()}{name[1:]}": FUNCTIONS[name] for name in
              ("toPrettyJson", "fromJson", "append", "prepend", "uniq", "without", "compact", "reverse", "rest",
               "initial", "slice", "regexReplaceAll")}  # fmt: skip
TAKE_UNKNOWN = {"set", "unset", "dig", "values", "append", "prepend", "concat", "pluck", "rest", "initial", "tuple",
                "mustAppend", "mustPrepend"}  # fmt: skip
