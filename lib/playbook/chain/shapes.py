"""What a parameter may be made of: what JSON holds, a few levels deep, as run.json and every kernel take it.

YAML makes more of a slip: a date of `2026-11-27`, a list that holds itself by an anchor, a key that is a number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import yaml

from playbook.errors import ParameterError

DEEPEST = 8  # lists and mappings in one another
LONGEST = 1000  # entries of a list: two million levels are a mistake, and take minutes to find out
MOST = 20_000  # entries of all lists and mappings of a parameter


def loaded(text: str, refused: Callable[[object], ParameterError]) -> Any:
    """A text read as YAML; `refused` makes the error of one that is none, from what was wrong.

    Raises:
        ParameterError: no YAML, or a number or a date that there is not.
    """
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        why = "it is nested too deep" if isinstance(error, RecursionError) else error
        raise refused(why) from error


def check_all(values: Mapping[str, Any]) -> None:
    """Check what every parameter among these is made of.

    Raises:
        ParameterError: names the parameter, and what in it is none of JSON's.
    """
    for name, value in values.items():
        for one in _parts(name, value):
            if one is not None and not isinstance(one, (str, int, float)):
                raise ParameterError(
                    f"{name} holds {one!r}, a {type(one).__name__}; a text, a number, true or false is expected. "
                    "Quote what is meant as a text."
                )


def check_finite(values: Mapping[str, Any]) -> None:
    """Refuse what is no number among the numbers.

    Raises:
        ParameterError: names the parameter.
    """
    for name, value in values.items():
        for one in _parts(name, value):
            if isinstance(one, float) and not math.isfinite(one):
                raise ParameterError(f"{name} holds {one}; a finite number is expected.")


def _parts(name: str, value: Any) -> Iterator[Any]:
    """Every text and number of a value, and whatever else stands in such a place."""
    left, count = [(value, 0)], 0
    while left:
        one, depth = left.pop()
        count += 1
        if depth > DEEPEST or count > MOST:
            raise ParameterError(
                f"{name} is nested more than {DEEPEST} deep or holds more than {MOST:,} entries; does it hold itself?"
            )
        if isinstance(one, Mapping):
            if odd := [key for key in one if not isinstance(key, str)]:
                raise ParameterError(f"{name} has the key {odd[0]!r}; a text is expected there. Quote it.")
            left += [(item, depth + 1) for item in one.values()]
        elif isinstance(one, (list, tuple)):
            if len(one) > LONGEST:
                raise ParameterError(f"{name} has {len(one):,} entries; at most {LONGEST:,} are expected.")
            left += [(item, depth + 1) for item in one]
        else:
            yield one
