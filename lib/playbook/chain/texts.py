"""What a text in the parameters may be: checked at the door, wherever in a list or mapping it stands.

`records/names.py` holds what becomes a name or an address; this is for all other texts. They reach paths, commands,
SQL and pages, whose writers quote them: but no quoting helps against a line break, a NUL or a letter that turns the
reading direction round.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from playbook.errors import ParameterError
from playbook.records import names

LONGEST = 1000  # characters
UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")  # control, format, surrogates, separators of lines and paragraphs


class TextRule(NamedTuple):
    """A pattern for the whole of it, the same in words, and an example."""

    pattern: str
    words: str
    example: str


#: By parameter; those that are empty at their default may stay so. Of a list each entry is held to it.
RULES = {
    "currency": TextRule(r"[A-Z]{3}", "the three letters of ISO 4217", "USD"),
    "compare_with": TextRule(names.RULES["run"].pattern, "a run's id, or previous", "previous"),
    "load_scheduler": TextRule(
        r"(tcp|tls|ucx)://[\w.\[\]:-]+", "the address of a Dask scheduler", "tcp://10.0.0.1:8786"
    ),
    "extra_flags": TextRule(r"--?[A-Za-z][\w-]*(=.*)?", "a flag of TensorFlow Serving", "--prefer_tflite_model"),
}


def check_all(values: Mapping[str, Any]) -> None:
    """Check every text among these parameters.

    Raises:
        ParameterError: names the parameter, and what is wrong with the text.
    """
    for name, value in values.items():
        for text in _texts(value):
            _check(name, text)
            _check_rule(name, text)


def _texts(value: Any) -> Iterator[str]:
    """Every text of a value, keys of mappings among them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from (*_texts(key), *_texts(item))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)


def _check(name: str, text: str) -> None:
    if len(text) > LONGEST:
        raise ParameterError(f"{name} has a text of {len(text):,} characters; at most {LONGEST:,} are expected.")
    if unseen := next((letter for letter in text if unicodedata.category(letter) in UNSEEN), None):
        raise ParameterError(
            f"{name} holds the character U+{ord(unseen):04X}; a text on one line, without control characters, is "
            "expected."
        )


def _check_rule(name: str, text: str) -> None:
    rule = RULES.get(name)
    if rule and text and not re.fullmatch(rule.pattern, text, re.ASCII):
        raise ParameterError(f"{name} is {text[:80]!r}; expected is {rule.words}, such as {rule.example}.")
