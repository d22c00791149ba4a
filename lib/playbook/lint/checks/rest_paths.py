"""The paths that REST has, and what it answers to others."""

from __future__ import annotations

import re
from collections.abc import Iterator

from playbook.lint.rules.findings import Finding, finding

_OF_A_MODEL = re.compile(r"v1/models/[^/:]+(?:/versions/\d+|/labels/[^/:]+)?", re.IGNORECASE)
_VERBS = re.compile(r":(?:predict|classify|regress)")
_NEAR_VERB = re.compile(r"[/:](predict|classify|regress)\w*/?", re.IGNORECASE)


def begun_otherwise(path: str, shown: str, line: int | None) -> Finding:
    """What is said of `models/NAME...` and `v1/model/NAME...`, written without the first slash."""
    right = re.sub(r"^(v1/)?models?/", "/v1/models/", path)
    code, why = "400" if path.startswith("v1/") else "404", "the paths of its models begin with /v1/models/"
    return finding("request-wrong-path", shown, line, path=f"/{path}", code=code, why=why, right=right)


def refused_path(path: str, posts: bool, shown: str, line: int) -> Iterator[Finding]:
    """What is said of a path, written without its first slash, that is asked by POST or by another method.

    The paths are those of http_rest_api_handler.cc; what else begins with /v1/ is answered by 400.
    """
    path = path.rstrip(".")
    if not path.startswith("v1/models/"):
        yield begun_otherwise(path, shown, line)
        return
    begun = _OF_A_MODEL.match(path)
    rest = path[begun.end() :] if begun else ""
    if begun is None or _VERBS.fullmatch(rest) or (rest.lower() in ("", "/metadata") and not posts):
        return
    near = _NEAR_VERB.fullmatch(rest)
    verb = f":{near[1].lower()}" if near else ":predict" if posts else ""
    why = "POST asks for :predict, :classify or :regress" if posts else "that is none of its paths"
    asked = f"{'POST ' if posts else ''}/{path}"
    yield finding("request-wrong-path", shown, line, path=asked, code="400", why=why, right=f"/{begun[0]}{verb}")
