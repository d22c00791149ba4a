"""A record for the terminal: Markdown laid out for its width, wide tables turned so that nothing is cut off."""

from __future__ import annotations

import io
import os
import re
import shutil

LONG, PIECE = 44, 32  # letters of a word that is broken, and of its pieces
WIDEST = 110  # a line longer than this is hard to follow, however wide the window is


def width() -> int:
    """Columns of the terminal; 80 where it is none, unless COLUMNS says otherwise."""
    return min(WIDEST, shutil.get_terminal_size((80, 24)).columns)


def rendered(text: str, columns: int | None = None, colour: bool | None = None) -> str:
    """Markdown as lines of at most so many columns.

    Args:
        text: The Markdown, headings in it as lines of their own.
        columns: The width; that of the terminal when left out.
        colour: Bold and colours; where stdout is a terminal when left out.
    """
    columns = columns or width()
    colour = (os.isatty(1) and "NO_COLOR" not in os.environ) if colour is None else colour
    return "\n".join(line.rstrip() for line in _printed(_turned(text, columns), columns, colour).splitlines())


def _printed(text: str, columns: int, colour: bool) -> str:
    from rich.console import Console
    from rich.markdown import Markdown

    out = io.StringIO()
    console = Console(file=out, width=columns, force_terminal=colour, color_system="auto" if colour else None)
    console.print(Markdown(text, hyperlinks=False))
    return out.getvalue()


def _turned(text: str, columns: int) -> str:
    """Each table that would not fit, as a list of its rows: the first cell, then the others by their headings."""
    lines, result, table = [*text.splitlines(), ""], list[str](), list[str]()
    for line in lines:
        if line.startswith("|"):
            table.append(line)
            continue
        result += _fitting(table, columns) if table else []
        table = []
        result.append(line)
    return "\n".join(result)


def _broken(word: re.Match[str]) -> str:
    """A word that no column holds, such as a fingerprint, in pieces that may stand below one another."""
    return " ".join(word[0][start : start + PIECE] for start in range(0, len(word[0]), PIECE))


def _cut(table: str, columns: int) -> bool:
    """Whether a word of it would be cut off: columns share what room there is, some below their longest word."""
    return _printed(table, columns, colour=False).count("…") > table.count("…")


def _fitting(table: list[str], columns: int) -> list[str]:
    head, _, *body = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table]
    rows = [[name.replace("/s", " /s") for name in head], *body]  # a heading that may break is not cut off
    words = [[word for row in rows for word in row[place].split()] for place in range(len(head))]
    narrowest = sum(max(map(len, some), default=1) + 2 for some in words) + 2  # each column as wide as its longest word
    if len(head) <= 2:
        return [re.sub(rf"[^\s|]{{{LONG},}}", _broken, line) for line in table]
    laid_out = [line.replace("requests/s", "requests /s") if line is table[0] else line for line in table]
    if narrowest <= columns and not _cut("\n".join(laid_out), columns):
        return laid_out
    pairs = [", ".join(f"{name} {value}" for name, value in zip(head[1:], row[1:], strict=True)) for row in body]
    return ["", *(f"- **{row[0]}**: {told}" for row, told in zip(body, pairs, strict=True)), ""]
