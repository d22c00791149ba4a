"""What a container gets where its models belong: by mounts and copies, in the right form, at the right depth."""

from __future__ import annotations

import re
from collections.abc import Iterator

from playbook.lint.checks.command import Command, Mount, entrypoint_flags
from playbook.lint.checks.lookup import Lookup
from playbook.lint.checks.models import version_of
from playbook.lint.forms.text import is_unknown
from playbook.lint.rules.findings import Finding, finding

_NO_MODEL = re.compile(r"\.|^$|conf|etc|monitor|batch|script|warm|data|bin|log|cert|src|app")  # what lies beside models
_OTHER_MODEL = re.compile(r"\.(onnx|h5|hdf5|keras|pt|pth|tflite|pkl|joblib|pickle|caffemodel|mar)$")
_FILE = re.compile(r"\.(config|conf|cfg|pbtxt|txt|json|ya?ml|proto|sh|py|crt|pem|key)$")  # copied beside models
_IN_VERSION = re.compile(r"/models/[^/]+/\d+/[^/]+")


def other_format(command: Command, base: str) -> Iterator[Finding]:
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


def names_version(result: Lookup, command: Command, base: str) -> bool:
    """True where a base path ends in a number below a mount, so that the number is a folder of the mounted one."""
    below = bool(result.mount and result.mount.rest_of(command.place.absolute(base)))
    return below and version_of(base.rstrip("/").rpartition("/")[2]) is not None


def holds_nothing(command: Command) -> bool:
    """True for a pod of the image as it is, of which the text leaves nothing out and which mounts nothing."""
    place = command.place
    return place.whole and place.closed and not (place.mounts or place.hidden_mounts or place.built)


def is_plain(command: Command) -> bool:
    """A container of the image as it is, without a flag, a variable or a mount: its files are copied in later."""
    default = entrypoint_flags({})["model_base_path"]
    bare = command.place.container and not command.place.whole
    return bare and not (command.words or command.place.mounts or command.text("model_base_path") != default)


def copied_beside(command: Command, base: str) -> str:
    """The one folder that an image gets beside the base path, or by its name elsewhere, where it gets none there."""
    parent, _, own = base.rstrip("/").rpartition("/")
    copied = [each for each in command.place.mounts if each.files is None and not _FILE.search(each.target)]
    folders = [each.target for each in copied if not (each.source and each.source.is_file())]
    names = {each[len(parent) + 1 :].partition("/")[0] for each in folders if each.startswith(f"{parent}/")}
    beside = [name for name in names if not _NO_MODEL.search(name)]
    if parent and len(beside) == 1 and not is_unknown(beside[0]):
        return f"{parent}/{beside[0]}"
    same = {each for each in folders if each.rpartition("/")[2] == own and not is_unknown(each)}
    return same.pop() if len(same) == 1 and not names else ""


def models_beside(result: Lookup, command: Command, base: str) -> str:
    """The models in the folder that an image gets from here, where the base path belongs into it; "" for none."""
    mount = result.mount
    rest = mount.rest_of(command.place.absolute(base)) if mount is not None else None
    if mount is None or mount.source is None or not mount.source.is_dir() or not rest:
        return ""
    folder = mount.source / rest.rpartition("/")[0]
    children = sorted(folder.iterdir()) if folder.is_dir() else []
    return " and ".join(each.name for each in children if each.is_dir() and any(
        version_of(inner.name) is not None for inner in each.iterdir()))  # fmt: skip


def name_mounted(command: Command, base: str) -> str:
    """What to do where one model is mounted and the image's script is not told its name; "" otherwise."""
    if not base or {base, command.implied.get("model_base_path")} != {entrypoint_flags({})["model_base_path"]}:
        return ""
    names = [found[1] for mount in command.place.mounts if (found := re.fullmatch(r"/models/([\w.-]+)", mount.target))]
    right = len(names) == 1 and not _NO_MODEL.search(names[0])
    return f"Set the variable MODEL_NAME={names[0]}, or mount the model at {base}." if right else ""


def filled_otherwise(mount: Mount, command: Command, base: str) -> str:
    """What to do where a volume is filled by another name than the base path asks for in it; "" otherwise."""
    name = (mount.rest_of(command.place.absolute(base)) or "").partition("/")[0]
    if not name or not mount.filled or name in mount.filled:
        return ""
    there = ", ".join(f"{mount.target.rstrip('/')}/{each}" for each in sorted(mount.filled))
    return f"What the other container puts there is {there}: name that, or put the model at {base}."


def version_mounted(result: Lookup, command: Command, base: str) -> Iterator[Finding]:
    """A host's version folder mounted where the server expects the folder of versions."""
    mount = result.mount
    rest = mount.rest_of(command.place.absolute(base)) if mount is not None else None
    if mount is None or not mount.named or rest not in ("", mount.target.rpartition("/")[2]):  # the name twice
        return
    name = mount.named.rstrip("/").rpartition("/")[2]
    if version_of(name) is not None and mount.copied and rest == "":
        remedy = f"COPY puts the content of {mount.named} right into it: copy to {base.rstrip('/')}/{name}/."
        yield finding("no-version", command.path, mount.line or command.line, path=base, remedy=remedy)
    elif version_of(name) is not None and mount.source is None:
        parent = mount.named.rstrip("/").rpartition("/")[0] or "/"
        yield finding("base-path-version", command.path, mount.line or command.line, path=mount.named, parent=parent)
    if name == "Format-Serving" and mount.source is None and not command.place.built:  # as TFX's Trainer calls it
        remedy = f"{mount.named} is a SavedModel itself: mount it at {base.rstrip('/')}/1."
        yield finding("no-version", command.path, mount.line or command.line, path=base, remedy=remedy)


def check_below(command: Command, base: str, where: tuple[str, int | None]) -> Iterator[Finding]:
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


def mounted_above(result: Lookup, command: Command, base: str) -> str:
    """The folder of the model that is itself mounted where the folder above it belongs; "" for any other.

    `-v $PWD/m:/models` with the base path /models/m: nobody keeps a model in a folder of its own name twice.
    """
    mount, name = result.mount, base.rstrip("/").rpartition("/")[2]
    open_ends = command.place.built or command.managed  # more may be copied there, or fetched from a bucket
    if mount is None or mount.claim or mount.whole or mount.source is not None or open_ends or "://" in mount.named:
        return ""
    named = mount.named.rstrip("/")
    own = "/" in named and named.rpartition("/")[2] == name != mount.target.rpartition("/")[2] and not is_unknown(name)
    return named if own and mount.rest_of(command.place.absolute(base)) == name else ""
