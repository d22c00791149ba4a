"""Where the files and folders lie that a command line names: on this machine, or in the container it runs in."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from playbook.lint.checks.command import Command, Mount, Place
from playbook.lint.checks.config_kinds import kind_of
from playbook.lint.forms.text import Text, is_unknown

_AS_FILE = "Mount the one file by subPath, or the volume at {folder}."
_TOUCH = re.compile(r"(?m)^.*\btouch\s.*$")  # a command that makes empty files
_VARIABLE = re.compile(r"\$(?:\w+|\{\w+\})")


def _bare(name: str) -> str:
    """`${NAME}` as `$NAME`, any other name as it is."""
    return name.replace("{", "").replace("}", "") if _VARIABLE.fullmatch(name) else name


@dataclass
class Sources:
    """The texts that lint reads, by path. `root` is what was asked for."""

    root: Path
    texts: dict[Path, Text] = field(default_factory=dict)
    extra: list[tuple[str, Text]] = field(default_factory=list)  # files that scripts write: name, text
    shown: list[tuple[str, Text]] = field(default_factory=list)  # config files that documents show, by the name told
    known: set[str] = field(default_factory=set)  # texts here that another text made understood
    asked: set[str] = field(default_factory=set)  # texts here that others were read by, as they are shown
    drawn: dict[str, dict[str, frozenset[str]]] = field(default_factory=dict)  # folders that documents draw as trees
    listed: dict[str, dict[str, frozenset[str]]] = field(default_factory=dict)  # folders that documents list by `ls`
    saved: dict[str, dict[str, str]] = field(default_factory=dict)  # see saved_models
    exported: dict[str, frozenset[str]] = field(default_factory=dict)  # folders that programs save versions into
    kept: dict[str, dict[str, tuple[str, int]]] = field(default_factory=dict)  # see saved_models.saved_files
    _resolved: dict[Path, Path] = field(default_factory=dict)

    def file(self, path: Path) -> Text | None:
        """The text of a file, None where it is none here."""
        if path in self.texts:
            self.asked.add(self.texts[path].path)
            return self.texts[path]
        if not self._resolved:
            self._resolved = {key.resolve(): key for key in self.texts}
        if path.is_file() and path.resolve() in self._resolved:
            self.asked.add(self.texts[self._resolved[path.resolve()]].path)
            return self.texts[self._resolved[path.resolve()]]
        try:
            return Text(path.read_text(), str(path), 1, path) if path.is_file() else None
        except (OSError, UnicodeDecodeError):
            return None

    def written(self, path: str) -> Text | None:
        """The text that a script here writes into a file of this name."""
        name = _bare(path.rpartition("/")[2])
        return next((text for written, text in self.extra if _bare(written) == name), None)

    def written_otherwise(self, path: str, flag: str, shown: str) -> str:
        """The name under which a text writes the one file of this kind, where it says this path once alone; or ""."""
        name = path.rpartition("/")[2]
        names = {each for each, text in self.extra if text.path == shown and kind_of(text.content) == flag}
        content = next((text.content for text in self.texts.values() if text.path == shown), "")
        content = _TOUCH.sub("", content)
        once = len(re.findall(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", content)) == 1
        return names.pop() if len(names) == 1 and name and once and not is_unknown(path) else ""

    def touched(self, path: str, shown: str) -> bool:
        """True where a text makes an empty file of this name."""
        name = re.escape(path.rpartition("/")[2])
        content = next((text.content for text in self.texts.values() if text.path == shown), "")
        return any(re.search(rf"(?<![\w.-]){name}(?![\w-])", line) for line in _TOUCH.findall(content))

    def same_name(self, path: str, flag: str, shown: str) -> Text | None:
        """A text here of the same name as the file a flag names, of the right kind; of any, where the text that is
        `shown` writes it itself."""
        name = path.rpartition("/")[2]
        if not name or is_unknown(name):
            return None
        candidates = [text for file, text in sorted(self.texts.items()) if file.name == name]
        candidates += [text for written, text in [*self.extra, *self.shown] if written == name]
        right = [text for text in candidates if kind_of(text.content) == flag]
        own = [text for written, text in self.extra if written == name and text.path == shown]
        return next(iter(right or [text for text in candidates if kind_of(text.content) is None] or own), None)


@dataclass(frozen=True)
class Lookup:
    """What was learnt of a path: a text, a folder, or that it is certainly missing, and where."""

    text: Text | None = None
    folder: Path | None = None
    missing: str = ""
    remedy: str = "Write it, or mount it."
    mount: Mount | None = None
    elsewhere: bool = False  # likely meant for another machine


_HERE = re.compile(r"(?:\$PWD|\$\{PWD\}|\$\(pwd\))/")


def from_here(path: str, command: Command) -> str:
    """`$PWD/...` of a script as the folder beside it, where that is here."""
    folder, begun = command.place.folder, _HERE.match(path)
    if begun is None or folder is None or command.place.container or command.in_prose:
        return path
    here = folder / path[begun.end() :]
    return f"{here.resolve()}/" if here.is_dir() else path  # the slash: findings name it as seen from the text


def look_up(command: Command, sources: Sources, path: str) -> Lookup:
    """Find what a command line's path means to the process."""
    if not path or is_unknown(path) or "://" in path:
        return Lookup()
    if not command.place.container:
        return _on_host(command, sources, Path(path))
    absolute = command.place.absolute(path)
    if is_unknown(absolute):
        return Lookup()  # in a working folder that is not known
    for mount, rest in command.place.over(absolute):
        if mount.files == {} and not mount.config_map and command.place.below(absolute):
            return Lookup(mount=mount)
        return _in_mount(mount, rest, sources, command)
    if (meant := _of_host(command, absolute)) is not None:
        return meant
    below = command.place.below(absolute)
    if not command.place.closed or command.place.hidden_mounts or below:
        return Lookup()
    begin = command.place.workdir or "/"
    relative = "" if path.startswith("/") else f" (a relative path begins at {begin} there, so it means {absolute})"
    remedy = f"Mount it at {absolute}; {_given(command.place)}."
    return Lookup(missing=f"in the container{relative}", remedy=remedy)


