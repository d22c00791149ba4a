"""What a Python program is given on its command line, where nothing is: the defaults that its parser names."""

from __future__ import annotations

import ast

_FLAGS = ("FLAGS", "flags.FLAGS")  # of absl's


def arguments_of(tree: ast.AST) -> dict[str, ast.Constant]:
    """`args.NAME`, as the program writes it, with the default that argparse or absl's flags have for it."""
    owners, defaults, changed = set(_FLAGS), dict[str, ast.Constant](), set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            parsed = getattr(node.value.func, "attr", "") == "parse_args"
            owners |= {each.id for each in node.targets if isinstance(each, ast.Name)} if parsed else set()
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            changed.add(node.attr)
        if isinstance(node, ast.Call) and (told := _told(node)) is not None:
            defaults[told[0]] = told[1]
    known = {name: value for name, value in defaults.items() if name not in changed}
    return {f"{owner}.{name}": value for owner in owners for name, value in known.items()}


def _told(node: ast.Call) -> tuple[str, ast.Constant] | None:
    """The name and the default of an argument; None where it has none, or one that stands for nothing given."""
    called = getattr(node.func, "attr", getattr(node.func, "id", ""))
    words = [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    given = {each.arg: each.value for each in node.keywords}
    if called == "add_argument" and words:
        long = next((word for word in words if word.startswith("--")), words[0])
        named = given.get("dest")
        name = str(named.value) if isinstance(named, ast.Constant) else long.lstrip("-").replace("-", "_")
        default = given.get("default")
    elif called.startswith("DEFINE_") and words and len(node.args) > 1:
        name, default = words[0], node.args[1]
    else:
        return None
    if isinstance(default, ast.Constant) and isinstance(default.value, (str, int)) and default.value not in ("", False):
        return name, default
    return None
