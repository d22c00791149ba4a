"""The images that a kustomization sets, put into the manifests it takes in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from playbook.lint.forms.text import UNKNOWN, Word
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.readers.kustomize import is_kustomization

TAKEN_IN = ("resources", "bases", "components")
Kustomizations = dict[Path, tuple[str, Table]]  # by folder: the file as shown, its content


def set_images(pages: Mapping[Path, tuple[str, list[Any]]]) -> None:
    """Put the images that kustomizations set into the manifests they take in: each file as shown, and its documents.

    A manifest that several set differently has a tag that is not known.
    """
    kustomizations = kustomizations_of(pages)
    chosen: dict[Path, dict[str, list[Word]]] = {}
    for folder, (shown, data) in kustomizations.items():
        images = dict(_images(data, shown))
        for file in _reached(folder, kustomizations, set()) if images else ():
            for name, image in images.items():
                chosen.setdefault(file, {}).setdefault(name, []).append(image)
    for path, (_, documents) in pages.items() if chosen else ():
        for table in _holders(documents):
            _set(table, chosen.get(path.resolve(), {}))


def kustomizations_of(pages: Mapping[Path, tuple[str, list[Any]]]) -> Kustomizations:
    """The kustomizations among the files, by their folders."""
    return {
        path.parent.resolve(): (shown, data)
        for path, (shown, documents) in pages.items()
        for data in documents
        if isinstance(data, Table) and (is_kustomization(data) or _is_called_so(path, data))
    }


def _is_called_so(path: Path, data: Table) -> bool:
    """True for the file that kustomize reads in a folder, which need not tell its kind."""
    return path.name in ("kustomization.yaml", "kustomization.yml", "Kustomization") and bool({*TAKEN_IN} & {*data})


def _images(data: Table, shown: str) -> Iterator[tuple[str, Word]]:
    """Each image's name, and what it becomes; a tag alone begins with its colon."""
    images = data.get("images")
    for image in images if isinstance(images, list) else ():
        if not isinstance(image, Table) or not image.get("name"):
            continue
        tag, digest, other = image.get("newTag"), image.get("digest"), image.get("newName")
        behind = f"@{digest}" if digest else f":{tag}" if tag is not None else ""
        line = image.at("digest" if digest else "newTag" if tag is not None else "newName")
        if behind or other:
            yield str(image["name"]), Word(f"{other or ''}{behind}", line, path=shown)


def _reached(folder: Path, kustomizations: Kustomizations, seen: set[Path]) -> Iterator[Path]:
    """The files that the kustomization of a folder takes in, those of other kustomizations among them."""
    if folder in seen or folder not in kustomizations:
        return
    seen.add(folder)
    data = kustomizations[folder][1]
    lists = [data[section] for section in TAKEN_IN if isinstance(data.get(section), list)]
    for named in (each for section in lists for each in section if isinstance(each, str)):
        path = (folder / named).resolve()
        if path in kustomizations:
            yield from _reached(path, kustomizations, seen)
        else:
            yield path


def _holders(node: Any) -> Iterator[Table]:
    if isinstance(node, Table) and isinstance(node.get("image"), Word):
        yield node
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _holders(value)


def _set(table: Table, images: Mapping[str, list[Word]]) -> None:
    image = table["image"]
    name = image.partition("@")[0]
    name = name[: -len(tag) - 1] if (tag := name.rpartition("/")[2].partition(":")[2]) else name
    new = images.get(name, [])
    if len({*new}) > 1:
        table["image"] = image.with_text(f"{name}:{UNKNOWN}")
    elif new:
        bare = new[0].startswith((":", "@"))
        behind = "" if ":" in new[0] or "@" in new[0] else image[len(name) :]
        table["image"] = new[0].with_text(f"{name if bare else ''}{new[0]}{behind}")
