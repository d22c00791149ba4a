"""Folders that are mounted in the place of a SavedModel's own file."""

from __future__ import annotations

from collections.abc import Iterator

from playbook.lint.checks.command import Command
from playbook.lint.forms.text import is_unknown
from playbook.lint.rules.findings import Finding, finding

_FILES = ("saved_model.pb", "saved_model.pbtxt")


def check_mounted(command: Command) -> Iterator[Finding]:
    """A mount at `.../saved_model.pb` of something else: there is a folder then, and no version that loads."""
    for mount in command.place.mounts:
        above, _, name = mount.target.rpartition("/")
        source = mount.named.rstrip("/").rpartition("/")[2]
        folder = mount.source is not None and mount.source.is_dir()
        told = bool(source) and not is_unknown(source) and "." not in source
        if name in _FILES and (folder or told):
            yield finding("version-broken", command.path, mount.line or command.line,
                          version=above.rpartition("/")[2], problem=f"{mount.named} is mounted as its {name}",
                          effect="a folder is no SavedModel's file, so its load fails")  # fmt: skip
