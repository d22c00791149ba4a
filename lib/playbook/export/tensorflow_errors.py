"""TensorFlow's errors in one line: what a table of variants has room for."""

from __future__ import annotations

import re

_PATTERNS = (
    (re.compile(r"TF Select ops: (.+)"), "TFLite has no 8-bit form of {}"),
    (
        re.compile(r"unsupported operations.*? on \S+: (\w+) \(.*?T=(DT_\w+)", re.DOTALL),
        "XLA does not compile {} of {}",
    ),
    (re.compile(r"unsupported operations.*? on \S+: (\w+)", re.DOTALL), "XLA does not compile {}"),
)
_EMPTY = re.compile(r"^(Graph execution error:|Detected at node|Node:|\[\[)")
LONGEST = 200


def reason(error: Exception) -> str:
    """The telling part of an error, at most 200 characters."""
    text = str(error)
    for pattern, words in _PATTERNS:
        if found := pattern.search(text):
            return words.format(*found.groups())[:LONGEST]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next((line for line in lines if not _EMPTY.match(line)), type(error).__name__)[:LONGEST].rstrip(".")
