"""Config files that are put into a container one by one, and that its server is never told of."""

from __future__ import annotations

import re
from collections.abc import Iterator

from playbook.lint.checks.command import Command, Mount
from playbook.lint.checks.config_kinds import flags_of, is_config, kind_of
from playbook.lint.checks.lookup import Sources
from playbook.lint.forms.text import is_unknown
from playbook.lint.rules.findings import Finding, finding

# what such files are called, where their text is not here
_NAMES = {
    "batching_parameters_file": re.compile(r"(?!batching_params\.pbtxt)[\w-]*batch[\w-]*\.(txt|conf|config|cfg|pbtxt)"),
    "model_config_file": re.compile(r"models?[\w-]*\.(conf|config|cfg)"),
    "monitoring_config_file": re.compile(r"(monitor|prometheus)[\w-]*\.(txt|conf|config|cfg|pbtxt)"),
}  # fmt: skip
_KINDS = (*_NAMES, "ssl_config_file")
_OPEN = ("$", "{{", "<", "[")  # words that stand for flags which are not here


def check_unused(command: Command, sources: Sources) -> Iterator[Finding]:
    """A config file that is mounted or copied by itself, while the command line has no flag of its kind.

    Silent where flags may still come: a line shown in part, an image that is to be run with them. What a word or a
    variable names wrongly is told there, and ConfigMaps are told of in `mounted_maps`.
    """
    hidden = command.partial or any(word.startswith(_OPEN) for word in command.words)
    if hidden or (command.place.built and not command.given) or not command.place.container:
        return
    said = [*command.words, *command.unread.values()]
    texts = [text.content for text in sources.texts.values() if text.path in (command.path, command.place.dockerfile)]
    for mount in command.place.mounts:
        flag = "" if mount.config_map else _kind(mount, sources)
        name = mount.target.rpartition("/")[2]
        if not flag or command.text(flag) or is_unknown(mount.target) or any(name in word for word in said):
            continue
        if any(text.count(mount.target) > 1 for text in texts):  # a variable's value, or a script's that writes it
            continue
        what = mount.named or name
        flags = flags_of(flag, command.on("enable_batching"))
        yield finding("mounted-config-unused", command.path, mount.line or command.line, flag=flags, what=what,
                      target=mount.target)  # fmt: skip


def _kind(mount: Mount, sources: Sources) -> str:
    """The flag that would name what is mounted, by its text or else by its name; "" for anything else."""
    text = (mount.files or {}).get("") or (sources.file(mount.source) if mount.source is not None else None)
    if text is not None:
        kind = kind_of(text.content) if is_config(text.content) else None
        return kind if kind in _KINDS and not text.path.endswith("batching_params.pbtxt") else ""
    if mount.files is not None or mount.source is not None:
        return ""
    name = (mount.named or mount.target).rstrip("/").rpartition("/")[2]
    return next((flag for flag, names in _NAMES.items() if names.fullmatch(name)), "")
