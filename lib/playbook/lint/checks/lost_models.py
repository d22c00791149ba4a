"""A flag that was to name the model and is not read: what the image's script has the server look for in its stead."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import zip_longest

from playbook.lint.checks.command import Command, entrypoint_flags, nearest_flag
from playbook.lint.checks.environment import flag_meant
from playbook.lint.checks.lookup import Sources, look_up
from playbook.lint.forms.letters import DASHES
from playbook.lint.forms.text import is_unknown, line_of
from playbook.lint.rules.findings import Finding, finding
from playbook.tfserving.flags import FLAGS

NAMING = ("model_config_file", "model_base_path", "model_name")
_ALIKE = 0.8


def lost(command: Command) -> list[tuple[str, str, str]]:
    """The words that were meant to name a model and are no flags: as written, the flag that is meant, its value."""
    found = []
    words = [str(word) for word in command.words]
    for word, following in zip_longest(words, words[1:], fillvalue=""):
        shown, equals, value = word.partition("=")
        shown, _, inside = shown.partition(" ")  # "--model_name m" as one quoted word
        name = shown.lstrip("-" + "".join(DASHES)).replace("-", "_")
        if not word.startswith(("-", *DASHES)) or (equals and shown[2:] in FLAGS and not inside):
            continue
        meant = name if name in NAMING else nearest_flag(name, _ALIKE) if name not in FLAGS else ""
        if meant in NAMING:
            behind = "" if following.startswith("-") else following
            found.append((word, meant, (value or inside or behind).lstrip("=")))
    return found


def check_lost(command: Command, sources: Sources) -> Iterator[Finding]:
    """The model that a container waits for, as no flag of its own names one and nothing puts one where it looks.

    The script of the official image always gives a base path. A process without it ends at once, which is said so.
    """
    yield from _of(lost(command), command, sources)


def check_unread(command: Command, sources: Sources) -> Iterator[Finding]:
    """The same of a variable that nobody reads, where the script is told no other name or place of the model."""
    if command.text("model_base_path") == entrypoint_flags({})["model_base_path"]:
        named = ((name, flag_meant(name), str(value)) for name, value in command.unread.items())
        yield from _of([each for each in named if each[1] in NAMING], command, sources)


def _of(words: list[tuple[str, str, str]], command: Command, sources: Sources) -> Iterator[Finding]:
    base = command.text("model_base_path")
    of_script = command.implied.get("model_base_path") == base and bool(command.place.image)
    if not words or not of_script or command.partial or command.text("model_config_file") or is_unknown(base):
        return
    if any(_meant(flag, value) == base for _, flag, value in words) or _may_be_there(command, sources, base):
        return
    word, flag, value = words[0]
    line = line_of(command.unread.get(word)) or line_of(next((each for each in command.words if each == word), None))
    right = f"--{flag}={value or '<value>'}"
    yield finding("model-lost", command.path, line or command.line, flag=word.partition("=")[0], base=base, right=right)


def named_alone(command: Command, base: str) -> str:
    """The name that a container is given as a flag alone, so that its script's base path stays; "" where it is not so.

    Nothing else than that path is known to be wrong: a model may lie in a folder of that name, too.
    """
    name = command.text("model_name")
    own = entrypoint_flags({})
    alone = "model_name" in command.given and command.implied.get("model_base_path") == base == own["model_base_path"]
    covered = any(mount.target == base or base.startswith(f"{mount.target}/") for mount in command.place.mounts)
    exact = any(mount.target.startswith(base) for mount in command.place.mounts)
    if alone and is_unknown(name) and [mount.target for mount in command.place.mounts] == [f"/models/{name}"]:
        return name  # a variable, and all that is mounted is called by it
    return name if alone and name != own["model_name"] and covered and not exact and not is_unknown(name) else ""


def _meant(flag: str, value: str) -> str:
    """The base path that a lost flag stands for; "" for a list of models."""
    if flag == "model_name":
        return entrypoint_flags({"MODEL_NAME": value})["model_base_path"]
    return value.rstrip("/") if flag == "model_base_path" else ""


def _may_be_there(command: Command, sources: Sources, base: str) -> bool:
    """True where a model is at the base path, or something that the text says may have put one there."""
    result = look_up(command, sources, base)
    if result.folder is not None:
        return True
    place, absolute = command.place, command.place.absolute(base)
    over = next((mount for mount, _ in place.over(absolute)), None)
    own_name = command.implied.get("model_name") != entrypoint_flags({})["model_name"]
    if not result.missing and over is not None and (over.target == absolute or own_name):
        return True
    unknown = any(is_unknown(mount.target) or (mount.target == "/" and not mount.named) for mount in place.mounts)
    return unknown or bool(place.below(absolute)) or _told(command, sources, base)


def _told(command: Command, sources: Sources, base: str) -> bool:
    """True where a text that starts or makes the container speaks of the base path: a step may copy a model there."""
    paths = {command.path, command.place.dockerfile}
    said = re.compile(rf"{re.escape(base)}(?![\w.-])")
    return any(text.path in paths and said.search(text.content) for text in sources.texts.values())
