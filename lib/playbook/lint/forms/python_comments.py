"""The texts of a Python program apart from its code: command lines in comments, docstrings, strings."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from playbook.lint.forms.plain_prose import plain_end
from playbook.lint.forms.text import Text

_COMMENT = re.compile(
    r"\s*#[#%]*\s?(?:[A-Z][\w ]{,30}:[ \t]+(?=\S)|run (?=docker run ))?!?(.*)"
)  # `# Command: docker run ...`


def commented_lines(text: Text) -> Iterator[Text]:
    """Each command line that stands in comments of its own lines, without their marks."""
    lines = text.content.split("\n")
    bare = [found[1] if (found := _COMMENT.match(line)) else "" for line in lines]
    place = 0
    while place < len(bare):
        end = plain_end(bare, place)
        if end > place and "{" not in bare[place]:
            yield Text("\n".join(bare[place:end]), text.path, text.line(place + 1) or 1, text.file)
        place = max(end, place + 1)


def texts_of(content: str) -> str:
    """The strings of a Python text, one a line, its docstrings apart; the text itself where it is no Python."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):
        return content
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    strings = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in prose)
    return "\n".join(node.value for node in strings if isinstance(node.value, str))


def prose_of(content: str) -> str:
    """The docstrings and free texts of a Python text on their lines; the text itself where it is no Python."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):
        return content
    lines = content.split("\n")
    shown = [""] * len(lines)
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            for place in range(node.lineno - 1, node.end_lineno or node.lineno):
                quoted = lines[place].strip().startswith(('"""', "'''"))
                bare = lines[place].strip("\"' ") if quoted else lines[place]
                shown[place] = re.sub(r"\\\\$", r"\\", bare)  # a backslash that is written twice
    return re.sub(r"(?<=[^\s\\])[ \t]*\n(?=[ \t]+--\w)", " \\\\\n", "\n".join(shown))  # wrapped, as prose is
