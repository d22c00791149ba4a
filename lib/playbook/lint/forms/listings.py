"""Folders whose inside a text shows by `ls`, or names to `saved_model_cli`, which reads a model right in its folder."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from playbook.lint.forms.trees import gets_version, known, numbered

_PROMPT = r"^\s*(?:\([\w.-]+\)\s*)?(?:\S*[$%❯➜#]\s+|!|>\s*)?(?:sudo\s+)?"
_INSIDE = r"(?:.*\bexec\s.*\s|(?:-\S+\s+\S+\s+)*--\s+)?"  # of a container or a pod, whose paths are the server's
_LIST = re.compile(_PROMPT + _INSIDE + r"(?:ls|ll)(?P<words>(?:\s+[^\s|;&>]+)*)\s*$")
_CLOUDS = re.compile(
    _PROMPT + r"(?:gsutil\s+(?:-m\s+)?ls|gcloud\s+storage\s+ls|(?:aws\s+)?s3\s+ls|(?:hdfs|hadoop)\s+d?fs\s+-ls)"
    r"(?P<words>(?:\s+[^\s|;&>]+)*)\s*$"
)
_OBJECT = re.compile(r"^.*?(?P<path>[a-z0-9]+://\S+)\s*$")  # as clouds list: whole addresses, behind their size
_S3 = re.compile(r"^\s*(?:PRE|[\d-]{10}\s+[\d:]{8}\s+\d+)\s+(?P<name>\S+)\s*$")
_SHOW = re.compile(r"saved_model_cli\s+show\s+(?:-\S+\s+)*?--dir[ =]+[\"']?(?P<path>[^\s\"'|;&]+)")
_LONG = re.compile(r"^\s*[-dlrwx]{10}[.+@]?\s+\d+\s.*?(?P<name>[^\s/]+)/?\s*$")
_HEADING = re.compile(r"^\s*(?P<path>[\w./~${}-]+):\s*$")
_SHORT = re.compile(r"^\s*[\w.][\w.-]*[/*]?(?:\s+[\w.][\w.-]*[/*]?)*\s*$")
_MODEL = "saved_model.pb"


def listed_folders(content: str) -> dict[str, frozenset[str]]:
    """The folders that a text lists or shows a model in, with the names in each; none that gets a version there."""
    folders: dict[str, set[str]] = {}
    lines = content.split("\n")
    for number, line in enumerate(lines):
        if shown := _SHOW.search(line):
            folders.setdefault(shown["path"].rstrip("/"), set()).add(_MODEL)
        elif (listed := _LIST.match(line)) and len(paths := _paths(listed["words"])) <= 1:
            for path, names in _output(lines[number + 1 :], paths[0] if paths else ""):
                folders.setdefault(path.rstrip("/"), set()).update(names)
        elif (listed := _CLOUDS.match(line)) and len(paths := _paths(listed["words"])) == 1:
            path = re.sub(r"/\**$", "", paths[0])
            folders.setdefault(path, set()).update(_objects(lines[number + 1 :], path))
    return {path: frozenset(names) for path, names in folders.items() if path and not gets_version(path, content)}


def _paths(words: str) -> list[str]:
    return [word.strip("\"'") for word in words.split() if not word.startswith("-")]


def _output(lines: list[str], path: str) -> Iterator[tuple[str, set[str]]]:
    """The names that stand below an `ls`, by folder: long lines or names alone, up to what is neither."""
    names: set[str] = set()
    for line in lines:
        if heading := _HEADING.match(line):
            yield path, names
            path, names = heading["path"], set()
        elif long := _LONG.match(line):
            names.add(long["name"])
        elif _SHORT.match(line) and not re.match(r"\s*total\s+\d", line):
            names |= {name.rstrip("/*") for name in line.split()}
        elif line.strip() and not re.match(r"\s*total\s+\d", line):
            break
    yield path, names


def _objects(lines: list[str], path: str) -> Iterator[str]:
    """The names right below an address that stand below its listing, up to what is no part of it."""
    for line in lines:
        if address := _OBJECT.match(line):
            inside = address["path"].removeprefix(f"{path}/") if address["path"].startswith(f"{path}/") else ""
            yield from [inside.partition("/")[0]] if inside else ()
        elif name := _S3.match(line):
            yield name["name"].rstrip("/")
        elif line.strip():
            return


def listed_bare(folders: Mapping[str, frozenset[str]], source: str) -> str:
    """The listed folder that this path must be, where a SavedModel lies right in it; "" where none is sure."""
    return next((path for path, names in folders.items()
                 if _MODEL in names and not numbered(names) and _same(path, source.rstrip("/"))), "")  # fmt: skip


def _same(listed: str, source: str) -> bool:
    """True where two paths name one folder: both whole, or one of them by two names that the other ends in."""
    one, other = known(listed), known(source)
    whole = listed.startswith(("/", "~")) == source.startswith(("/", "~"))
    return bool(one) and (one == other if whole else len(one) > 1 and other[-len(one) :] == one)
