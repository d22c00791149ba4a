"""The base paths a command line serves: found here, or certainly missing where the server would look."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from playbook.lint.checks.batching import limit_of
from playbook.lint.checks.command import Command, is_official
from playbook.lint.checks.lookup import Lookup, Sources, from_here, look_up
from playbook.lint.checks.lost_models import NAMING, check_lost, check_unread, named_alone
from playbook.lint.checks.model_lists import ModelEntry, model_entries
from playbook.lint.checks.model_places import (
    check_below,
    copied_beside,
    filled_otherwise,
    holds_nothing,
    is_plain,
    models_beside,
    mounted_above,
    name_mounted,
    names_version,
    other_format,
    version_mounted,
)
from playbook.lint.checks.models import Serving, check_base_path, version_of
from playbook.lint.checks.reading import Surroundings
from playbook.lint.checks.several_names import check_several
from playbook.lint.checks.shown_folders import saved_otherwise, shown_bare, shown_wrong
from playbook.lint.checks.shown_in_part import holds_no_model
from playbook.lint.checks.too_deep import check_too_deep
from playbook.lint.forms.saved_models import as_named
from playbook.lint.forms.text import Text, is_unknown
from playbook.lint.rules.findings import Finding, finding

_CLAIM = "Mount a volume that holds the model: a claim, or an emptyDir that an init container fills."

_OF_VERSIONS = ("base-path-version", "no-version")


def serving_of(command: Command, batching: Text | None, policy: ModelEntry | None = None) -> Serving:
    """How a command line serves a base path."""
    on = command.on("enable_batching")
    content = batching.content if on and batching is not None else ""
    return Serving(
        per_model=on and command.on("enable_per_model_batching_parameters"),
        limit=limit_of(batching) if on and batching is not None else None,
        tags=tuple((command.text("saved_model_tags") or "serve").split(",")),
        warmup=command.text("enable_model_warmup", "true").lower() in ("true", "1"),
        padding=bool(re.search(r"pad_variable_length_inputs\s*:\s*true", content)),
        policy=policy,
    )


def check_served(command: Command, sources: Sources, files: dict[str, Text], checked: set[Path]) -> Iterator[Finding]:
    """Findings of every base path of a command line; folders that were looked at are added to `checked`."""
    batching = files.get("batching_parameters_file")
    hits = [*check_several(command, sources)] or [*check_lost(command, sources)]
    yield from hits
    if hits or any(word[2:] in NAMING for word in command.words):
        return  # what it was to serve is lost, and said so
    if command.text("model_config_file"):
        text = files.get("model_config_file")
        for entry in model_entries(text) if text is not None else []:
            where = (text.path, entry.path_line) if text is not None else (command.path, command.line)
            yield from _check(_Asked(command, sources, entry, batching, where), checked)
    elif command.text("model_base_path") and not command.partial:
        entry = ModelEntry(command.text("model_name"), command.text("model_base_path"), command.at("model_base_path"))
        where = command.path, entry.line
        hits = list(_check(_Asked(command, sources, entry, batching, where, single=True), checked))
        unseen = all(hit.rule == "base-path-not-here" for hit in hits)
        yield from (list(check_unread(command, sources)) if unseen else []) or hits


def started_otherwise(command: Command, others: Sequence[Command], around: Surroundings) -> bool:
    """True for an image of one's own whose models another text's container names: what the image alone would serve
    is not what is served.

    That container's image may be this one only while no text here tells under which name this one is built.
    """
    named_here = any(image.path == command.path for known in around.builds.values() for _, image, _ in known)
    if named_here or not (command.place.built and command.implied):
        return False
    named = [word.partition("=")[2] for other in others for word in other.words
             if other.place.container and not other.place.built and not is_official(other.place.image)
             and word.startswith(("--model_base_path=", "--model_config_file="))]  # fmt: skip
    place = command.place
    return any(base.strip("/") and (place.below(base) or any(each.rest_of(base) is not None for each in place.mounts))
               for base in named)  # fmt: skip


@dataclass(frozen=True)
class _Asked:
    """A base path that is asked for: by which command line or entry of a file, and where that stands."""

    command: Command
    sources: Sources
    entry: ModelEntry
    batching: Text | None
    where: tuple[str, int | None]
    single: bool = False  # told by the command line, not by a config file

    def version(self, base: str) -> Finding:
        """The finding that a base path ends in its version."""
        parent = base.rstrip("/").rpartition("/")[0] or "/"
        return finding("base-path-version", *self.where, path=base, parent=parent)

    def mounted_at(self, result: Lookup) -> tuple[str, int | None]:
        """Where the mount stands that names a base path's folder; else, as for a claim, where the base path does."""
        mount = result.mount
        return self.where[0], mount.line if mount is not None and mount.line and not mount.claim else self.where[1]


