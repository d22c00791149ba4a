"""Fixes of what has one right answer, shown as a diff before anything is written."""

from __future__ import annotations

import ast
import difflib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import yaml

from playbook.lint import mended_configs, mended_flags
from playbook.lint.joining import GONE, Lines
from playbook.lint.report import Report
from playbook.lint.rules.findings import Finding

FIXES: dict[str, Callable[[Lines, int, Finding], None]] = {**mended_flags.FIXES, **mended_configs.FIXES}
Changes = dict[Path, tuple[str, str]]  # the text before and after, by file
_ROUNDS = 6  # in which one fix shows the next: a field's name, then the form of its value
_BROKEN = ("unreadable", "config-file-broken", "not-understood")
_MARK = "\ufeff"


def settled(report: Report, again: Callable[[Mapping[Path, str]], Report]) -> Changes:
    """All changes until nothing is left to mend; `again` lints with these texts in the files' stead.

    What a change does not mend stays as it is: a finding may be told at a line that it does not come from (a chart's
    values).
    """
    changes: Changes = {}
    given_up: set[Path] = set()
    for _ in range(_ROUNDS):
        more = fixed(report, {path: after for path, (_, after) in changes.items()})
        more = {path: change for path, change in more.items() if path not in given_up}
        if not more:
            break
        after = again({path: text for path, (_, text) in (changes | more).items()})
        useless = {path for path in more if not _mends(path, report, after)}
        given_up |= useless
        more = {path: change for path, change in more.items() if path not in useless}
        changes |= {path: (changes.get(path, (before, ""))[0], text) for path, (before, text) in more.items()}
        report = again({path: text for path, (_, text) in changes.items()}) if useless else after
    return changes


def _mends(path: Path, before: Report, after: Report) -> bool:
    """True where something that was found in a file is gone, and the file still reads."""
    gone = Counter(map(_told, before.findings)) - Counter(map(_told, after.findings))
    broken = {hit.path for hit in after.findings if hit.rule in _BROKEN} - {
        hit.path for hit in before.findings if hit.rule in _BROKEN}  # fmt: skip
    here = {shown for shown, text in before.texts.items() if text.file == path}
    return not here & broken and any(_told(hit) in gone for hit in before.findings
                                     if hit.path in here and hit.rule in FIXES)  # fmt: skip


def _told(hit: Finding) -> tuple[str, str]:
    return hit.rule, hit.message


def fixed(report: Report, instead: Mapping[Path, str] | None = None) -> Changes:
    """The text before and after, by file, for files in which something with one right answer was found."""
    changes: Changes = {}
    for path, text in report.texts.items():
        hits = [hit for hit in report.findings if hit.path == path and hit.rule in FIXES and hit.line is not None]
        if text.file is None or not hits:
            continue
        before = (instead or {}).get(text.file) or _held(text.file)
        after = _mended(before, hits)
        if after != before and _reads_as_before(text.file, before, after):
            changes[text.file] = (before, after)
    return changes


def _mended(before: str, hits: list[Finding]) -> str:
    """A text without what was found in it; each line keeps the end that it has."""
    mark = _MARK if before.startswith(_MARK) else ""
    whole = before.removeprefix(mark).split("\n")
    ends = ["\r" if line.endswith("\r") else "" for line in whole]
    lines = [line.removesuffix("\r") for line in whole]
    for hit in sorted(hits, key=lambda each: -(each.line or 0)):
        place = (hit.line or 1) - 1
        if place < len(lines):
            FIXES[hit.rule](lines, place, hit)
    kept = [line.replace("\n", f"{end}\n") + end for line, end in zip(lines, ends, strict=True) if line != GONE]
    return mark + "\n".join(kept)


def _held(path: Path) -> str:
    """A file's text with its line ends; bytes of another encoding than UTF-8 go through it unharmed.

    UTF-16 does not: no pattern of a fix fits letters with zeros between them, so such a file is told of, not mended.
    """
    return path.read_bytes().decode("utf-8", "surrogateescape")


def _reads_as_before(path: Path, before: str, after: str) -> bool:
    """False where a change would break the file around it: a quote in a notebook's JSON, a bracket in a string."""
    reader = _FORMS.get(path.suffix.lower())
    return reader is None or not _reads(reader, before) or _reads(reader, after)


def _reads(reader: Callable[[str], object], text: str) -> bool:
    try:
        reader(text)
    except (ValueError, SyntaxError, yaml.YAMLError, RecursionError):
        return False
    return True


def _documents(text: str) -> object:
    return list(yaml.load_all(text, getattr(yaml, "CBaseLoader", yaml.BaseLoader)))


_FORMS: dict[str, Callable[[str], object]] = {".json": json.loads, ".ipynb": json.loads, ".py": ast.parse,
                                              ".yml": _documents, ".yaml": _documents}  # fmt: skip


def diff(changes: Changes) -> str:
    """The changes as a unified diff."""
    parts: list[str] = []
    for path, (before, after) in changes.items():
        old, new = _shown(before), _shown(after)
        shown = path.as_posix().lstrip("/")
        changed = difflib.unified_diff(old, new, f"a/{shown}", f"b/{shown}")
        parts += [line if line.endswith("\n") else line + "\n" for line in changed]
    return "".join(parts).rstrip("\n")


def _shown(text: str) -> list[str]:
    """Lines as a terminal takes them: no carriage returns, no bytes that are no letters."""
    return [line.rstrip("\r") + "\n" for line in text.encode("utf-8", "replace").decode().split("\n")]


def write(changes: Changes) -> None:
    """Put the texts after the fixes in place."""
    for path, (_, after) in changes.items():
        path.write_bytes(after.encode("utf-8", "surrogateescape"))
