"""`playbook lint`: what TensorFlow Serving would accept in silence and get wrong, in flags or in a folder of files."""

from __future__ import annotations

import os
import re
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from playbook.errors import ParameterError
from playbook.lint.checks.asked import check_requests
from playbook.lint.checks.base_paths import check_served, serving_of, started_otherwise
from playbook.lint.checks.command import BINARY, PACKAGE, Command
from playbook.lint.checks.config_kinds import kind_of
from playbook.lint.checks.configs import check_config, served_metrics_path
from playbook.lint.checks.containers import check_published
from playbook.lint.checks.flags import check_command
from playbook.lint.checks.image_tags import without_made
from playbook.lint.checks.launch import Start, launch
from playbook.lint.checks.lookup import Sources, meant_files, named_files
from playbook.lint.checks.models import check_base_path, meant_as_base_path
from playbook.lint.checks.mounted_models import check_mounted
from playbook.lint.checks.own_images import said_once
from playbook.lint.checks.reading import Document, Reading, Surroundings
from playbook.lint.checks.schema import KINDS
from playbook.lint.checks.warmup_paths import check_warmup_paths
from playbook.lint.files import NAMES_NONE, readers, surroundings
from playbook.lint.forms.letters import DASHES
from playbook.lint.forms.text import UNKNOWN, Text, Word, line_of
from playbook.lint.gathering import Gathered, gather, model_folders
from playbook.lint.readers.charts import led_back
from playbook.lint.readers.pods import Pod
from playbook.lint.readers.routes import check_nginx
from playbook.lint.readers.scripts import read_script
from playbook.lint.readers.yaml_files import check_together
from playbook.lint.rules.findings import SEVERITIES, Finding

_POLL = "file_system_poll_wait_seconds"
# words that stand for flags which are not here: `$@`, `$FLAGS`, `--$NAME=$VALUE`
_OPEN = re.compile(r"\$[@*]|\$\{[@*]\}|\$…|\$\{?\w+(\[[@*]\])?\}?|--[\w-]*\$[^=]*(=.*)?", re.DOTALL)
_SAID = ("config-file-missing", "config-file-not-copied", "configmap-key-missing")  # a config file that is not there
_EARLY = "allow_version_labels_for_unavailable_models"


@dataclass
class Report:
    """What lint found, and what that rests on: parts read by kind, files read, and files passed over by reason."""

    findings: list[Finding]
    counts: Counter[str] = field(default_factory=Counter)
    files: list[str] = field(default_factory=list)
    passed: dict[str, list[str]] = field(default_factory=dict)
    texts: dict[str, Text] = field(default_factory=dict)

    @property
    def read_something(self) -> bool:
        """False when nothing that concerns a server was understood."""
        return sum(self.counts.values()) > 0


def lint(target: str | Path | Sequence[str], cpus: int | None = None) -> list[Finding]:
    """Findings in a path (file or folder) or in a list of flags, worst first; see `examine`."""
    return examine(target, cpus).findings


def examine(target: str | Path | Sequence[str], cpus: int | None = None) -> Report:
    """Read a path, several paths, a list of flags or a command line, and say what was found and what was read.

    Args:
        target: a path, a string of flags, or a list of paths or of flags.
        cpus: CPUs the server may be scheduled on, where the target does not say; None skips rules on defaults.

    Raises:
        ParameterError: neither existing paths nor flags.
    """
    given = [str(target)] if isinstance(target, (str, Path)) else [str(word) for word in target]
    words = _split(given)
    if given and all(_exists(word) for word in given):
        report = _examine_paths([Path(word) for word in given], cpus)
    elif words and words[0].startswith(("-", *DASHES)):
        report = _examine_flags(words, cpus, len(given) == 1 < len(words))
    elif any(BINARY in word or PACKAGE in word for word in words) or words[1:2] == ["run"]:
        report = _examine_line(" ".join(given), cpus, len(given) == 1)
    else:
        raise ParameterError(
            f"Nothing to lint at {' '.join(given) or '(nothing)'}: expected existing files or folders, or flags that "
            "begin with --."
        )
    unique = dict.fromkeys(report.findings)
    report.findings = sorted(unique, key=lambda hit: (SEVERITIES.index(hit.severity), hit.path, hit.line or 0))
    return report