def _given(place: Place) -> str:
    """What a container gets, as a remedy tells it."""
    mounted, copied = (", ".join(each.target for each in place.mounts if each.copied is own) for own in (False, True))
    told = [f"{how} {targets}" for how, targets in (("mounted are", mounted), ("copied are", copied)) if targets]
    return " and ".join(told) or "nothing is mounted"


def _of_host(command: Command, path: str) -> Lookup | None:
    """What a path is that names a mounted folder as the host does; None for another."""
    for mount in command.place.mounts:
        source = mount.named.rstrip("/")
        beside = re.fullmatch(r"(?:\./|\$PWD/|\$\{PWD\}/)([\w.-]+)", source)
        source = f"/{beside[1]}" if beside and mount.target.count("/") == 1 else source
        if source.startswith("/") and source != mount.target and path.startswith(f"{source}/"):
            inside = f"{mount.target.rstrip('/')}{path[len(source) :]}"
            remedy = f"That is the host's path: in the container it is {inside}."
            return Lookup(missing="in the container", remedy=remedy)
    return None


def _on_host(command: Command, sources: Sources, path: Path) -> Lookup:
    bases = [Path(), command.place.folder, sources.root] if not path.is_absolute() else [Path()]
    for base in bases:
        candidate = base / path if base is not None else path
        if (text := sources.file(candidate)) is not None:
            return Lookup(text=text)
        if candidate.is_dir() and (command.path == "command line" or not path.is_absolute() or len(path.parts) > 2):
            return Lookup(folder=candidate)  # /tmp and the like are on every machine
    if command.path != "command line":
        return Lookup()
    return Lookup(missing="there", elsewhere=path.is_absolute() and not _is_here(path))


def _is_here(path: Path) -> bool:
    """False where a path is likely to be meant for another machine: nothing of it but a top folder is here."""
    return any(len(parent.parts) > 2 and parent.is_dir() for parent in path.parents)


def _in_mount(mount: Mount, rest: str, sources: Sources, command: Command) -> Lookup:
    if mount.files is not None:
        if rest in mount.files:
            return Lookup(text=mount.files[rest], mount=mount)
        if not rest and mount.files:
            return Lookup(mount=mount)
        if not mount.files and not mount.config_map:
            remedy = "Fill it in an init container, or mount a volume that holds it."
            return Lookup(missing=f"in the empty volume at {mount.target}", remedy=remedy, mount=mount)
        keys = ", ".join(sorted(mount.files)) or "none"
        return Lookup(missing=f"in ConfigMap {mount.config_map}", remedy=f"Its keys are {keys}.", mount=mount)
    if mount.source is None:
        return Lookup(mount=mount)
    path = mount.source / rest if rest else mount.source
    if path.is_dir():
        return Lookup(folder=path, mount=mount)
    if (text := sources.file(path)) is not None:
        return Lookup(text=text, mount=mount)
    left_out = command.place.built and not (mount.source / rest.partition("/")[0]).exists()  # of a text shown in part
    if left_out and mount.source == command.place.folder and "/" in rest:
        return Lookup(mount=mount)
    if mount.source.is_dir() and rest and not (command.in_prose and re.match(r"\$\{?PWD", mount.named)):
        return Lookup(missing=f"in the mounted folder {mount.named or mount.source}", mount=mount,
                      remedy=f"Put it there as {rest}, or correct the path.")  # fmt: skip
    return Lookup(mount=mount)
