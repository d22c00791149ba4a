"""YAML as people write it: block and flow, quotes or none, lists indented or not, anchors and comments."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from lint_projects.draws import Draw, unmarked

_BARE = re.compile(r"[A-Za-z/._-][\w ./$(){}=@%+-]*(?:[:,][\w/.-][\w./:,=-]*)*|\d+[\w.]*")
COMMENTS = ("# as measured", "# was: --rest_api_num_threads=1", "# the server", "# ports: 9000", "# TODO: drain")


def scalar(draw: Draw, label: str, value: Any, flow: bool = False) -> str:
    """A scalar in one of the ways that read as the same value."""
    if value is True or value is False:
        return draw.choose(label, "true", "True") if value else draw.choose(label, "false", "False")
    if not isinstance(value, str):
        return str(value)
    bare = unmarked(value)
    ways = [f'"{json.dumps(value, ensure_ascii=False)[1:-1]}"']
    if "'" not in bare and "\\" not in bare and "\n" not in bare:
        ways.append(f"'{value}'")
    if _plain(bare, flow):
        ways = [value, value, *ways]
    return draw.choose(label, *ways)


def _plain(bare: str, flow: bool) -> bool:
    if not _BARE.fullmatch(bare) or bare.endswith(" ") or (flow and set(bare) & set(",[]{}:")):
        return False
    return yaml.safe_load(bare) == bare


class Writer:
    """One file's way of writing."""

    def __init__(self, draw: Draw, label: str):
        self.draw, self.label, self.number = draw, label, 0
        self.flush = draw.choose(f"{label}/lists", "", "  ")  # before a list's dash, beyond its key
        self.noisy = draw.chance(f"{label}/comments")
        self.anchors: dict[int, str] = {}
        self.shared = draw.chance(f"{label}/anchors", 0.3)

    def _next(self) -> str:
        self.number += 1
        return f"{self.label}/{self.number}"

    def document(self, value: Any) -> str:
        """A document's text."""
        return self._block(value, "")

    def flow(self, value: Any) -> str:
        """A value in brackets."""
        if isinstance(value, dict):
            return "{" + ", ".join(f"{key}: {self.flow(each)}" for key, each in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(map(self.flow, value)) + "]"
        return scalar(self.draw, self._next(), value, flow=True)

    def _block(self, value: Any, pad: str) -> str:
        if isinstance(value, dict):
            keys = list(value)
            return "".join(self._noise(pad) + f"{pad}{key}:{self._behind(value[key], pad)}" for key in keys)
        text = ""
        for each in value:
            text += self._noise(pad)
            if isinstance(each, dict) and each and not self._as_flow(each):
                inner = self._block(each, pad + "  ")
                text += self._dashed(inner, pad)
            else:
                text += (
                    f"{pad}- {self.flow(each)}\n"
                    if isinstance(each, (dict, list))
                    else f"{pad}-{self._behind(each, pad)}"
                )
        return text

    def _dashed(self, inner: str, pad: str) -> str:
        lines = inner.split("\n")
        first = next(number for number, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#"))
        lines[first] = pad + "- " + lines[first].lstrip()
        return "\n".join(lines)

    def _noise(self, pad: str) -> str:
        if not self.noisy:
            return ""
        label = self._next()
        return self.draw.choose(label, *[""] * 9, f"{pad}{self.draw.choose(label + '/which', *COMMENTS)}\n")

    def _behind(self, value: Any, pad: str) -> str:
        if isinstance(value, str) and "\n" in value:
            return " |\n" + "".join(f"{pad}  {line}\n" if line else "\n" for line in value.rstrip("\n").split("\n"))
        if not isinstance(value, (dict, list)):
            tail = "  # ok" if self.noisy and self.draw.chance(self._next(), 0.05) else ""
            return f" {scalar(self.draw, self._next(), value)}{tail}\n"
        if id(value) in self.anchors:
            return f" *{self.anchors[id(value)]}\n"
        name = ""
        if self.shared and isinstance(value, dict) and value and set(value) <= {"app", "tier"}:
            self.anchors[id(value)] = f"labels{len(self.anchors)}"
            name = f" &{self.anchors[id(value)]}"
        if not value or self._as_flow(value):
            return f"{name} {self.flow(value)}\n"
        return f"{name}\n" + self._block(value, pad + (self.flush if isinstance(value, list) else "  "))

    def _as_flow(self, value: Any) -> bool:
        flat = str(value)
        return len(flat) < 70 and "\\n" not in flat and self.draw.chance(self._next(), 0.35)
