"""What a kustomization builds, as one text: its files one behind the other, and its objects at their lines in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from playbook.lint.forms.overlays import moved
from playbook.lint.forms.text import Text
from playbook.lint.readers.kustomize_builds import Build
from playbook.lint.readers.yaml_pages import Page


def text_of(build: Build, pages: Mapping[Path, Page]) -> tuple[Text, list[Any], list[tuple[str, int]]]:
    """A build as a text: the files it is made of one behind the other, its objects at their lines in it, and the
    origin of each line."""
    texts = {page.document.text.path: page.document.text for page in pages.values()}
    named = dict.fromkeys(path for each in build.taken for path in _paths(each.data) if path in texts)
    first_lines: dict[str, int] = {}
    content, origins = "", list[tuple[str, int]]()
    for path in named:
        first_lines[path] = len(origins) + 1
        lines = texts[path].content.split("\n")
        origins += [(path, number) for number in range(1, len(lines) + 1)]
        content += "\n".join(lines) + "\n"
    templated = any(texts[path].templated for path in named)
    text = Text(content, f"{build.shown} (built)", templated=templated)
    return text, [moved(each.data, first_lines) for each in build.taken], origins


def _paths(node: Any) -> Iterator[str]:
    if path := getattr(node, "path", ""):
        yield path
    for each in [*node.keys(), *node.values()] if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _paths(each)
