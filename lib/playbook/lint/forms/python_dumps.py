"""What a Python program writes of a dict that it holds: JSON or YAML."""

from __future__ import annotations

import ast
import json

import yaml

from playbook.lint.forms.python_names import name_of
from playbook.lint.forms.python_values import Values
from playbook.lint.forms.text import UNKNOWN, Text

DUMPS = ("json.dump", "yaml.dump", "yaml.safe_dump")


def dumped(node: ast.AST, values: Values) -> Text | None:
    """What `json.dump(VALUE, FILE)` and `FILE.write(json.dumps(VALUE))` write, and yaml's like; None of unknown values.

    Parts of the value that are not known are marked so.
    """
    given = node.args[0] if isinstance(node, ast.Call) and node.args else None
    maker = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
    if isinstance(given, ast.Call) and given.args and maker not in DUMPS:
        maker, given = ast.unparse(given.func), given.args[0]
    if maker not in (*DUMPS, "json.dumps"):
        return None
    made = _plain(values.names.get(name_of(given), given))
    if not isinstance(made, dict):
        return None
    content = json.dumps(made) if maker.startswith("json") else yaml.safe_dump(made, sort_keys=False)
    return Text(content, values.text.path, values.line(node), values.text.file)


def _plain(node: ast.AST | None) -> object:
    """A node as JSON would hold it."""
    if isinstance(node, ast.Dict):
        return {str(getattr(key, "value", UNKNOWN)): _plain(value)
                for key, value in zip(node.keys, node.values, strict=True)}  # fmt: skip
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "dict" and not node.args:
        return {each.arg or UNKNOWN: _plain(each.value) for each in node.keywords}
    if isinstance(node, (ast.List, ast.Tuple)):
        return [_plain(each) for each in node.elts]
    return node.value if isinstance(node, ast.Constant) and not isinstance(node.value, bytes) else UNKNOWN