def _exists(word: str) -> bool:
    try:
        return Path(word).exists()
    except OSError:
        return False


def _split(given: Sequence[str]) -> list[str]:
    """Flags that came as one quoted string are several words."""
    if len(given) != 1:
        return list(given)
    try:
        return shlex.split(given[0]) if " " in given[0] else list(given)
    except ValueError as error:
        raise ParameterError(f"The flags cannot be split into words ({error}): {given[0]}") from error


def _examine_flags(words: Sequence[str], cpus: int | None, pasted: bool) -> Report:
    reading = launch(Start("command line", None, "", [Word(BINARY)], [Word(word) for word in words], cpus=cpus))
    reading.commands = [replace(command, pasted=pasted) for command in reading.commands]
    return _judge(reading, surroundings(Sources(Path())), Gathered(), set())


def _examine_line(line: str, cpus: int | None, pasted: bool) -> Report:
    around = surroundings(Sources(Path()), cpus)
    reading = read_script(Document(Text(line, "command line"), around))
    reading.commands = [replace(command, cpus=command.cpus or cpus, pasted=pasted) for command in reading.commands]
    return _judge(reading, around, Gathered(), set())


def _examine_paths(paths: list[Path], cpus: int | None) -> Report:
    root = paths[0] if len(paths) == 1 else Path(os.path.commonpath([path.absolute() for path in paths]))
    gathered = gather(paths, root)
    sources = Sources(root if root.is_dir() else root.parent, gathered.texts)
    around = surroundings(sources, cpus)
    for path, text in gathered.texts.items():
        if path.suffix not in (".md", ".py") and kind_of(text.content) == "monitoring_config_file":
            around.served = served_metrics_path(text) or around.served
    pods: list[Pod] = []
    objects: list[tuple[Any, str]] = []
    reading = readers(gathered, around, pods, objects)
    reading.findings += check_together(objects, pods, around.served)
    reading.findings += check_nginx(gathered.texts.values(), objects, pods)
    report = _judge(reading, around, gathered, set())
    return report


def _judge(reading: Reading, around: Surroundings, gathered: Gathered, checked: set[Path]) -> Report:
    """Check all that was read, and put the report together."""
    sources = around.sources
    report = Report(reading.findings, reading.counts, gathered.read, gathered.passed)
    judged: list[tuple[Command, dict[str, Text]]] = []
    said: list[tuple[Command, list[Finding]]] = []
    named: set[Text] = set()
    for each in reading.commands:
        before = len(report.findings)
        command, hits = check_command(each if each.cpus else replace(each, cpus=around.cpus))
        report.findings += [*hits, *check_published(command), *check_mounted(command)]
        report.counts["flags"] += len(command.given)
        if any(_OPEN.fullmatch(word) for word in command.words):
            place = f"{command.path}:{command.line}" if command.line else command.path
            report.passed.setdefault("flags that are filled in elsewhere", []).append(place)
        files: dict[str, Text] = {}
        for flag, result in named_files(command, sources):
            if isinstance(result, Finding):
                report.findings.append(result)
            else:
                files[flag] = result
                named.add(result)
                report.findings += check_config(flag, result, command)
        _not_here(command, files, report)
        for flag, text in meant_files(command, sources):
            named.add(text)
            report.findings += check_config(flag, text, None)
        if not started_otherwise(command, reading.commands):
            report.findings += check_served(command, sources, files, checked)
        judged.append((command, files))
        report.findings[before:] = _at_their_words(report.findings[before:], command)
        said.append((command, report.findings[before:]))
    report.findings = list(said_once(report.findings, said))
    for text in gathered.texts.values():
        own = [command for command, _ in judged if command.path == text.path]
        report.findings += [*check_requests(text, own), *check_warmup_paths(text)]
    report.findings = without_made(report.findings, gathered.texts.values())
    _loose(reading, gathered, named, judged, report)
    _models(gathered, judged, checked, report)
    report.counts["config files"] += len(named)
    _read_after_all(report, named, sources)
    report.findings = [hit for hit in report.findings if hit.line in around.added.get(hit.path, (hit.line,))]
    report.findings = led_back(report.findings, around)
    report.texts = {text.path: text for text in gathered.texts.values()}
    return report


