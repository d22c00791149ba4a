"""Signatures that programs ask a model for, and that the program beside them does not export."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from playbook.lint.forms.python_exports import tree_of
from playbook.lint.forms.text import Text
from playbook.lint.rules.findings import Finding, finding

DEFAULT = "serving_default"  # of a model that is saved without a name for its signature
_ASKED = re.compile(r"signature_name[\"']?\s*(?:=|:)\s*[\"']([\w./-]+)[\"']")
_EXPORTS = re.compile(r"\.(?:save|export\w*|save_model|add_meta_graph\w*|save_pretrained|write_out)\(|add_endpoint")
_CONSTANT = "DEFAULT_SERVING_SIGNATURE_DEF_KEY"


def check_signatures_asked(texts: Iterable[Text]) -> Iterator[Finding]:
    """Requests for a signature that no program here gives the model; nothing where one of them gives what is not known.

    Nothing is said, either, where no program here names its signatures: the model may come from elsewhere.
    """
    held = [text for text in texts if text.path.endswith(".py")]
    exported = set[str]()
    for text in (
        held if any("signatures" in each.content or "signature_def_map" in each.content for each in held) else ()
    ):
        if _EXPORTS.search(text.content):
            names = _given(text.content)
            if names is None:
                return
            exported |= names
    for text in held if exported else ():
        told = set[str]()
        for number, line in enumerate(text.content.split("\n"), text.first_line):
            for name in _ASKED.findall(line) if not line.lstrip().startswith("#") else ():
                if name not in exported | told:
                    told.add(name)
                    words = {"signature": name, "exported": ", ".join(sorted(exported))}
                    yield finding("client-wrong-signature", text.path, number, **words)


def _given(code: str) -> set[str] | None:
    """The signatures of the models that a program saves; None where they are not all known."""
    tree = tree_of(code)
    found = set[str]()
    for node in ast.walk(tree) if tree is not None else ():
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", "")
        owner = getattr(node.func, "value", None)
        whose = getattr(owner, "attr", getattr(owner, "id", ""))
        given = {each.arg: each.value for each in node.keywords}
        if name in ("save", "save_model") and ("model" in whose or "signatures" in given):
            names = _keys(given.get("signatures"))
        elif name.startswith("add_meta_graph"):
            names = _keys(given.get("signature_def_map")) if "signature_def_map" in given else None
        elif _EXPORTS.fullmatch(f".{name}("):
            names = None
        else:
            continue
        if names is None:
            return None
        found |= names
    return found if tree is not None else None


def _keys(node: ast.expr | None) -> set[str] | None:
    """The names in what is given as a model's signatures; None where they are not known."""
    concrete = isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "get_concrete_function"
    if node is None or concrete or isinstance(node, ast.Attribute):
        return {DEFAULT}  # none, or one function
    if not isinstance(node, ast.Dict):
        return None
    names = [key.value if isinstance(key, ast.Constant) else DEFAULT if getattr(key, "attr", "") == _CONSTANT else None
             for key in node.keys]  # fmt: skip
    return {str(name) for name in names} if all(names) else None
