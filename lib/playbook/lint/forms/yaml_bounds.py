"""YAML that would take all memory or the stack: nested a thousandfold, or aliases that unfold to millions of values."""

from __future__ import annotations

import re
from typing import Any

import yaml

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEEPEST, _MOST = 300, 200_000
_OPENS = re.compile(r"[\[{]|- ")
_FEW = 1_000  # texts with fewer brackets and dashes cannot be too deep


class BeyondBounds(yaml.YAMLError):
    """A text that is not built; `problem` and `problem_mark` tell what and where, as those of PyYAML's errors."""

    def __init__(self, problem: str, mark: Any):
        super().__init__(problem)
        self.problem, self.problem_mark = problem, mark


def check_bounds(text: str) -> None:
    """Read a text's parts one after the other, without building anything, where it could be too much.

    Raises:
        BeyondBounds: it is nested too deep, or its aliases unfold to too many values, or hold themselves.
    """
    few = sum(1 for _ in _OPENS.finditer(text)) < _FEW
    if few and not ("&" in text and re.search(r"[\s\[,:-]\*\w", text)):
        return
    try:
        _count(text)
    except BeyondBounds:
        raise
    except yaml.YAMLError:
        return  # told where the text is built


def _count(text: str) -> None:
    sizes: dict[str, int] = {}
    open_: list[tuple[str, int]] = []  # anchors of the collections that are open, and how much each holds by now
    for event in yaml.parse(text, _Loader):
        if isinstance(event, (yaml.DocumentStartEvent, yaml.DocumentEndEvent)):
            sizes, open_ = {}, []
        elif isinstance(event, yaml.CollectionStartEvent):
            open_.append((event.anchor or "", 0))
            if len(open_) > _DEEPEST:
                raise BeyondBounds(f"nested more than {_DEEPEST} deep", event.start_mark)
        elif isinstance(event, (yaml.CollectionEndEvent, yaml.ScalarEvent, yaml.AliasEvent)):
            anchor, size = open_.pop() if isinstance(event, yaml.CollectionEndEvent) else (event.anchor or "", 0)
            if isinstance(event, yaml.AliasEvent):
                if any(anchor == name for name, _ in open_):
                    raise BeyondBounds(f"*{anchor} holds itself", event.start_mark)
                size = sizes.get(anchor, 0)
                if size > _MOST:
                    raise BeyondBounds(f"*{anchor} unfolds to more than {_MOST:,} values", event.start_mark)
            elif anchor:
                sizes[anchor] = size + 1
            if open_:
                open_[-1] = (open_[-1][0], open_[-1][1] + size + 1)
