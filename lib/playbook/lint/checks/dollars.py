"""A dollar that an f-string leaves in front of what it fills in: no shell takes both for a variable."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from playbook.lint.forms.text import Text
from playbook.lint.rules.findings import Finding, finding
from playbook.tfserving.flags import FLAGS

_BEFORE = re.compile(r"--(\w+)=[\"']?\$$")


def check_dollars(nodes: Iterable[ast.AST], text: Text) -> Iterator[Finding]:
    """Findings of `f'--model_base_path=${FOLDER}'`: a dollar, and then the folder's own text."""
    for node in (each for each in nodes if isinstance(each, ast.JoinedStr)):
        for first, second in pairwise(node.values):
            said = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
            found = _BEFORE.search(said)
            if found and found[1] in FLAGS and isinstance(second, ast.FormattedValue):
                name, line = ast.unparse(second.value), text.line(second.value.lineno)
                yield finding("dollar-in-fstring", text.path, line, flag=f"--{found[1]}", name=name)
