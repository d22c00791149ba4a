"""A variable that a document mounts and sets nowhere, while one that it sets is used nowhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from playbook.lint.checks.command import Command
from playbook.lint.forms.text import Text
from playbook.lint.rules.findings import Finding, finding

_MOUNTED = re.compile(r"\$\{?([A-Za-z_]\w*)\}?/?")
_SETS = re.compile(
    r"(?m)(?:^|`|\bexport )[ \t]*(?:[$>][ \t]+)?([A-Za-z_]\w*)=[\"']?(?:\$\(pwd\)|\$PWD|`pwd`|\.{0,2}/|~/)"
)


def check_variables(text: Text, commands: Iterable[Command]) -> Iterator[Finding]:
    """Findings of the mounts of a document's commands whose source is another name than the one that was set."""
    content = text.content
    unused = {name for name in _SETS.findall(content) if len(re.findall(rf"\b{name}\b", content)) == 1}
    for command in commands:
        for mount in command.place.mounts if command.in_prose and len(unused) == 1 else ():
            named = _MOUNTED.fullmatch(mount.named)
            if named and len(re.findall(rf"\b{named[1]}\b", content)) == 1:
                words = {"name": named[1], "other": next(iter(unused)), "target": mount.target}
                yield finding("variable-not-set", text.path, mount.line or command.line, **words)
