"""Variables of the environment that Python sets, which the shells have that it starts."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping

from playbook.lint.forms.python_values import Values
from playbook.lint.forms.text import Text, is_unknown


def set_by(nodes: Iterable[ast.AST], values: Values) -> dict[str, str]:
    """What `os.environ[NAME] = VALUE` sets, as far as it is known and each name is set once."""
    found: dict[str, str] = {}
    twice: set[str] = set()
    for name, value in _assigned(nodes, values):
        word = values.word(value)
        twice |= {name} & found.keys()
        if word is not None:
            found[name] = str(word)
    return {name: value for name, value in found.items() if name not in twice and value and not is_unknown(value)}


def _assigned(nodes: Iterable[ast.AST], values: Values) -> Iterator[tuple[str, ast.expr]]:
    for node in nodes:
        target = node.targets[0] if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
        if isinstance(target, ast.Subscript) and _is_environ(target.value):
            name = values.word(target.slice)
            if name is not None and isinstance(node, ast.Assign):
                yield str(name), node.value


def _is_environ(node: ast.expr) -> bool:
    return "environ" in (getattr(node, "attr", ""), getattr(node, "id", ""))


def set_in_cells(cells: Iterable[str], text: Text) -> dict[str, str]:
    """What the cells of a notebook, or a document's blocks of Python, set; those that are no Python are left out."""
    code = "\n".join(cell for cell in cells if tree_of(cell) is not None)
    tree = tree_of(code) if "environ" in code else None
    if tree is None:
        return {}
    return set_by(list(ast.walk(tree)), Values(tree, Text(code, text.path)))


def texts_in_cells(cells: Iterable[str], text: Text) -> dict[str, str]:
    """The texts that names of a notebook's cells stand for, which IPython puts into the shell's lines."""
    code = "\n".join(cell for cell in cells if tree_of(cell) is not None)
    tree = tree_of(code)
    values = Values(tree, Text(code, text.path)) if tree is not None else None
    found: dict[str, str] = {}
    for node in tree.body if tree is not None and values is not None else ():
        target = node.targets[0] if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
        if values is not None and isinstance(target, ast.Name) and target.id in values.names:
            word = values.word(values.names[target.id])
            found |= {target.id: str(word)} if word and not is_unknown(word) and not re.search(r"\s", word) else {}
    return found


def filled_by_names(shell: str, names: Mapping[str, str]) -> str:
    """A notebook's shell lines with `$NAME` and `{NAME}` filled in from its Python."""

    def fill(match: re.Match) -> str:
        return names.get(match[1] or match[2], match[0])

    return re.sub(r"(?<![\\$])\$([A-Za-z_]\w*)|(?<![$\w{]){([A-Za-z_]\w*)}", fill, shell)


def tree_of(code: str) -> ast.Module | None:
    """The tree of a text of Python; None for one that is none."""
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError):
        return None
