"""Mounted folders that a repository keeps for what it does not: of what is not in them nothing is known here."""

from __future__ import annotations

from pathlib import Path

from playbook.lint.checks.command import Command
from playbook.lint.checks.config_kinds import kind_of
from playbook.lint.checks.lookup import Lookup, Sources
from playbook.lint.checks.models import version_of


def holds_no_model(result: Lookup, command: Command, sources: Sources) -> bool:
    """True where a text mounts a folder of its own that holds no model at all: models are rarely kept beside code."""
    folder = _mounted(result, command, sources)
    return folder is not None and not any(_is_model(path) for path in folder.rglob("*"))


def holds_nothing_known(result: Lookup, command: Command, sources: Sources) -> bool:
    """True where such a folder holds no config file of the server's either: what is put there is kept elsewhere."""
    folder = _mounted(result, command, sources)
    if folder is None or not holds_no_model(result, command, sources):
        return False
    inside = (text for path, text in sources.texts.items() if path.resolve().is_relative_to(folder.resolve()))
    here = command.place.folder is not None and folder.resolve() == command.place.folder.resolve()
    return not here and not any(kind_of(text.content) for text in inside)


def _mounted(result: Lookup, command: Command, sources: Sources) -> Path | None:
    source = result.mount.source if result.mount is not None else None
    if source is None or command.path == "command line" or not source.is_dir():
        return None
    return source if source.resolve().is_relative_to(sources.root.resolve()) else None


def _is_model(path: Path) -> bool:
    return path.name.startswith("saved_model.pb") or (version_of(path.name) is not None and path.is_dir())
