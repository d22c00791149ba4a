"""The files of a folder: their texts, the model folders among them, and what was passed over and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from playbook.lint.checks.models import is_base_path, is_saved_model
from playbook.lint.forms.text import Text

SKIPPED = {".git", ".venv", "venv", "node_modules", "__pycache__", ".ipynb_checkpoints", ".tox", ".mypy_cache"}
MOST_BYTES = 5_000_000


@dataclass
class Gathered:
    """Texts by path, those that are config files, what was read, and what was passed over by reason."""

    texts: dict[Path, Text] = field(default_factory=dict)
    configs: dict[Path, str] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)
    passed: dict[str, list[str]] = field(default_factory=dict)
    folders: list[tuple[Path, str]] = field(default_factory=list)

    def pass_over(self, shown: str, reason: str) -> None:
        """Remember a file that was not read."""
        self.passed.setdefault(reason, []).append(shown)


def gather(paths: list[Path], root: Path) -> Gathered:
    """The texts of files and folders, without hidden tool folders and the inside of SavedModels."""
    gathered = Gathered()
    for path in paths:
        for file in [path] if path.is_file() else _files(path, gathered, root):
            shown = _shown(file, root)
            content = _read(file, shown, gathered)
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
    if is_base_path(root):
        gathered.folders.append((root, "." if root == top else _shown(root, top)))
    for child in sorted(root.iterdir()):
        if child.is_symlink() and child.is_dir():
            continue
        if child.is_dir() and child.name not in SKIPPED:
            if is_saved_model(child):
                yield from child.glob("batching_params.pbtxt")
            else:
                yield from _files(child, gathered, top)
        elif child.is_file():
            yield child


def _read(path: Path, shown: str, gathered: Gathered) -> str | None:
    try:
        if path.stat().st_size > MOST_BYTES:
            gathered.pass_over(shown, f"larger than {MOST_BYTES // 1_000_000} MB")
            return None
        data = path.read_bytes()
    except OSError as error:
        gathered.pass_over(shown, f"unreadable ({error.strerror})")
        return None
    if b"\0" in data[:4096]:
        gathered.pass_over(shown, "not text")
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        gathered.pass_over(shown, "not text")
        return None


def model_folders(gathered: Gathered) -> list[tuple[Path, str]]:
    """Folders that a model_base_path would name."""
    return gathered.folders
