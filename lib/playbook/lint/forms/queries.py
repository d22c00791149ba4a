"""PromQL as texts hold it: behind `expr:` and `query:` of YAML and JSON, and in blocks of documents."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from playbook.lint.forms.text import Text

_KEY = re.compile(r"(?m)^([ \t]*(?:-[ \t]+)?)[\"']?(expr|query|seriesQuery|promql)[\"']?[ \t]*:[ \t]*(.*)$")
# in JSON, and in mappings of YAML that stand on one line
_INLINE = re.compile(r"(?:(?<=[{,])\s*[\"']?|(?<!\w)\")(?:expr|query)[\"']?\s*:\s*([\"'])((?:\\.|(?!\1)[^\n])*)\1")
_BLOCK = re.compile(r"(?ms)^[ \t]*```[ \t]*(?:promql|prometheus)[ \t]*\n(.*?)^[ \t]*```")
_OPENS = re.compile(r"[|>][+-]?\d*\s*(?:#.*)?|[\"']?")  # a block, or nothing yet


@dataclass(frozen=True)
class Query:
    """A query, the line that it begins at, and where it stands in its text's content."""

    content: str
    line: int
    start: int
    end: int


def queries_in(text: Text) -> Iterator[Query]:
    """The queries of a text, in their order within each way of writing."""
    content = text.content
    if "expr" not in content and "query" not in content.lower() and "prom" not in content:
        return
    ends = [match.start() for match in re.finditer("\n", content)]
    blocks = [match.span(1) for match in _BLOCK.finditer(content)]
    spans = [*blocks, *(match.span(2) for match in _INLINE.finditer(content))]
    for match in _KEY.finditer(content):
        if _INLINE.match(match[0].strip()) or any(start <= match.start() < end for start, end in blocks):
            continue
        rest = _deeper(content, match.end(), len(match[1])) if _goes_on(match[3]) else ""
        spans.append((match.start(3), match.end(3) + len(rest)))
    for start, end in spans:
        bare = re.sub(r"(?m)(^|\s)#.*$", r"\1", content[start:end])
        yield Query(bare, text.first_line + bisect_left(ends, start), start, end)


def _goes_on(value: str) -> bool:
    """True for a value that is a block, or whose quote or bracket is not closed on its line."""
    quoted = value[:1] in ("'", '"') and not value.rstrip().endswith(value[:1])
    return bool(_OPENS.fullmatch(value)) or quoted or value.count("(") > value.count(")")


def _deeper(content: str, start: int, indent: int) -> str:
    """The lines behind the one that ends at `start` that stand deeper than a key."""
    end = start
    while end < len(content):
        following = content.find("\n", end + 1)
        following = len(content) if following < 0 else following
        line = content[end + 1 : following]
        if line.strip() and len(line) - len(line.lstrip()) <= indent:
            break
        end = following
    return content[start:end]
