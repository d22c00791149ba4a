"""What is given to `playbook lint -`: flags, or a text that is read as what it looks like."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from playbook.lint.linter import examine
from playbook.lint.report import Report

NAMES = ("-", "/dev/stdin")
_SUFFIXES = {"yaml": ".yaml", "python": ".py", "shell": ".sh", "makefile": ".mk", "unit": ".service"}


def examine_text(content: str) -> Report:
    """Lint a text without a name: one that begins with a dash holds flags."""
    if content.lstrip().startswith("-") and not content.lstrip().startswith(("---", "- ")):
        return examine([" ".join(content.split())])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"stdin{_suffix(content)}"
        file.write_text(content, encoding="utf-8")
        report = examine([str(file)])
    report.root = None  # it stands in no folder
    return report


def _suffix(content: str) -> str:
    from playbook.lint.readers.block_kinds import kind_of_block

    kind = kind_of_block("", content)
    if kind == "dockerfile":
        return ".Dockerfile"
    if kind in _SUFFIXES or kind:
        return _SUFFIXES.get(kind, "")
    try:
        return ".ipynb" if "cells" in json.loads(content) else ".json"
    except (ValueError, TypeError):
        return ".md" if "```" in content else ""
