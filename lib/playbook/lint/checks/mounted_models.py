"""Folders that are mounted in the place of a SavedModel's own file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from playbook.lint.checks.command import Command
from playbook.lint.checks.lookup import Sources
from playbook.lint.forms.saved_models import as_named
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


def check_kept(commands: Sequence[Command], sources: Sources) -> Iterator[Finding]:
    """Files of Keras' that a program saves as the versions of a folder, which a text beside it mounts or copies."""
    versions = {folder for found in sources.exported.values() for folder in found}
    for path, found in sources.kept.items():
        above = path.rpartition("/")[0]
        named = {as_named(mount.named) for command in commands for mount in command.place.mounts
                 if command.path.rpartition("/")[0] == above and mount.named}  # fmt: skip
        for folder, (file, line) in found.items():
            given = any(each == folder or folder.startswith(f"{each}/") for each in named if each)
            if given and folder not in versions:
                target = f"{file.rpartition('/')[0]}/"
                yield finding("model-other-format", path, line, path=file, target=target)
