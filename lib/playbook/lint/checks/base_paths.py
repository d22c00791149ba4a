"""The base paths a command line serves: found here, or certainly missing where the server would look."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from playbook.lint.checks.batching import limit_of
from playbook.lint.checks.command import Command, entrypoint_flags, is_official
from playbook.lint.checks.lookup import Lookup, Sources, from_here, look_up
from playbook.lint.checks.lost_models import NAMING, check_lost, named_alone
from playbook.lint.checks.model_lists import ModelEntry, model_entries
from playbook.lint.checks.models import Serving, check_base_path, version_of
from playbook.lint.checks.shown_folders import saved_bare_at, shown_wrong
from playbook.lint.checks.too_deep import check_too_deep
from playbook.lint.forms.saved_models import as_named
from playbook.lint.forms.text import Text, is_unknown
from playbook.lint.rules.findings import Finding, finding

_NO_MODEL = re.compile(r"\.|^$|conf|etc|monitor|batch|script|warm|data|bin|log|cert|src|app")  # what lies beside models
_OTHER_MODEL = re.compile(r"\.(onnx|h5|hdf5|keras|pt|pth|tflite|pkl|joblib|pickle|caffemodel|mar)$")
_FILE = re.compile(r"\.(config|conf|cfg|pbtxt|txt|json|ya?ml|proto|sh|py|crt|pem|key)$")  # copied beside models
_IN_VERSION = re.compile(r"/models/[^/]+/\d+/[^/]+")


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
    hits = list(check_lost(command, sources))
    yield from hits
    if hits or any(word[2:] in NAMING for word in command.words):
        return  # what it was to serve is lost, and said so
    if command.text("model_config_file"):
        text = files.get("model_config_file")
        for entry in model_entries(text) if text is not None else []:
            where = (text.path, entry.path_line) if text is not None else (command.path, command.line)
            yield from _check(command, sources, entry, batching, where, checked)
    elif command.text("model_base_path") and not command.partial:
        entry = ModelEntry(command.text("model_name"), command.text("model_base_path"), command.at("model_base_path"))
        yield from _check(command, sources, entry, batching, (command.path, entry.line), checked, single=True)


def started_otherwise(command: Command, others: Sequence[Command]) -> bool:
    """True for an image of one's own whose models another text's container names: what the image alone would serve
    is not what is served."""
    if not (command.place.built and command.implied):
        return False
    named = [word.partition("=")[2] for other in others for word in other.words
             if other.place.container and not other.place.built and not is_official(other.place.image)
             and word.startswith("--model_base_path=")]  # fmt: skip
    return any(mount.rest_of(base) is not None for base in named for mount in command.place.mounts)


def _check(
    command: Command, sources: Sources, entry: ModelEntry, batching: Text | None, where: tuple[str, int | None],
    checked: set[Path], single: bool = False,
) -> Iterator[Finding]:  # fmt: skip
    base = from_here(entry.base_path.removeprefix("file://"), command)
    if deep := list(check_too_deep(base, where)):
        yield from deep if single else ()  # a config file's own check tells it
        return
    if single and re.search(r"://.*/\d+/?$", base) and not is_unknown(base):
        parent = base.rstrip("/").rpartition("/")[0]
        yield finding("base-path-version", *where, path=base, parent=parent)
    if is_unknown(base) and _holds_nothing(command):
        base = base.rpartition("/")[0] if is_unknown(base.rpartition("/")[2]) else base  # whatever its name
    if not (is_unknown(base) or base.startswith("/") or "://" in base or command.place.container):
        yield from _relative(command, sources, base, where, single)
    if is_unknown(base) and (mount := next((each for each in command.place.mounts if each.target == base), None)):
        yield from _version_mounted(Lookup(mount=mount), command, base)
    if not base or is_unknown(base) or _plain(command) or not base.startswith("/"):
        return
    yield from _other_format(command, base)
    result = look_up(command, sources, base)
    if (result.folder is not None or result.missing) and _left_out(result, command, sources):
        yield finding("base-path-not-here", *where, path=base)
    elif result.folder is not None:
        checked.add(result.folder.resolve())
        policy = None if single else entry
        yield from check_base_path(result.folder, _shown(result, base, sources), serving_of(command, batching, policy))
    elif result.elsewhere:
        parent, _, name = base.rstrip("/").rpartition("/")
        if single and version_of(name) is not None:
            yield finding("base-path-version", *where, path=base, parent=parent or "/")
        else:
            yield finding("base-path-not-here", *where, path=base)
    elif shown := shown_wrong(result, command, sources, base):
        at = result.mount.line if result.mount is not None and result.mount.line else where[1]
        rule, words = shown
        yield finding(rule, where[0], at, **words)
    elif remedy := saved_bare_at(result, command, sources, base):
        at = result.mount.line if result.mount is not None and result.mount.line else where[1]
        yield finding("no-version", where[0], at, path=base, remedy=remedy)
    elif (result.missing or result.text is not None) and not command.place.built:
        missing = result.missing or "a folder but a file"
        yield finding("base-path-missing", *where, path=base, where=missing, remedy=result.remedy)
    elif result.missing and (copied := _beside(command, base)):
        remedy = f"Copied is {copied}: name it, or copy to {base}."
        yield finding("base-path-missing", *where, path=base, where="in the image", remedy=remedy)
    elif single and (name := named_alone(command, base)):
        right = f"{base.rpartition('/')[0]}/{name}"
        yield finding("name-without-path", where[0], command.at("model_name"), name=name, base=base, right=right)
    elif result.mount is not None:
        yield from _version_mounted(result, command, base)
        if single and "model_base_path" in command.given and _names_version(result, command, base):
            parent = base.rstrip("/").rpartition("/")[0] or "/"
            yield finding("base-path-version", *where, path=base, parent=parent)
    elif command.place.container and command.place.closed and not command.place.hidden_mounts:
        bare = "saved_model.pb" in command.place.below(command.place.absolute(base))
        if bare or not command.place.built or "model_base_path" in command.given:
            yield from _below(command, base, where)
    elif single and re.search(r"/\d+/?$", base) and "model_base_path" in command.given:
        parent = base.rstrip("/").rpartition("/")[0] or "/"
        yield finding("base-path-version", *where, path=base, parent=parent)


def _relative(
    command: Command, sources: Sources, base: str, where: tuple[str, int | None], single: bool
) -> Iterator[Finding]:
    """What is wrong with a relative base path besides that it is one."""
    parent, _, name = base.rstrip("/").rpartition("/")
    if single and parent and version_of(name) is not None and "model_base_path" in command.given:
        yield finding("base-path-version", *where, path=base, parent=parent)
    elif remedy := sources.saved.get(command.path, {}).get(as_named(base), ""):
        yield finding("no-version", *where, path=base, remedy=remedy)


def _other_format(command: Command, base: str) -> Iterator[Finding]:
    """A file of another framework's that is put where a SavedModel belongs, and no SavedModel beside it."""
    prefix = base.rstrip("/")
    inside = [mount for mount in command.place.mounts if mount.files is None and not mount.config_map
              and (mount.target == prefix or mount.target.startswith(f"{prefix}/")
                   or (command.place.built and _IN_VERSION.fullmatch(mount.target)))]  # fmt: skip
    names = [mount.named.rpartition("/")[2] for mount in inside]
    folders = [name for name in names if "saved_model.pb" in name or "." not in name]
    others = [mount for mount in inside if _OTHER_MODEL.search(mount.named)]
    for mount in others if not (folders or command.on("prefer_tflite_model")) else ():
        words = {"path": mount.named, "target": f"{prefix}/1/"}
        yield finding("model-other-format", command.path, mount.line or command.line, **words)


