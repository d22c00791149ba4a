"""The patches of a kustomization: their content, wherever it stands, and the objects that they are for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playbook.lint.forms.overlays import placed
from playbook.lint.forms.text import Word, is_unknown, line_of
from playbook.lint.forms.yaml_lines import Items, Table, load_documents
from playbook.lint.readers.kustomize import OPERATIONS
from playbook.lint.readers.yaml_pages import Page

_SECTIONS = ("patches", "patchesStrategicMerge", "patchesJson6902")


@dataclass
class Patch:
    """A patch. `target` None: it is for the object of its own kind and name; `strict`: kustomize fails without one."""

    content: Any
    target: Any
    kind: str
    name: str
    shown: str
    line: int | None
    strict: bool
    open: bool = False  # what it is for cannot be told here

    @property
    def asked(self) -> str:
        """What it is for, in words."""
        return " ".join(filter(None, (self.kind, self.name))) or "anything"


def patches_of(data: Any, folder: Path, shown: str, files: Mapping[Path, Page]) -> Iterator[Patch]:
    """The patches of a kustomization in a folder, each by itself."""
    for section in _SECTIONS:
        held = data.get(section)
        for item in held if isinstance(held, list) else ():
            target = item.get("target") if isinstance(item, Table) else None
            value = item.get("patch") or item.get("path") if isinstance(item, Table) else item
            for content, where in _contents(value, folder, shown, files) if isinstance(value, Word) else ():
                yield from _patch(content, target, where, line_of(value), section)


def _contents(value: Word, folder: Path, shown: str, files: Mapping[Path, Page]) -> Iterator[tuple[Any, str]]:
    """The documents of a patch, and the file that they stand in."""
    if "\n" in value.strip() or value.lstrip().startswith(("[", "{", "- ")):
        for each in load_documents(str(value), value.line or 1)[0]:
            yield placed(each, shown), shown
    elif (page := files.get((folder / value).resolve())) is not None:
        for each in page.data:
            yield placed(each, page.document.text.path), page.document.text.path


def _patch(content: Any, target: Any, where: str, line: int | None, section: str) -> Iterator[Patch]:
    if not isinstance(content, (Items, Table)):
        return
    if isinstance(content, Table) and OPERATIONS not in content and not isinstance(target, Table):
        name = str((content.get("metadata") or {}).get("name", ""))
        first = line_of(content) or line
        yield Patch(content, None, str(content.get("kind", "")), name, where, first, True, is_unknown(name))
        return
    if not isinstance(target, Table):
        return
    kind, name = str(target.get("kind") or ""), str(target.get("name") or "")
    hidden = {"annotationSelector", "namespace"} & {*target} or is_unknown(f"{kind}{name}")
    selector = str(target.get("labelSelector") or "")
    vague = bool(hidden) or any(word in selector for word in (" in ", "!", "("))
    strict = section == "patchesJson6902"
    yield Patch(content, target, kind, name, where, line_of(content) or line, strict, vague)
