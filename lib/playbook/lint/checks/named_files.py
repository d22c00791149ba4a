"""The config files that a command line names: the text of each, or what is said of one that is not there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path

from playbook.lint.checks.command import Command, is_official
from playbook.lint.checks.config_kinds import kind_of
from playbook.lint.checks.lookup import Lookup, Sources, look_up
from playbook.lint.checks.schema import KINDS
from playbook.lint.checks.shown_in_part import holds_nothing_known
from playbook.lint.forms.text import Text, is_unknown
from playbook.lint.rules.findings import Finding, finding

_EMPTY = "it is the empty one that touch makes, and every setting is lost"
_ALIKE = 0.9
_AS_FILE = "Mount the one file by subPath, or the volume at {folder}."


def named_files(command: Command, sources: Sources) -> Iterator[tuple[str, Text | Finding]]:
    """For each config file a command line names: its text, or the finding that it is not there."""
    for flag, (_, effect) in KINDS.items():
        path = command.text(flag)
        if not path:
            continue
        if path.endswith("/") and not is_unknown(path) and "://" not in path:
            words = {"flag": f"--{flag}", "path": path, "effect": effect, "where": "a file but a folder"}
            yield flag, finding("config-file-missing", command.path, command.at(flag), **words, remedy="Name the file.")
            continue
        result = look_up(_without_mounts(command), sources, path)
        if result.mount is not None and result.mount.whole and result.mount.rest_of(command.place.absolute(path)) == "":
            result = Lookup(missing="a file but a folder: a whole volume is mounted there", mount=None,
                            remedy=_AS_FILE.format(folder=path.rpartition("/")[0] or "/"))  # fmt: skip
        if is_unknown(path) and (written := sources.written(path)) is not None:
            yield flag, written  # a script writes the file by the variable that the flag names it by
            continue
        if result.missing and (written := sources.written(path)) is not None:
            yield flag, written
        elif result.text is not None:
            yield flag, result.text
        elif result.missing and (
            (result.elsewhere and command.pasted) or holds_nothing_known(result, command, sources)
        ):
            words = {"flag": f"--{flag}", "path": path}
            yield flag, finding("config-file-not-here", command.path, command.at(flag), **words)
        elif result.missing and _may_be_of_prose(command) and _is_own_folder(result, command):
            continue  # a document tells of the folder that its reader is in
        elif result.missing and sources.touched(path, command.path):
            if name := sources.written_otherwise(path, flag, command.path):
                words = {"flag": f"--{flag}", "path": path, "other": name, "effect": _EMPTY}
                yield flag, finding("config-file-other-name", command.path, command.at(flag), **words)
        elif result.missing or result.folder is not None:
            yield flag, _missing(command, flag, path, result, effect)
            if (
                meant := sources.same_name(path, flag, command.path) or _mounted_elsewhere(command, path, flag)
            ) is not None:
                yield flag, meant
        elif (text := sources.same_name(path, flag, command.path)) is not None:
            if (other := _mounted_from_beside(result, command, text)) is not None:
                yield flag, _missing(command, flag, path, other, effect)
            yield flag, text
        elif (name := sources.written_otherwise(path, flag, command.path)) and not _is_mount(result, command, path):
            effect = _EMPTY if sources.touched(path, command.path) else effect
            words = {"flag": f"--{flag}", "path": path, "other": name, "effect": effect}
            yield flag, finding("config-file-other-name", command.path, command.at(flag), **words)


def meant_list(command: Command, sources: Sources) -> Text | None:
    """The model list that a command line names, wherever it is: in its place, or mounted under another path."""
    files = [text for flag, text in named_files(command, sources) if flag == "model_config_file"]
    return next((text for text in files if isinstance(text, Text)), None)


def _mounted_elsewhere(command: Command, path: str, flag: str) -> Text | None:
    """The file that a flag is meant to name, among those that are mounted: of its name, or the only one of its kind."""
    mounted = [(key, text) for mount in command.place.mounts for key, text in (mount.files or {}).items()]
    named = [text for key, text in mounted if key and key.rpartition("/")[2] == path.rpartition("/")[2]]
    alike = [text for _, text in mounted if kind_of(text.content) == flag]
    return named[0] if named else alike[0] if len(alike) == 1 else None


def _may_be_of_prose(command: Command) -> bool:
    """True for a line that a document may start: its own, or that of a script in an image, whoever runs it."""
    return command.in_prose or (bool(command.place.dockerfile) and command.path.endswith((".sh", ".bash")))


def _is_own_folder(result: Lookup, command: Command) -> bool:
    """True for a mount of the very folder that the text stands in."""
    source, folder = result.mount.source if result.mount is not None else None, command.place.folder
    return source is not None and folder is not None and source.resolve() == folder.resolve()


def _is_mount(result: Lookup, command: Command, path: str) -> bool:
    """True where the file itself is mounted, which may give it another name."""
    return result.mount is not None and result.mount.rest_of(command.place.absolute(path)) == ""


def _mounted_from_beside(result: Lookup, command: Command, text: Text) -> Lookup | None:
    """A file whose mount's source is not here, while a file of the same folder and name is: docker makes a folder."""
    mount, folder = result.mount, command.place.folder
    if mount is None or mount.source is not None or command.in_prose or folder is None or text.file is None:
        return None
    named, here = Path(mount.named), text.file.resolve()
    if not mount.named.startswith(("./", "../")) or len(named.parts) < 2 or named.parts[-2:] != here.parts[-2:]:
        return None
    remedy = f"It is here as {text.path}: correct the mount's source, or docker makes an empty folder in its place."
    return Lookup(missing=f"at {mount.named}", remedy=remedy)


