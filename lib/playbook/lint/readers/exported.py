"""Where the programs beside a server save its model: folders with versions, and folders without."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path

from playbook.lint.checks.reading import Surroundings
from playbook.lint.forms.python_exports import tree_of
from playbook.lint.forms.python_values import Values
from playbook.lint.forms.saved_models import saved_bare, saved_files, saved_versions
from playbook.lint.forms.text import Text

_SAVES = re.compile(r"\.(?:save|export|save_model|save_pretrained)\(|\bSavedModelBuilder\(")


def gather_exports(texts: Mapping[Path, Text], around: Surroundings) -> None:
    """Let `around` know the folders that Python here saves models into, as far as their names are known.

    A folder counts as one without versions where no text here names a version in it.
    """
    for path, text in texts.items():
        tree = tree_of(text.content) if path.suffix == ".py" and _SAVES.search(text.content) else None
        if tree is not None:
            nodes, values = list(ast.walk(tree)), Values(tree, text)
            around.sources.exported[text.path] = saved_versions(nodes, values)
            around.sources.kept[text.path] = saved_files(nodes, values)
            found = saved_bare(nodes, values, text.content)
            bare = {folder: remedy for folder, remedy in found.items() if not _has_versions(folder, texts)}
            around.sources.saved.setdefault(text.path, bare)


def _has_versions(folder: str, texts: Mapping[Path, Text]) -> bool:
    named = re.compile(rf"(?<![\w.-]){re.escape(folder)}/+(?:\d|\$)")
    return any(named.search(text.content) for text in texts.values())