def _check(asked: _Asked, checked: set[Path]) -> Iterator[Finding]:
    command, single = asked.command, asked.single
    base = from_here(asked.entry.base_path.removeprefix("file://"), command)
    if deep := list(check_too_deep(base, asked.where)):
        yield from deep if single else ()  # a config file's own check tells it
        return
    if single and re.search(r"://.*/\d+/?$", base) and not is_unknown(base):
        yield asked.version(base)
    if is_unknown(base) and holds_nothing(command):
        base = base.rpartition("/")[0] if is_unknown(base.rpartition("/")[2]) else base  # whatever its name
    here = base.startswith(("$(pwd)/", "$PWD/", "${PWD}/", "`pwd`/"))
    known = here or not (is_unknown(base) or base.startswith("/") or "://" in base)
    if known and not command.place.container:
        yield from _relative(command, asked.sources, base, asked.where, single)
    if known and single and command.place.container and not here and command.place.absolute(base) != base:
        meant = replace(asked, entry=replace(asked.entry, base_path=command.place.absolute(base)))
        yield from (hit for hit in _check(meant, set()) if hit.rule in _OF_VERSIONS)  # the rest is said by its path
    if is_unknown(base) and (mount := next((each for each in command.place.mounts if each.target == base), None)):
        yield from version_mounted(Lookup(mount=mount), command, base)
    if words := shown_bare(base, command.path, asked.sources):
        yield finding("no-version", *asked.where, **words)
    if not base or is_unknown(base) or is_plain(command) or not base.startswith("/"):
        return
    yield from other_format(command, base)
    result = look_up(command, asked.sources, base)
    if (result.folder is not None or result.missing) and holds_no_model(result, command, asked.sources):
        yield finding("base-path-not-here", *asked.where, path=base)
    elif result.folder is not None:
        checked.add(result.folder.resolve())
        serving = serving_of(command, asked.batching, None if single else asked.entry)
        yield from check_base_path(result.folder, _shown(result, base, asked.sources), serving)
    elif result.elsewhere:
        numbered = single and version_of(base.rstrip("/").rpartition("/")[2]) is not None
        yield asked.version(base) if numbered else finding("base-path-not-here", *asked.where, path=base)
    else:
        yield from _not_found(asked, base, result)


def _not_found(asked: _Asked, base: str, result: Lookup) -> Iterator[Finding]:
    """What is known of a base path that is no folder here: by what is shown, mounted or copied."""
    command, single = asked.command, asked.single
    place, told = command.place, single and "model_base_path" in command.given
    in_image = place.built or (bool(place.dockerfile) and all(each.copied or each.files for each in place.mounts))
    if shown := shown_wrong(result, command, asked.sources, base):
        rule, words = shown
        yield finding(rule, *asked.mounted_at(result), **words)
    elif remedy := saved_otherwise(result, command, asked.sources, base):
        yield finding("no-version", *asked.mounted_at(result), path=base, remedy=remedy)
    elif result.missing and in_image and (copied := copied_beside(command, base)):
        remedy = f"Copied is {copied}: name it, or copy to {base}."
        yield finding("base-path-missing", *asked.where, path=base, where="in the image", remedy=remedy)
    elif (result.missing or result.text is not None) and not place.built:
        missing = result.missing or "a folder but a file"
        remedy = name_mounted(command, base) or result.remedy
        yield finding("base-path-missing", *asked.where, path=base, where=missing, remedy=remedy)
    elif result.missing and (others := models_beside(result, command, base)):
        remedy = f"The folder that is copied holds {others}: name one of them, or copy {base}, too."
        yield finding("base-path-missing", *asked.where, path=base, where="in the image", remedy=remedy)
    elif single and (name := named_alone(command, base)):
        right = f"{base.rpartition('/')[0]}/{name}"
        words = {"name": name, "base": base, "right": right}
        yield finding("name-without-path", asked.where[0], command.at("model_name"), **words)
    elif result.mount is not None and result.mount.flat:
        missing = f"in {result.mount.config_map or result.mount.target}, whose keys are files: it holds no folder"
        yield finding("base-path-missing", *asked.where, path=base, where=missing, remedy=_CLAIM)
    elif result.mount is not None and (remedy := filled_otherwise(result.mount, command, base)):
        where = "in the volume that is filled beside the server"
        yield finding("base-path-missing", *asked.where, path=base, where=where, remedy=remedy)
    elif named := mounted_above(result, command, base):
        words = {"path": base, "named": named, "name": base.rstrip("/").rpartition("/")[2]}
        yield finding("model-mounted-above", *asked.mounted_at(result), **words)
    elif result.mount is not None:
        yield from version_mounted(result, command, base)
        if told and names_version(result, command, base):
            yield asked.version(base)
    elif place.container and place.closed and not place.hidden_mounts:
        bare = "saved_model.pb" in place.below(place.absolute(base))
        if bare or not place.built or "model_base_path" in command.given:
            yield from check_below(command, base, asked.where)
    elif told and re.search(r"/\d+/?$", base):
        yield asked.version(base)


def _relative(
    command: Command, sources: Sources, base: str, where: tuple[str, int | None], single: bool
) -> Iterator[Finding]:
    """What is wrong with a relative base path besides that it is one."""
    parent, _, name = base.rstrip("/").rpartition("/")
    if single and parent and version_of(name) is not None and "model_base_path" in command.given:
        yield finding("base-path-version", *where, path=base, parent=parent)
    elif remedy := sources.saved.get(command.path, {}).get(as_named(base), ""):
        yield finding("no-version", *where, path=base, remedy=remedy)


def _shown(result: Lookup, base: str, sources: Sources) -> str:
    folder = result.folder
    if folder is None or str(folder) == base:
        return base
    try:
        return str(folder.resolve().relative_to(sources.root.resolve()))
    except ValueError:
        return str(folder)
