"""Markdown for notebooks and pages: a table writer and one way to print a number."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MISSING = "–"
SMALLEST = 1e-3  # below it a figure of a report is not told: no reader wants 0.000776 ms


def table(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table; columns of numbers are aligned right, None is shown as a dash, never as 0."""
    lines = [[cell(value) for value in row] for row in rows]
    numeric = [all(_is_number(line[place]) for line in lines) for place in range(len(headers))]
    rule = ["---:" if right and lines else "---" for right in numeric]
    return "\n".join(f"| {' | '.join(line)} |" for line in ([str(name) for name in headers], rule, *lines))


def facts(values: Mapping[str, Any] | None, nothing: str = "Nothing to tell.") -> str:
    """Names and what was seen of each, as a Markdown table; a sentence where there is nothing."""
    rows = [[name.replace("_", " "), value] for name, value in (values or {}).items()]
    return table(["what", "seen"], rows) if rows else nothing


def plain(text: str) -> str:
    """A text that is shown as it is, whatever a server or a file put into it: no HTML, link, code or emphasis."""
    return re.sub(r"([\\<`*\[])", r"\\\1", text)


def cell(value: Any) -> str:
    """One value as text; floats as `number` prints them."""
    if value is None:
        return MISSING
    if isinstance(value, float):
        return number(value)
    return str(value).replace("|", "\\|").replace("\n", " ")


def number(value: float | None, digits: int = 3) -> str:
    """A number with so many significant digits, thousands separated: 1,234 or 12.3 or 0.0123 or <0.001."""
    if value is None:
        return MISSING
    if value == 0:
        return "0"  # not "-0"
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    if abs(value) < SMALLEST:
        return f"{'-' * (value < 0)}<{SMALLEST:g}"
    return f"{value:.{digits}g}"


def _is_number(text: str) -> bool:
    plain = text.replace(",", "").replace("<", "").rstrip("%×")
    try:
        return text == MISSING or float(plain) is not None
    except ValueError:
        return False
