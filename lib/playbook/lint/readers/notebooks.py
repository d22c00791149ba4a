"""Notebooks: shell lines, `%%` cells, Python, and Markdown, each read as what it is."""

from __future__ import annotations

import json
import re
import textwrap
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping

from playbook.lint.checks.config_kinds import kind_of
from playbook.lint.forms.python_cells import shell_and_code
from playbook.lint.forms.python_exports import filled_by_names, texts_in_cells, tree_of
from playbook.lint.forms.text import Text
from playbook.lint.readers.block_kinds import kind_of_block, names_server
from playbook.lint.readers.documents import prose_blocks
from playbook.lint.readers.inline_code import Block


def json_problem(text: Text) -> str:
    """Why a notebook's text is no JSON; "" where it is."""
    try:
        json.loads(text.content)
    except ValueError as error:
        return str(error)
    return ""


def notebook_blocks(text: Text) -> Iterator[Block]:
    """The cells of a notebook that name the server: shell lines, `%%` cells, Python, and Markdown's blocks.

    Their lines count those of all cells one behind the other; `lines_of` tells where each stands in the file.
    """
    begin = 1
    names = texts_in_cells(code_of("notebook", text), text) if names_server(text.content) else {}
    for cell, lines in _cells(text):
        yield from _cell(cell, "".join(lines), Text("", text.path, begin, text.file), names)
        begin += _count(lines)


def lines_of(text: Text) -> list[tuple[str, int]]:
    """For each line of a notebook's cells the file, and the line of its JSON on which it stands."""
    raw, place, result = _Raw(text.content), 0, list[tuple[str, int]]()
    for cell, lines in _cells(text):
        mark = "" if isinstance(cell.get("source"), str) else '"'  # a line of a list begins a text
        for number in range(_count(lines)):
            place = raw.find(lines[number].rstrip("\n") if number < len(lines) else "", mark, place)
            result.append((text.path, place + 1))
    return result


def code_of(kind: str, text: Text) -> Iterator[str]:
    """The Python of every cell of a notebook, or of a document's fenced blocks, whether or not it names the server."""
    if kind != "notebook":
        for code in _FENCED.findall(text.content):
            python = shell_and_code(textwrap.dedent(code))[1]
            yield python if tree_of(python) is not None else "\n".join(_SETS.findall(python))
        return
    for cell, lines in _cells(text):
        if cell.get("cell_type") == "code" and not "".join(lines).lstrip().startswith("%%"):
            yield shell_and_code("".join(lines))[1]


def as_program(text: Text) -> Text:
    """A notebook's code as one program, whose lines count those of all cells, as those of its blocks do."""
    code = ""
    for cell, lines in _cells(text):
        own = "".join(lines) if cell.get("cell_type") == "code" else ""
        code += own + "\n" * (_count(lines) - own.count("\n"))
    return Text(code, text.path, 1, text.file, written_as=".py")


_LONGEST_LINE = 10_000  # a line of source; longer ones are pictures
# lines of Python among those of a shell
_SETS = re.compile(
    r"(?m)^(?:os\.environ\[.*\] *=.*|[\w.]*(?:model|saved_model|models)\.(?:save|export|save_model)\(.*\))$"
)
_FENCED = re.compile(r"(?ms)^[ \t]*```\w*[^\n]*\n(.*?)^[ \t]*```")


def _cells(text: Text) -> Iterator[tuple[dict, list[str]]]:
    """The cells with the lines of their source, which stands as a list or as one text."""
    try:
        cells = json.loads(text.content).get("cells") or []
    except (ValueError, AttributeError):
        return
    for cell in cells if isinstance(cells, list) else ():
        source = cell.get("source") if isinstance(cell, dict) else None
        whole = source if isinstance(source, str) else "".join(map(str, source if isinstance(source, list) else ()))
        yield (cell if isinstance(cell, dict) else {}), whole.splitlines(keepends=True)


def _count(lines: list[str]) -> int:
    return max(len(lines), 1) + (bool(lines) and lines[-1].endswith("\n"))


class _Raw:
    """A notebook's JSON by its lines: where a line of source stands."""

    def __init__(self, content: str) -> None:
        self.content = content
        self.begins = [0, *(match.end() for match in re.finditer("\n", content))]
        self.texts: dict[str, list[int]] = {}  # the lines that are one text of JSON's each, as nearly all are
        for number, line in enumerate(content.split("\n")):
            bare = line.strip().removesuffix(",")
            if bare.startswith('"') and bare.endswith('"') and len(bare) < _LONGEST_LINE:
                self._keep(bare, number)

    def _keep(self, bare: str, number: int) -> None:
        try:
            self.texts.setdefault(str(json.loads(bare)).rstrip("\n"), []).append(number)
        except ValueError:
            return

    def find(self, line: str, mark: str, place: int) -> int:
        """The line on which a line of source stands, from a place on; that place for a blank one."""
        if not line.strip():
            return place
        found = self.texts.get(line, []) if mark else []
        at = bisect_left(found, place)
        if at < len(found):
            return found[at]
        written = {mark + json.dumps(line, ensure_ascii=plain)[1:-1] for plain in (True, False)}
        begins = [begin for each in written if (begin := self.content.find(each, self.begins[place])) >= 0]
        return bisect_right(self.begins, min(begins)) - 1 if begins else place


def _cell(cell: dict, source: str, text: Text, names: Mapping[str, str]) -> Iterator[Block]:
    here = Text(source, text.path, text.first_line, text.file)
    if cell.get("cell_type") == "markdown":
        yield from prose_blocks(here)
        return
    magic = re.match(r"\s*(?:#.*\n\s*)*%%(bash|sh|script\b.*|writefile\s+(\S+).*)", source)  # Colab's: below comments
    _, _, body = source[magic.start(1) if magic else 0 :].partition("\n")
    above = source.count("\n", 0, magic.start(1)) if magic else 0
    moved = Text(body, text.path, text.first_line + above + 1, text.file)
    if magic and magic[2]:
        language = {"Dockerfile": "dockerfile"}.get(magic[2].rpartition("/")[2], magic[2].rpartition(".")[2])
        kind = kind_of_block(language, body)
        yield Block(kind, moved, name=magic[2].rpartition("/")[2])
    elif magic:
        yield Block("shell", moved)
    elif names_server(filled_by_names(source, names)) or kind_of(source):
        shell, code = shell_and_code(source)
        yield Block("shell", Text(filled_by_names(shell, names), text.path, text.first_line, text.file))
        yield Block("python", Text(code, text.path, text.first_line, text.file))
