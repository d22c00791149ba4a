"""A server's command line as a start gives it, put to what was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from playbook.lint.checks.command import Command, Place, is_known
from playbook.lint.checks.misnamed import named_rightly
from playbook.lint.checks.models import version_of
from playbook.lint.checks.reading import Reading
from playbook.lint.checks.start import Start, is_anothers, tells_model
from playbook.lint.forms.text import UNKNOWN, Text, Word, line_of, place_of


def named_as_program(start: Start, reading: Reading) -> Start:
    """The start with the program's own name where its package's stands for it, which is said."""
    given = [*(start.entry or ()), *start.args]
    words, hits = named_rightly(given, start.path, start.line)
    if words == given:
        return start
    reading.findings += hits
    entries = len(start.entry or ())
    return replace(start, entry=words[:entries] if start.entry is not None else None, args=words[entries:])


def script_named(start: Start, word: str) -> Text | None:
    """The script of this name that the start can see; None where it is not here."""
    name = word.rpartition("/")[2]
    return next((text for path, text in start.scripts.items() if path == word or path.rpartition("/")[2] == name), None)


def append_line(start: Start, reading: Reading, words: Sequence[str], implied: Mapping[str, str]) -> None:
    """The command line of a start, put to the reading."""
    line = next((line_of(word) for word in words if line_of(word)), start.line)
    command = Command(words, start.path, line, start.cpus, start.cpu_limit, implied, start.place)
    own = start.entry is None and not (start.own_image or is_known(start.image))
    partial = start.partial or own or [*words] == [UNKNOWN]
    others = start.entry is None and not start.own_image and is_anothers(start.image)  # with an entrypoint of its own
    published = () if others else start.published
    command = replace(command, published=published, health=start.health)
    reading.commands.append(replace(command, managed=start.managed, partial=partial))
    reading.counts["command lines"] += 1


def check_doubled(start: Start, args: list[Word], reading: Reading) -> None:
    """MODEL_BASE_PATH that names the model itself, where the script's base path is in force."""
    base, name = start.environment.get("MODEL_BASE_PATH"), start.environment.get("MODEL_NAME")
    if not base or not name or start.implied is not None or base.rstrip("/").rpartition("/")[2] != name:
        return
    doubled = f"{base.rstrip('/')}/{name}"
    there = is_put(start.place, base.rstrip("/"), doubled)
    if not tells_model(args) and there is not True:
        parent = base.rstrip("/").rpartition("/")[0] or "/"
        rule = "base-path-doubled" if there is False else "model-name-appended"
        reading.report(rule, *place_of(base, start.path, start.line), base=base, path=doubled, parent=parent)


def is_put(place: Place, folder: str, inner: str) -> bool | None:
    """Whether a container gets something at `inner`, a folder right inside `folder`; None where nobody can tell."""
    if "://" in folder:
        return None
    if any(mount.rest_of(inner) == "" or mount.target.startswith(f"{inner}/") for mount in place.mounts):
        return True
    at = next((mount for mount in place.mounts if mount.target == folder), None)
    if at is not None and at.source is not None and at.source.is_dir():
        return (at.source / inner[len(folder) + 1 :]).is_dir()
    numbered = any(version_of(name) is not None for name in place.below(folder))
    nothing = place.closed and not place.hidden_mounts and not any(place.over(inner))
    named = at is not None and not at.claim and at.named.rstrip("/").endswith(inner.rpartition("/")[2])
    return False if numbered or nothing or named else None