def _names_version(result: Lookup, command: Command, base: str) -> bool:
    """True where a base path ends in a number below a mount, so that the number is a folder of the mounted one."""
    below = bool(result.mount and result.mount.rest_of(command.place.absolute(base)))
    return below and version_of(base.rstrip("/").rpartition("/")[2]) is not None


def _holds_nothing(command: Command) -> bool:
    """True for a pod of the image as it is, of which the text leaves nothing out and which mounts nothing."""
    place = command.place
    return place.whole and place.closed and not (place.mounts or place.hidden_mounts or place.built)


def _plain(command: Command) -> bool:
    """A container of the image as it is, without a flag, a variable or a mount: its files are copied in later."""
    default = entrypoint_flags({})["model_base_path"]
    bare = command.place.container and not command.place.whole
    return bare and not (command.words or command.place.mounts or command.text("model_base_path") != default)


def _beside(command: Command, base: str) -> str:
    """The one folder that an image gets beside the base path, where it gets none there; "" otherwise."""
    parent = base.rstrip("/").rpartition("/")[0]
    copied = [each for each in command.place.mounts if each.files is None and not _FILE.search(each.target)]
    folders = [each.target for each in copied if not (each.source and each.source.is_file())]
    names = {each[len(parent) + 1 :].partition("/")[0] for each in folders if each.startswith(f"{parent}/")}
    beside = [name for name in names if not _NO_MODEL.search(name)]
    return f"{parent}/{beside[0]}" if parent and len(beside) == 1 and not is_unknown(beside[0]) else ""


def _left_out(result: Lookup, command: Command, sources: Sources) -> bool:
    """True where a text mounts a folder of its own that holds no model at all: models are rarely kept beside code."""
    source = result.mount.source if result.mount is not None else None
    if source is None or command.path == "command line" or not source.is_dir():
        return False
    if not source.resolve().is_relative_to(sources.root.resolve()):
        return False
    return not any(_is_model(path) for path in source.rglob("*"))


def _is_model(path: Path) -> bool:
    return path.name.startswith("saved_model.pb") or (version_of(path.name) is not None and path.is_dir())


def _shown(result: Lookup, base: str, sources: Sources) -> str:
    folder = result.folder
    if folder is None or str(folder) == base:
        return base
    try:
        return str(folder.resolve().relative_to(sources.root.resolve()))
    except ValueError:
        return str(folder)


def _version_mounted(result: Lookup, command: Command, base: str) -> Iterator[Finding]:
    """A host's version folder mounted where the server expects the folder of versions."""
    mount = result.mount
    rest = mount.rest_of(command.place.absolute(base)) if mount is not None else None
    if mount is None or not mount.named or rest not in ("", mount.target.rpartition("/")[2]):  # the name twice
        return
    name = mount.named.rstrip("/").rpartition("/")[2]
    if version_of(name) is not None and mount.source is None:
        parent = mount.named.rstrip("/").rpartition("/")[0] or "/"
        yield finding("base-path-version", command.path, mount.line or command.line, path=mount.named, parent=parent)


def _below(command: Command, base: str, where: tuple[str, int | None]) -> Iterator[Finding]:
    """Nothing is mounted at the base path, only below it: those names are all it holds."""
    names = command.place.below(command.place.absolute(base))
    if any(version_of(name) is not None or is_unknown(name) for name in names):
        return
    if "saved_model.pb" in names:
        yield finding("no-version", *where, path=base, remedy=f"Put the model into {base.rstrip('/')}/1/.")
        return
    names = {name for name in names if not (command.place.built and (_FILE.search(name) or _NO_MODEL.search(name)))}
    if not names:
        return
    remedy = f"It is one level too high: name {base.rstrip('/')}/{sorted(names)[0]}, or mount the model at {base}."
    yield finding("no-version", *where, path=base, remedy=remedy)
