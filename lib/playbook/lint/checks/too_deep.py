"""Base paths that are told by their names alone to hold no versions: inside a version, or a file."""

from __future__ import annotations

import re
from collections.abc import Iterator

from playbook.lint.rules.findings import Finding, finding

_INSIDE = re.compile(r"(?P<parent>.*)/\d+/(?:variables|assets|assets\.extra)/?")
_FILE = re.compile(r".*\.(?:pb|pbtxt|h5|hdf5|keras|ckpt|tflite|onnx|pt|pth|pkl|joblib|pickle|mar|zip|tar|tgz|gz)/?")
Place = tuple[str, int | None]


def check_too_deep(base: str, where: Place) -> Iterator[Finding]:
    """A base path that ends in a part of a version, or in a file, whatever stands in front of it."""
    if found := _INSIDE.fullmatch(base):
        remedy = f"Name the folder that holds the versions, {found['parent'] or '/'}."
        yield finding("base-path-inside", *where, path=base, remedy=remedy)
    elif _FILE.fullmatch(base) and "://" not in base:
        folder = re.sub(r"(/\d+)?/[^/]*/?$", "", base) if "/" in base else ""
        yield finding("base-path-is-file", *where, path=base, folder=folder or "/models/m")
