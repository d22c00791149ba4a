"""Variables that a document's shells set to a path, in whichever of its blocks."""

from __future__ import annotations

import re
from collections import defaultdict

_SET = re.compile(
    r"(?m)^[ \t]*(?:[$>][ \t]+)?(?:export[ \t]+)?"
    r"(?P<name>[A-Z][A-Z_]+)=(?P<quote>[\"']?)(?P<path>/[\w./-]+)(?P=quote)[ \t]*$"
)


def set_alone(content: str) -> dict[str, str]:
    """The path of each name that a text sets to one path alone."""
    found = defaultdict(set)
    for each in _SET.finditer(content):
        found[each["name"]].add(each["path"])
    once = {name: next(iter(paths)) for name, paths in found.items() if len(paths) == 1}
    return {name: path for name, path in once.items() if len(re.findall(rf"(?m)\b{name}=", content)) == 1}
