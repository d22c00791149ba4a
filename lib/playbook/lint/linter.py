"""`playbook lint`: what TensorFlow Serving would accept in silence and get wrong, in flags or in a folder of files."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from playbook.errors import ParameterError
from playbook.lint.checks.command import BINARY, PACKAGE
from playbook.lint.checks.launch import Start, launch
from playbook.lint.checks.lookup import Sources
from playbook.lint.checks.reading import Surroundings
from playbook.lint.forms.letters import DASHES
from playbook.lint.forms.text import Word
from playbook.lint.gathering import Gathered
from playbook.lint.judging import judge
from playbook.lint.report import Report
from playbook.lint.rules.findings import SEVERITIES, Finding


def lint(target: str | Path | Sequence[str], cpus: int | None = None) -> list[Finding]:
    """Findings in a path (file or folder) or in a list of flags, worst first; see `examine`."""
    return examine(target, cpus).findings


def examine(
    target: str | Path | Sequence[str],
    cpus: int | None = None,
    instead: Mapping[Path, str] | None = None,
    beside: bool = False,
) -> Report:
    """Read a path, several paths, a list of flags or a command line, and say what was found and what was read.

    Args:
        target: a path, a string of flags, or a list of paths or of flags.
        cpus: CPUs the server may be scheduled on, where the target does not say; None skips rules on defaults.
        instead: texts that files are taken to hold, whatever they hold now.
        beside: read what lies beside named files too, and tell of those named alone.

    Raises:
        ParameterError: neither existing paths nor flags.
    """
    given = [str(target)] if isinstance(target, (str, Path)) else [str(word) for word in target]
    words = _split(given)
    if given and all(_exists(word) for word in given):
        from playbook.lint import texts  # flags need none of the readers, which take as long to import as all else

        paths = [Path(word) for word in given]
        alone = beside and not any(path.is_dir() for path in paths)
        report = (texts.examine_beside if alone else texts.examine_paths)(paths, cpus, instead)
    elif words and words[0].startswith(("-", *DASHES)):
        report = _examine_flags(words, cpus, len(given) == 1 < len(words))
    elif any(BINARY in word or PACKAGE in word for word in words) or words[1:2] == ["run"]:
        from playbook.lint import texts

        report = texts.examine_line(" ".join(given), cpus, len(given) == 1)
    else:
        missing = [word or "''" for word in given if not _exists(word)]
        raise ParameterError(
            f"Nothing to lint at {' '.join(missing) or '(nothing)'}: expected existing files or folders, or flags that "
            "begin with --."
        )
    unique = dict.fromkeys(report.findings)
    report.findings = sorted(unique, key=lambda hit: (SEVERITIES.index(hit.severity), hit.path, hit.line or 0))
    return report


def _exists(word: str) -> bool:
    try:
        return bool(word) and Path(word).exists()  # "" is what a shell makes of a variable that is not set
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
    return judge(reading, Surroundings(Sources(Path())), Gathered(), set())
