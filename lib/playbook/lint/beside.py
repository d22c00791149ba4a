"""Files of a commit, read among what lies beside them: only they are told of, and what they rest on is known."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from playbook.lint.report import Report

_OF_COMMANDS = ("labels-at-start", "poll-object-store")  # a flag puts it right, and the line with it lies elsewhere


def surrounding(files: Sequence[Path]) -> tuple[Path, list[Path]]:
    """The folder that paths are shown from, and what is read: the files, those beside each, and its whole chart.

    What a commit leaves as it is gives a template its values, a pod its ConfigMap, a server its batching file.
    """
    read: dict[Path, None] = {}
    for file in files:
        chart = next((each for each in list(file.parents)[:4] if (each / "Chart.yaml").is_file()), None)
        read |= {chart: None} if chart else {}
        read |= {each: None for each in sorted((chart or file).parent.iterdir()) if each.is_file()}
    inside = [path for path in read if not any(other in path.parents for other in read)]
    here = Path.cwd()
    own = all(path.is_relative_to(here) for path in files)
    return here if own else Path(os.path.commonpath([path.parent for path in files])), inside


def only(report: Report, files: Sequence[Path]) -> Report:
    """The report without what is said of other files than these."""
    shown = {os.path.relpath(path, report.root) for path in files}
    unknown = () if report.counts["command lines"] else _OF_COMMANDS
    report.findings = [hit for hit in report.findings if hit.path in shown and hit.rule not in unknown]
    report.files = [path for path in report.files if path in shown]
    left = {reason: [each for each in passed if not _is_others(each, shown, report.root)]
            for reason, passed in report.passed.items()}  # fmt: skip
    report.passed = {reason: passed for reason, passed in left.items() if passed}
    report.texts = {path: text for path, text in report.texts.items() if path in shown}
    if not report.files and not report.findings:
        report.counts.clear()
    return report


def _is_others(entry: str, shown: set[str], root: Path | None) -> bool:
    """True for another file, or a line of one; a config file that is not here is nobody's."""
    name = next((each for each in (entry, entry.rpartition(":")[0]) if each and (Path(root or "") / each).exists()), "")
    return bool(name) and name not in shown
