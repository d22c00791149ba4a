"""Services of compose that take from others: by `extends`, or as a file that is put over another."""

from __future__ import annotations

import re
from typing import Any

from playbook.lint.checks.reading import Document
from playbook.lint.forms.yaml_lines import Items, Table, load_documents
from playbook.lint.readers.compose_values import filled, placed, variables_here

_OVERRIDE = re.compile(r"\.override\.ya?ml$")


def overridden(document: Document) -> Any:
    """The compose file that compose puts this one over, as it is called `*.override.yml`; empty for another."""
    name = document.text.path.rpartition("/")[2]
    if not _OVERRIDE.search(name):
        return {}
    for suffix in (".yml", ".yaml"):
        for other in _of_file(_OVERRIDE.sub(suffix, name), document):
            return filled(other, variables_here(document))
    return {}


def extended(service: Table, data: Any, document: Document) -> Table:
    """A service with what it takes from another (`extends`), also of another file: its own keys win, lists join."""
    extends = service.get("extends")
    named = extends.get("file") if isinstance(extends, Table) else None
    name = extends.get("service") if isinstance(extends, Table) else extends
    for other in _of_file(named, document) if named else ():
        data = filled(other, variables_here(document))
    base = (data.get("services") or {}).get(name) if isinstance(name, str) else None
    return joined(base, service) if isinstance(base, Table) and base is not service else service


def joined(base: Table, service: Table) -> Table:
    """A service over another: its own keys win, lists join."""
    whole = Table({**base, **service})
    whole.line = service.line
    for key in ("environment", "volumes", "ports", "configs"):
        pair = base.get(key), service.get(key)
        if isinstance(pair[0], list) and isinstance(pair[1], list):
            whole[key] = Items([*pair[0], *pair[1]])
        elif isinstance(pair[0], Table) and isinstance(pair[1], Table):
            whole[key] = Table({**pair[0], **pair[1]})
    return whole


def _of_file(named: Any, document: Document) -> list[Any]:
    """The document of another compose file here; its words say where they stand. None where it is not here."""
    folder = document.folder
    text = document.around.sources.file(folder / str(named)) if folder is not None else None
    if text is None or text.path == document.text.path:
        return []
    return [placed(each, text.path) for each in load_documents(text.content)[0][:1] if isinstance(each, Table)]
