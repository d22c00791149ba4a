"""`playbook lint`: what TensorFlow Serving would accept in silence and get wrong, in flags or in a folder of files."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from playbook.errors import ParameterError
from playbook.lint.batching import limit_of
from playbook.lint.configs import (
    check_loose_file,
    check_named_files,
    kind_of,
    served_metrics_path,
)
from playbook.lint.dockerfile import check_cmd_form, check_dockerfile
from playbook.lint.flags import Command, check_command
from playbook.lint.models import check_base_path, is_base_path, is_saved_model
from playbook.lint.rules import SEVERITIES, Finding
from playbook.lint.scripts import check_script
from playbook.lint.yaml_files import check_yaml
from playbook.monitor.scrape import METRICS_PATH

_SKIPPED = {".git", ".venv", "venv", "node_modules", "__pycache__", ".ipynb_checkpoints"}
_MAX_BYTES = 1_000_000
_PROTO_SUFFIXES = (".pbtxt", ".config", ".conf", ".txt", ".cfg", ".proto", ".textproto")


def lint(target: str | Path | Sequence[str], cpus: int | None = None) -> list[Finding]:
    """Findings in a path (file or folder) or in a list of flags, worst first.

    Args:
        target: a path, a string of flags, or a list that is one path or the flags themselves.
        cpus: CPUs the server may be scheduled on, where the target does not say; None skips rules on defaults.

    Raises:
        ParameterError: neither an existing path nor flags.
    """
    words = shlex.split(target) if isinstance(target, str) and target.startswith("-") else target
    if isinstance(words, (str, Path)):
        words = [str(words)]
    words = [str(word) for word in words]
    if len(words) == 1 and Path(words[0]).exists():
        found = _lint_path(Path(words[0]), cpus)
    elif words and words[0].startswith("-"):
        found = _lint_flags(words, cpus)
    else:
        raise ParameterError(
            f"Nothing to lint at {' '.join(words) or '(nothing)'}: expected an existing file or folder, or flags that "
            "begin with --."
        )
    unique = dict.fromkeys(found)
    return sorted(unique, key=lambda hit: (SEVERITIES.index(hit.severity), hit.path, hit.line or 0))


def _lint_flags(words: Sequence[str], cpus: int | None) -> list[Finding]:
    command, found = check_command(Command(words, cpus=cpus))
    here = lambda named: Path(named) if Path(named).is_file() else None  # noqa: E731
    found += check_named_files(command, here, str, must_exist=True)
    base = Path(command.text("model_base_path"))
    if command.text("model_base_path") and base.is_absolute() and base.is_dir():
        per_model = command.on("enable_per_model_batching_parameters")
        found += check_base_path(base, str(base), per_model, _largest_request(command, here))
    return found


def _largest_request(command: Command, resolve: Callable[[str], Path | None]) -> int | None:
    """Rows that batching lets into one request; None while it is off or its file is not here."""
    named = command.text("batching_parameters_file")
    path = resolve(named) if named and command.on("enable_batching") else None
    return limit_of(path) if path else None


def _lint_path(root: Path, cpus: int | None) -> list[Finding]:
    files = [root] if root.is_file() else list(_files(root))
    show = lambda path: str(path.relative_to(root)) if path != root else path.name  # noqa: E731
    texts = {path: _read(path) for path in files}
    texts = {path: text for path, text in texts.items() if text is not None}
    served = [where for path in texts if path.suffix in _PROTO_SUFFIXES and (where := served_metrics_path(path))]
    commands: list[Command] = []
    found: list[Finding] = []
    for path, text in texts.items():
        more, hits = _file(path, text, show(path), served[0] if served else METRICS_PATH)
        commands += more
        found += hits
    named: set[Path] = set()
    read = []
    for command in commands:
        command, hits = check_command(command if command.cpus else _with_cpus(command, cpus))
        read.append(command)
        found += hits
        found += check_named_files(command, lambda name: _resolve(name, texts, named), show, must_exist=False)
    for path in texts.keys() - named:
        if path.suffix in _PROTO_SUFFIXES and "batching_params" not in path.name:
            found += check_loose_file(path, show(path))
    return found + list(_models(root, read, lambda name: _resolve(name, texts, named)))


def _with_cpus(command: Command, cpus: int | None) -> Command:
    return Command(command.words, command.path, command.line, cpus, command.cpu_limit, command.by_entrypoint)


def _file(path: Path, text: str, shown: str, served: str) -> tuple[list[Command], list[Finding]]:
    if path.name.startswith("Dockerfile") or path.suffix == ".dockerfile":
        commands, found = check_dockerfile(text, shown)
        return commands, found + list(check_cmd_form(text, shown))
    if path.suffix in (".yml", ".yaml"):
        return check_yaml(text, shown, served)
    if path.suffix in (".sh", ".bash", ".service", ".py", ".ipynb"):
        return check_script(text, shown, shell=path.suffix in (".sh", ".bash", ".service"))
    return [], []


def _files(root: Path) -> Iterator[Path]:
    """Files below `root`, without hidden tool folders and without the inside of SavedModels."""
    for child in sorted(root.iterdir()):
        if child.is_dir() and child.name not in _SKIPPED and not child.is_symlink():
            if is_saved_model(child):
                yield from child.glob("batching_params.pbtxt")
            else:
                yield from _files(child)
        elif child.is_file():
            yield child


def _read(path: Path) -> str | None:
    if path.stat().st_size > _MAX_BYTES:
        return None
    try:
        return path.read_text()
    except (UnicodeDecodeError, OSError):
        return None


def _resolve(name: str, texts: dict[Path, str], named: set[Path]) -> Path | None:
    """The file a flag names: at its path, or under the same name in the folder (mounts change the rest)."""
    path = Path(name)
    if path in texts or (path.is_absolute() and path.is_file()):
        named.add(path)
        return path
    same = sorted(candidate for candidate in texts if candidate.name == path.name)
    same = [candidate for candidate in same if kind_of(texts[candidate])] or same
    named.update(same[:1])
    return same[0] if same else None


def _models(root: Path, commands: list[Command], resolve: Callable[[str], Path | None]) -> Iterator[Finding]:
    per_model = any(command.on("enable_per_model_batching_parameters") for command in commands)
    limits = [limit for command in commands if (limit := _largest_request(command, resolve)) is not None]
    for folder in [root, *_folders(root)] if root.is_dir() else []:
        if is_base_path(folder):
            shown = "." if folder == root else str(folder.relative_to(root))
            yield from check_base_path(folder, shown, per_model, min(limits, default=None))


def _folders(root: Path) -> Iterator[Path]:
    for child in sorted(root.iterdir()):
        if child.is_dir() and child.name not in _SKIPPED and not child.is_symlink() and not is_saved_model(child):
            yield child
            yield from _folders(child)
