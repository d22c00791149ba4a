"""The mounts of `docker run`: `-v` and `--mount`, as docker reads their values."""

from __future__ import annotations

import re
from collections.abc import Iterator

from playbook.lint.checks.command import Mount
from playbook.lint.checks.containers import bind, check_relative_source
from playbook.lint.checks.reading import Document
from playbook.lint.forms.text import Word
from playbook.lint.rules.findings import Finding, finding

_OF_HOST = re.compile(r"\$\{?PWD\b|\$\(pwd\)|%cd%|~/|\.{1,2}/|/(?:home|Users|mnt/[a-z])/|[A-Za-z]:[\\/]")

_FOLDER = (
    r"(?m)['\"`]{name}/?['\"`]\s+(?:directory|folder)\b|\b(?:directory|folder)\s+(?:called\s+|named\s+)?['\"`]{name}/?['\"`]"
    r"|^\s*(?:[$>]\s*)?mkdir\s+(?:-\w+\s+)*{name}/?\s*$"
)


def mounts_of(options: list[tuple[str, Word]], document: Document) -> Iterator[Mount]:
    """The mounts of a `docker run` line, or of a swarm's service."""
    for name, value in options:
        if name in ("-v", "--volume"):
            source, _, rest = _volume(value)
            target = re.sub(r":(ro|rw|z|Z|delegated|cached|consistent)(,\w+)*$", "", rest) or source
            yield bind(source, target, document.folder, document.around.sources, value.line)
        elif name in ("--config", "--secret"):  # of a swarm's services
            parts, folder = mount_parts(value), "/run/secrets/" if name == "--secret" else "/"
            target = parts["target"] or parts["source"] or str(value)
            yield Mount(target if target.startswith("/") else folder + target, None, line=value.line)
        elif name == "--mount":
            parts = mount_parts(value)
            if parts["source"]:
                yield bind(parts["source"], parts["target"], document.folder, document.around.sources, value.line)
            else:
                yield Mount(parts["target"].rstrip("/") or "/", None, line=value.line)


def meant_as_folder(source: str, document: Document) -> bool:
    """True for a volume's name that the same text calls a folder, makes or saves a model into, and never as a volume.

    docker makes an empty volume of it.
    """
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]+", source):
        return False
    sources, name = document.around.sources, re.escape(source)
    whole = sources.texts[document.text.file].content if document.text.file in sources.texts else document.text.content
    if re.search(rf"\bvolume\s+(create|rm|ls|inspect|named|called)\b.*\b{name}\b", whole):
        return False
    made = _FOLDER.format(name=name)
    drawn = {path.removeprefix("./") for path in sources.drawn.get(document.text.path, {})}
    return bool(re.search(made, whole)) or source in drawn or source in sources.saved.get(document.text.path, {})


def mount_parts(value: str) -> dict[str, str]:
    """Source and target of a `--mount` value, under whichever of their names they are given; "" where absent."""
    parts = dict(part.split("=", 1) for part in value.split(",") if "=" in part)
    target = parts.get("target") or parts.get("destination") or parts.get("dst") or ""
    return {"source": parts.get("source") or parts.get("src") or "", "target": target}


def split_source(word: Word) -> bool:
    """True for a part of a `--mount` value that a blank made a word of its own."""
    return bool(re.match(r"(source|src|target|destination|dst)=", word))


def check_bound(value: Word, shown: str) -> Iterator[Finding]:
    """Findings on the source of a bind mount."""
    bound = mount_parts(value)
    if bound["target"]:  # or else docker refuses it for that, which is said
        yield from check_relative_source(bound["source"], bound["target"], shown, value.line, bind=True)


def check_volumes(options: list[tuple[str, Word]], shown: str) -> Iterator[Finding]:
    """Findings of `-v` with a folder of the host's alone: a path by itself is a volume's place in the container."""
    for name, value in options:
        if name in ("-v", "--volume") and _OF_HOST.match(value) and ":" not in value[3:]:
            yield finding("volume-without-target", shown, value.line, value=str(value))


def _volume(value: str) -> tuple[str, str, str]:
    drive = re.match(r"^([A-Za-z]:[^:]*(?=:/)|\$\{[^}]*\}[^:]*|\$\([^)]*\)[^:]*):(.*)$", value)
    return (drive[1], ":", drive[2]) if drive else value.partition(":")
