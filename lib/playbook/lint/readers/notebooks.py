"""Notebooks: shell lines, `%%` cells, Python, and Markdown, each read as what it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from playbook.lint.checks.schema import kind_of
from playbook.lint.forms.python_cells import shell_and_code
from playbook.lint.forms.text import Text
from playbook.lint.readers.documents import Block, kind_of_block, names_server, prose_blocks


def notebook_blocks(text: Text) -> Iterator[Block]:
    """The cells of a notebook that name the server: shell lines, `%%` cells, Python, and Markdown's blocks."""
    try:
        cells = json.loads(text.content).get("cells") or []
    except (ValueError, AttributeError):
        return
    raw, place = text.content.split("\n"), 0
    for cell in cells:
        source = cell.get("source") or []
        lines = source.splitlines(keepends=True) if isinstance(source, str) else [str(line) for line in source]
        place = _find(raw, lines, place)
        yield from _cell(cell, "".join(lines), Text("", text.path, place + 1, text.file))


def _find(raw: list[str], lines: list[str], place: int) -> int:
    """The line of the notebook's JSON on which a cell's first line of source stands."""
    first = next((json.dumps(line)[1:-1] for line in lines if line.strip()), "")
    skipped = next((number for number, line in enumerate(lines) if line.strip()), 0)
    for number in range(place, len(raw)):
        if first and (first in raw[number] or first.removesuffix("\\n") in raw[number]):
            return max(number - skipped, 0)
    return place


def _cell(cell: dict, source: str, text: Text) -> Iterator[Block]:
    here = Text(source, text.path, text.first_line, text.file)
    if cell.get("cell_type") == "markdown":
        yield from prose_blocks(here)
        return
    magic = re.match(r"\s*%%(bash|sh|script\b.*|writefile\s+(\S+).*)", source)
    body = source.partition("\n")[2]
    moved = Text(body, text.path, text.first_line + 1, text.file)
    if magic and magic[2]:
        language = {"Dockerfile": "dockerfile"}.get(magic[2].rpartition("/")[2], magic[2].rpartition(".")[2])
        kind = kind_of_block(language, body)
        if kind:
            yield Block(kind, moved)
    elif magic:
        yield Block("shell", moved)
    elif names_server(source) or kind_of(source):
        shell, code = shell_and_code(source)
        yield Block("shell", Text(shell, text.path, text.first_line, text.file))
        yield Block("python", Text(code, text.path, text.first_line, text.file))
