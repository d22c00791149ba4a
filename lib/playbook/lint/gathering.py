"""The files of a folder: their texts, the model folders among them, and what was passed over and why."""

from __future__ import annotations

import errno
import os
import select
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from playbook.lint.checks.models import is_base_path, is_saved_model
from playbook.lint.forms.letters import BOM, UTF16
from playbook.lint.forms.text import Text

SKIPPED = {".git", ".venv", "venv", "node_modules", "__pycache__", ".ipynb_checkpoints", ".tox", ".mypy_cache"}
UNREADABLE = "unreadable"  # what nobody lets lint read: an error, as nothing is known of it
NOT_UNDERSTOOD = "names the server, not understood"
NAMES_NONE = "names no server"  # why most files are passed over
MOST_BYTES = 5_000_000
_PATIENCE_S = 5
_FEW_OTHERS = 20  # one letter in that many may be of another encoding than UTF-8


@dataclass
class Gathered:
    """Texts by path, those that are config files, what was read, and what was passed over by reason."""

    texts: dict[Path, Text] = field(default_factory=dict)
    configs: dict[Path, str] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)
    passed: dict[str, list[str]] = field(default_factory=dict)
    folders: list[tuple[Path, str]] = field(default_factory=list)
    marks: dict[Path, str] = field(default_factory=dict)  # encodings that other readers stumble over
    windows: set[Path] = field(default_factory=set)  # texts whose lines end as Windows' do

    def pass_over(self, shown: str, reason: str) -> None:
        """Remember a file that was not read."""
        self.passed.setdefault(reason, []).append(shown)


def gather(paths: list[Path], root: Path, instead: Mapping[Path, str] | None = None) -> Gathered:
    """The texts of files and folders, without hidden tool folders and the inside of SavedModels.

    Files of `instead` are taken to hold the text it gives: what they would after a change.
    """
    gathered = Gathered()
    for path in paths:
        for file in _files(path, gathered, root) if path.is_dir() else [path]:
            shown = _shown(file, root)
            content = _read(file, shown, gathered, (instead or {}).get(file))
            if content is not None:
                gathered.texts[file] = Text(content, shown, 1, file)
    return gathered


def _shown(path: Path, root: Path) -> str:
    if path == root:
        return path.name
    try:
        return str(path.relative_to(root))
    except ValueError:
        return str(path.absolute().relative_to(root)) if path.absolute().is_relative_to(root) else str(path)


def _files(root: Path, gathered: Gathered, top: Path) -> Iterator[Path]:
    try:
        children = sorted(root.iterdir())
    except OSError as error:
        gathered.pass_over(_shown(root, top), f"{UNREADABLE} ({error.strerror})")
        return
    if is_base_path(root):
        gathered.folders.append((root, "." if root == top else _shown(root, top)))
    for child in children:
        if child.is_symlink() and (child.is_dir() or not _leads_somewhere(child)):
            gathered.pass_over(_shown(child, top), "a link to a folder" if child.is_dir() else "a link to nothing")
        elif child.is_dir() and child.name not in SKIPPED:
            if is_saved_model(child):
                yield from child.glob("batching_params.pbtxt")
            else:
                yield from _files(child, gathered, top)
        elif child.is_file():
            yield child
        elif not child.is_dir():
            gathered.pass_over(_shown(child, top), "no file but a pipe, a socket or a device")


def _leads_somewhere(link: Path) -> bool:
    try:
        return link.exists()
    except OSError:  # in a circle
        return False


def _read(path: Path, shown: str, gathered: Gathered, instead: str | None) -> str | None:
    try:
        if path.stat().st_size > MOST_BYTES:
            gathered.pass_over(shown, f"larger than {MOST_BYTES // 1_000_000} MB")
            return None
        data = _bytes(path) if instead is None else instead.encode("utf-8", "surrogateescape")
    except OSError as error:
        gathered.pass_over(shown, f"{UNREADABLE} ({error.strerror})")
        return None
    content, mark = decoded(data)
    if content is None:
        gathered.pass_over(shown, "not text")
        return None
    if mark:
        gathered.marks[path] = mark
    if "\r\n" in content:
        gathered.windows.add(path)
    return content.replace("\r\n", "\n")


def _bytes(path: Path) -> bytes:
    """What a file holds, or what is written into a pipe.

    Raises:
        OSError: it cannot be read, or nobody writes into the pipe.
    """
    if not stat.S_ISFIFO(path.stat().st_mode):
        return path.read_bytes()
    pipe = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a plain open would wait for a writer for ever
    with os.fdopen(pipe, "rb") as file:
        if not select.select([file], [], [], _PATIENCE_S)[0]:
            raise OSError(errno.ETIMEDOUT, f"a pipe that nobody writes into for {_PATIENCE_S} s")
        os.set_blocking(pipe, True)
        return file.read()


def decoded(data: bytes) -> tuple[str | None, str]:
    """Bytes as text, and the mark that others than lint stumble over (BOM, UTF16); None for what is no text.

    What PowerShell's `>` writes is UTF-16; a few letters of an older encoding do not keep a script from being read.
    """
    if data.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):  # UTF-32, which nobody reads
        return None, ""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or (len(data) > 3 and data[1:64:2].count(0) == len(data[1:64:2])):
        try:
            return data.decode("utf-16" if data[0] in (0xFF, 0xFE) else "utf-16-le"), UTF16
        except UnicodeDecodeError:
            return None, ""
    if b"\0" in data[:4096]:
        return None, ""
    try:
        return data.decode("utf-8-sig"), BOM if data.startswith(b"\xef\xbb\xbf") else ""
    except UnicodeDecodeError:
        others = sum(byte > 126 or byte < 9 for byte in data)
        return (data.decode("cp1252", "replace"), "") if others * _FEW_OTHERS < len(data) else (None, "")


def model_folders(gathered: Gathered) -> list[tuple[Path, str]]:
    """Folders that a model_base_path would name."""
    return gathered.folders