def _at_their_words(hits: list[Finding], command: Command) -> list[Finding]:
    """Findings on words that stand in another file than the command line (a service that is extended) stand there."""
    words = [*command.words, *command.published, *command.implied.values()]
    own = {line_of(word) for word in words if not getattr(word, "path", "")}
    others = {line_of(word): path for word in words if (path := getattr(word, "path", ""))}
    moved = {line: path for line, path in others.items() if line not in own}
    return [replace(hit, path=moved.get(hit.line, hit.path)) if hit.path == command.path else hit for hit in hits]


def _not_here(command: Command, files: dict[str, Text], report: Report) -> None:
    """Tell of the config files that a command line names, and that nobody could read."""
    told = report.passed.setdefault("config files that are not here", [])
    for path in (command.text(flag) for flag in KINDS if flag not in files and command.text(flag)):
        name = "one whose name is filled in elsewhere" if UNKNOWN in path else path
        if name not in told and not any(hit.rule in _SAID and path in hit.message for hit in report.findings):
            told.append(name)


def _read_after_all(report: Report, named: set[Text], sources: Sources) -> None:
    """A file that a flag names, or another text (`env_file`), was read as what it is to be, whatever its look said."""
    paths = {text.path for text in named} | sources.known
    report.findings = [hit for hit in report.findings if hit.rule != "not-understood" or hit.path not in paths]
    beside = [path for path in report.passed.get(NAMES_NONE, ()) if path in sources.asked | paths]
    report.files += beside
    paths |= set(beside)
    left = {reason: [path for path in passed if path not in paths] for reason, passed in report.passed.items()}
    report.passed = {reason: passed for reason, passed in left.items() if passed}


def _loose(
    reading: Reading,
    gathered: Gathered,
    named: set[Text],
    judged: list[tuple[Command, dict[str, Text]]],
    report: Report,
) -> None:
    """Config texts that no command line names."""
    loose = [(flag, text) for flag, text in reading.configs if text not in named]
    loose += [
        (flag, gathered.texts[path]) for path, flag in gathered.configs.items() if gathered.texts[path] not in named
    ]
    early = {name: "true" for name in (_EARLY,) if any(command.on(name) for command, _ in judged)}
    polls = {command.given[_POLL] for command, _ in judged if _POLL in command.given}
    early |= {_POLL: min(polls)} if len(polls) == 1 else {}
    about = Command((), given=early) if early else None  # which command line reads it is not known
    for flag, text in dict.fromkeys(loose):
        report.findings += check_config(flag, text, about if flag == "model_config_file" else None)
        report.counts["config files"] += 1


def _models(
    gathered: Gathered, judged: list[tuple[Command, dict[str, Text]]], checked: set[Path], report: Report
) -> None:
    """Base paths in the folder that no command line led to; several command lines are judged together."""
    servings = [serving_of(command, files.get("batching_parameters_file")) for command, files in judged]
    limits = [each.limit for each in servings if each.limit is not None]
    together = serving_of(Command(()), None)
    together = replace(together, per_model=any(each.per_model for each in servings), limit=min(limits, default=None),
                       padding=any(each.padding for each in servings),
                       warmup=not servings or any(each.warmup for each in servings))  # fmt: skip
    if servings and all(each.tags == servings[0].tags for each in servings):
        together = replace(together, tags=servings[0].tags)
    for folder, shown in model_folders(gathered):
        report.counts["model folders"] += 1
        if folder.resolve() not in checked and meant_as_base_path(folder):
            report.findings += check_base_path(folder, shown, together)
    for folder in checked:
        if all(folder != each.resolve() for each, _ in model_folders(gathered)):
            report.counts["model folders"] += 1