def meant_files(command: Command, sources: Sources) -> Iterator[tuple[str, Text]]:
    """The texts of config files whose flags are lost, as they stand apart from their values: what they are meant as."""
    words = [str(word) for word in command.words]
    pairs = [(flag[2:], value) for flag, value in pairwise(words) if flag[2:] in KINDS and not value.startswith("-")]
    for flag, value in pairs:
        meant = replace(command, given={**command.given, flag: value})
        yield from (
            (name, text) for name, text in named_files(meant, sources) if name == flag and isinstance(text, Text)
        )


def _without_mounts(command: Command) -> Command:
    """A pod of the official image with no mount at all holds no config file, whatever else its text leaves out."""
    place = command.place
    own = place.built or place.dockerfile
    bare = is_official(place.image) and not (place.mounts or place.hidden_mounts or own)
    return replace(command, place=replace(place, closed=True)) if bare else command


def _missing(command: Command, flag: str, path: str, result: Lookup, effect: str) -> Finding:
    words = {"flag": f"--{flag}", "path": path, "effect": effect}
    if result.mount is not None and result.mount.config_map and result.mount.files is not None:
        rest = result.mount.rest_of(command.place.absolute(path)) or path.rpartition("/")[2]
        keys = ", ".join(sorted(result.mount.files)) or "none"
        return finding("configmap-key-missing", command.path, command.at(flag), **words, key=rest, keys=keys,
                       name=result.mount.config_map)  # fmt: skip
    if command.place.built and (copied := _copied_as(path, command)):
        remedy = f"Copied is {copied}: name it so, or copy it to {path}."
        return finding("config-file-missing", command.path, command.at(flag), **words, where="in the image",
                       remedy=remedy)  # fmt: skip
    if command.place.built and result.folder is None:
        return finding("config-file-not-copied", command.path, command.at(flag), **words)
    where = "a file but a folder" if result.folder is not None else result.missing
    return finding("config-file-missing", command.path, command.at(flag), **words, where=where, remedy=result.remedy)


def _copied_as(path: str, command: Command) -> str:
    """The file that an image gets under almost this path, or under its name in another folder; "" for none."""
    name = path.rpartition("/")[2]
    files = [mount.target for mount in command.place.mounts if "." in mount.target.rpartition("/")[2]]
    same = [each for each in files if each.rpartition("/")[2] == name != "" and not is_unknown(each)]
    return next(iter(same or get_close_matches(path, files, 1, _ALIKE)), "")
