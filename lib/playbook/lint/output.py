"""Lint's findings as text for people, JSON for programs, SARIF for code review; and the exit code they ask for."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from playbook.errors import ParameterError
from playbook.lint.rules import RULES, SEVERITIES, Finding

_SARIF = "https://json.schemastore.org/sarif-2.1.0.json"


def exit_code(findings: Sequence[Finding]) -> int:
    """0 without findings or with notes only, 1 with warnings, 2 with errors."""
    met = {finding.severity for finding in findings}
    return 2 if "error" in met else 1 if "warning" in met else 0


def render(findings: Sequence[Finding], format: str = "text") -> str:
    """The findings as `text`, `json` or `sarif`.

    Raises:
        ParameterError: another format.
    """
    forms = {"text": as_text, "json": as_json, "sarif": as_sarif}
    if format not in forms:
        raise ParameterError(f"No format {format!r}: it must be one of {', '.join(forms)}.")
    return forms[format](findings)


def as_text(findings: Sequence[Finding]) -> str:
    """One paragraph a finding: place, severity, rule, message; then the remedy and the source. Ends in a count."""
    lines = []
    for hit in findings:
        place = hit.path if hit.line is None else f"{hit.path}:{hit.line}"
        lines += [f"{place}: {hit.severity} [{hit.rule}] {hit.message}", f"    {hit.remedy} ({hit.source})"]
    counts = Counter(hit.severity for hit in findings)
    total = ", ".join(f"{counts[name]} {name}{'s' * (counts[name] != 1)}" for name in SEVERITIES if counts[name])
    return "\n".join([*lines, f"{total}." if total else "Nothing found."])


def as_json(findings: Sequence[Finding]) -> str:
    """A list of objects with the fields of Finding."""
    return json.dumps([asdict(hit) for hit in findings], indent=2)


def as_sarif(findings: Sequence[Finding]) -> str:
    """SARIF 2.1.0, as code hosts read it: rules met, and one result a finding."""
    met = sorted({hit.rule for hit in findings})
    rules = [
        {
            "id": name,
            "shortDescription": {"text": RULES[name].message},
            "help": {"text": f"{RULES[name].remedy} ({RULES[name].source})"},
            "defaultConfiguration": {"level": RULES[name].severity},
        }
        for name in met
    ]
    driver = {"name": "playbook lint", "informationUri": "https://www.tensorflow.org/tfx/guide/serving", "rules": rules}
    run = {"tool": {"driver": driver}, "results": [_result(hit) for hit in findings]}
    return json.dumps({"$schema": _SARIF, "version": "2.1.0", "runs": [run]}, indent=2)


def _result(hit: Finding) -> dict:
    place = {"artifactLocation": {"uri": hit.path.replace(" ", "%20")}}
    if hit.line is not None:
        place["region"] = {"startLine": hit.line}
    return {
        "ruleId": hit.rule,
        "level": hit.severity,
        "message": {"text": f"{hit.message} {hit.remedy}"},
        "locations": [{"physicalLocation": place}],
    }
