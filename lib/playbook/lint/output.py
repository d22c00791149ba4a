"""Lint's findings as text for people and JSON for programs; and the exit code they ask for."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from playbook.errors import ParameterError
from playbook.lint.report import Report
from playbook.lint.rules.findings import SEVERITIES, Finding

_MOST_NAMES = 4
NOTHING_READ = 3


def exit_code(findings: Sequence[Finding] | Report) -> int:
    """0 read and clean (notes aside), 1 with warnings, 2 with errors, 3 where nothing was read."""
    report = findings if isinstance(findings, Report) else None
    hits = findings.findings if isinstance(findings, Report) else findings
    met = {finding.severity for finding in hits}
    if "error" in met:
        return 2
    if "warning" in met:
        return 1
    return NOTHING_READ if report is not None and not report.read_something else 0


def render(findings: Sequence[Finding] | Report, format: str = "text") -> str:
    """The findings as `text`, `json` or `sarif`.

    Raises:
        ParameterError: another format.
    """
    forms = {"text": as_text, "json": as_json, "sarif": as_sarif}
    if format not in forms:
        raise ParameterError(f"No format {format!r}: it must be one of {', '.join(forms)}.")
    return forms[format](findings)


def _hits(findings: Sequence[Finding] | Report) -> Sequence[Finding]:
    return findings.findings if isinstance(findings, Report) else findings


def as_text(findings: Sequence[Finding] | Report) -> str:
    """One paragraph a finding: place, severity, rule, message; then the remedy and the source.

    Ends in a count and, for a report, in what was read and what was passed over.
    """
    lines, hits = [], _hits(findings)
    for hit in hits:
        place = _on_a_line(hit.path) if hit.line is None else f"{_on_a_line(hit.path)}:{hit.line}"
        lines += [f"{place}: {hit.severity} [{hit.rule}] {_on_a_line(hit.message)}",
                  f"    {_on_a_line(hit.remedy)} ({hit.source})"]  # fmt: skip
    counts = Counter(hit.severity for hit in hits)
    total = ", ".join(_plural(counts[name], name) for name in SEVERITIES if counts[name])
    if not isinstance(findings, Report):
        return "\n".join([*lines, f"{total}." if total else "Nothing found."])
    if findings.read_something:
        lines.append(f"{total}." if total else "Nothing found.")
    elif total:
        lines.append(f"{total}.")
    return "\n".join([*lines, what_was_read(findings)])


def _plural(count: int, name: str) -> str:
    return f"{count} {name[:-1] if count == 1 and name.endswith('s') else name}" if name.endswith("s") else (
        f"{count} {name}{'s' * (count != 1)}")  # fmt: skip


def what_was_read(report: Report) -> str:
    """The last line: what was understood, and what was passed over with the reason."""
    parts = [_plural(count, name) for name, count in report.counts.items() if count]
    files = f" in {_plural(len(report.files), 'files')}" if report.files else ""
    told = any(hit.rule not in ("unreadable", "not-understood") for hit in report.findings)
    nothing = "Nothing else was read." if told else "Nothing was read."
    read = f"Read: {', '.join(parts)}{files}." if parts else nothing
    passed = "; ".join(f"{reason}: {_names(names)}" for reason, names in report.passed.items())
    return f"{read} Passed over: {passed}." if passed else read


def _on_a_line(text: str) -> str:
    """A text without line ends and without what a terminal obeys or cannot write."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def _names(names: list[str]) -> str:
    shown = ", ".join(map(_on_a_line, names[:_MOST_NAMES]))
    return f"{shown} and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else shown


def as_json(findings: Sequence[Finding] | Report) -> str:
    """A list of objects with the fields of Finding; for a report an object with what was read beside it."""
    hits = [asdict(hit) for hit in _hits(findings)]
    if not isinstance(findings, Report):
        return json.dumps(hits, indent=2)
    read = {"counts": dict(findings.counts), "files": findings.files, "passed_over": findings.passed}
    return json.dumps({"findings": hits, "read": read}, indent=2)


def as_sarif(findings: Sequence[Finding] | Report) -> str:
    """SARIF 2.1.0, as forges show it beside the lines of a change."""
    from playbook.lint import sarif

    if isinstance(findings, Report):
        return json.dumps(sarif.log(findings, what_was_read(findings)), indent=2)
    return json.dumps(sarif.log(Report(list(findings), root=Path()), ""), indent=2)
