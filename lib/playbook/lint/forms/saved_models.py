"""Folders that Python saves a model into, without a version's number: a server finds nothing in them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from playbook.lint.forms.python_exports import tree_of
from playbook.lint.forms.python_values import Values
from playbook.lint.forms.text import UNKNOWN, Text, is_unknown, line_of

_HERE = re.compile(r"^(?:\$\(pwd\)|`pwd`|\$\{?PWD\}?|\.)/+|^/?path/to/(?=\w)")  # `path/to/m` is m, wherever it lies


_OF_KERAS = re.compile(r"\w\.(keras|h5|hdf5)$")
_ITSELF = "The model is saved into {path} itself: save it into {path}/1."
_LOADED = "{path} is a SavedModel itself, as the text loads it: put it into {path}/1."
_BESIDE = "save_pretrained puts the SavedModel into {path}/saved_model/1: name {path}/saved_model."
_WEIGHTS = "save_pretrained writes weights, which the server cannot read: export a SavedModel into {path}/1."


def as_named(path: str) -> str:
    """A path as two texts name the same folder: without quotes, `$PWD/` and `./` in front, and a slash behind."""
    return _HERE.sub("", path.replace('"', "").replace("'", "").strip()).rstrip("/")


def saved_bare(nodes: Iterable[ast.AST], values: Values, content: str) -> dict[str, str]:
    """The folders that the nodes save a model into, where `content` names no version in them, and what mends each."""
    found: dict[str, str] = {}
    for node in nodes:
        for given, remedy in (*_targets(node), *_loaded(node)):
            word = values.word(given)
            path = as_named(str(word)) if word is not None and not is_unknown(word) else ""
            name = path.rpartition("/")[2]
            if name and not name.isdigit() and "." not in name and not re.search(rf"{re.escape(path)}/+\d", content):
                found.setdefault(path, remedy.format(path=path))
    return found


def saved_versions(nodes: Iterable[ast.AST], values: Values) -> frozenset[str]:
    """The folders that the nodes save versions of a model into: what stands in front of a number, or of a name that
    is made when the program runs."""
    words = [values.word(given) for node in nodes for given, _ in _targets(node)]
    paths = [as_named(str(word)).rpartition("/") for word in words if word is not None]
    return frozenset(parent for parent, _, name in paths
                     if (name.isdigit() or name == UNKNOWN) and parent and not is_unknown(parent))  # fmt: skip


def saved_files(nodes: Iterable[ast.AST], values: Values) -> dict[str, tuple[str, int]]:
    """For each folder in whose versions the nodes save a file of Keras' instead of a SavedModel: that file, and where
    it is saved."""
    found: dict[str, tuple[str, int]] = {}
    for node in nodes:
        for given, _ in _targets(node):
            word = values.word(given)
            line = line_of(word) or given.lineno
            above, _, name = as_named(str(word or "")).rpartition("/")
            folder, _, version = above.rpartition("/")
            numbered = version.isdigit() or version == UNKNOWN
            if _OF_KERAS.search(name) and numbered and folder and not is_unknown(folder):
                file = f"{above}/{name}".replace(UNKNOWN, "<version>")
                found.setdefault(folder, (file, line))
    return found


def _targets(node: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    """Where a call saves a model: `tf.saved_model.save(m, P)`, `save_model(m, P)`, `model.save(P)` or `.export(P)`."""
    if not isinstance(node, ast.Call):
        return
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    owner = getattr(function, "value", None)
    whose = getattr(owner, "attr", getattr(owner, "id", ""))
    place, remedy = None, _ITSELF
    if (name == "save" and whose == "saved_model") or name == "save_model":
        place = 1
    elif (name in ("save", "export") and "model" in whose) or name == "SavedModelBuilder":
        place = 0
    elif name == "save_pretrained" and "model" in whose:
        both = any(each.arg == "saved_model" and getattr(each.value, "value", False) is True for each in node.keywords)
        place, remedy = 0, _BESIDE if both else _WEIGHTS
    if place is not None and len(node.args) > place:
        yield node.args[place], remedy


def _loaded(node: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    """Where a call loads a SavedModel from, which therefore lies right there."""
    function = node.func if isinstance(node, ast.Call) and node.args else None
    name = getattr(function, "attr", getattr(function, "id", ""))
    whose = getattr(getattr(function, "value", None), "attr", "")
    if isinstance(node, ast.Call) and (name == "load_model" or (name == "load" and whose == "saved_model")):
        yield node.args[0], _LOADED


def saved_in_cells(cells: Iterable[str], text: Text) -> tuple[dict[str, str], frozenset[str]]:
    """The same of a notebook's cells, or of a document's blocks of Python: folders without versions, and with."""
    cells = list(cells)
    if not any("save" in cell or "export" in cell for cell in cells):
        return {}, frozenset()
    code = "\n".join(cell for cell in cells if tree_of(cell) is not None)
    tree = tree_of(code)
    if tree is None or "model" not in code:
        return {}, frozenset()
    nodes, values = list(ast.walk(tree)), Values(tree, Text(code, text.path))
    return saved_bare(nodes, values, text.content), saved_versions(nodes, values)
