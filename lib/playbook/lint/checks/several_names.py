"""Several models where one belongs: MODEL_NAME and --model_name take a single name, a list of them is one odd name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from playbook.lint.checks.command import Command
from playbook.lint.checks.lookup import Sources, look_up
from playbook.lint.forms.text import is_unknown
from playbook.lint.rules.findings import Finding, finding

_PARTS = re.compile(r"[\s,;|\[\]\"']+")
_PLACEHOLDER = re.compile(r"(?i)\b(your|my|the|name|model|enter|fill|e\.g)\b|\.\.\.")


def several(name: str) -> list[str]:
    """The models that a value names which is meant as a list; empty for the name of one, and for what is to be filled
    in."""
    if is_unknown(name) or _PLACEHOLDER.search(name):
        return []
    parts = [part for part in _PARTS.split(name) if part]
    return parts if len(parts) > 1 and all(re.fullmatch(r"[\w.:/-]+", part) for part in parts) else []


def check_several(command: Command, sources: Sources) -> Iterator[Finding]:
    """A list where one model's name belongs: no folder is called so, or no client asks for a model of that name."""
    name, base = command.text("model_name"), command.text("model_base_path")
    names = several(name)
    if not names or command.text("model_config_file"):
        return
    if base.rstrip("/").rpartition("/")[2] != name.rpartition("/")[2]:
        effect = f"it serves one model under that whole text, and a client that asks for {names[0]} is answered 404"
    else:
        place, absolute = command.place, command.place.absolute(base)
        if look_up(command, sources, base).folder is not None or any(each.target == absolute for each in place.mounts):
            return  # a folder of that very name
        effect = f"it looks in {base}, where there is nothing, and waits at start for ever"
    yield finding("models-in-one-name", command.path, command.at("model_name"), value=name, effect=effect)
