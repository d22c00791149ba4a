"""A report as SARIF 2.1.0: what GitHub's code scanning asks for, at paths that a repository knows."""

from __future__ import annotations

import hashlib
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import quote

from playbook.lint.line_hashes import line_hashes
from playbook.lint.report import Report
from playbook.lint.rules.findings import RULES, Finding, Rule
from playbook.lint.rules.page import in_words, what_to_do

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_ROOT = "%SRCROOT%"
_PROBLEMS = {"error": "error", "warning": "warning", "note": "recommendation"}  # as GitHub calls what is no weakness


def log(report: Report, read: str) -> dict[str, Any]:
    """The whole log: the rules that were met, one result a finding, and what was read."""
    met = sorted({hit.rule for hit in report.findings})
    places = _Places(report)
    driver = {
        "name": "playbook lint",
        "version": metadata.version("tfserving-playbook"),
        "informationUri": "https://www.tensorflow.org/tfx/guide/serving",
        "rules": [_rule(RULES[name]) for name in met],
    }
    run: dict[str, Any] = {
        "tool": {"driver": driver},
        "columnKind": "utf16CodeUnits",
        "results": [_result(hit, met.index(hit.rule), places) for hit in report.findings],
    }
    if places.top is not None:
        run["originalUriBaseIds"] = {_ROOT: {"uri": places.top.as_uri().rstrip("/") + "/"}}
    if read:
        run["properties"] = {"read": read}
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: Rule) -> dict[str, Any]:
    message, remedy = in_words(rule.message), what_to_do(rule)
    return {
        "id": rule.id,
        "name": rule.id,
        "shortDescription": {"text": rule.id.replace("-", " ").capitalize()},
        "fullDescription": {"text": message},
        "help": {
            "text": f"{message} {remedy} ({rule.source})",
            "markdown": f"{message}\n\n**What to do:** {remedy}\n\nSource: {rule.source}",
        },
        "defaultConfiguration": {"level": rule.severity},
        "properties": {"problem.severity": _PROBLEMS[rule.severity], "tags": ["tensorflow-serving"]},
    }


def _result(hit: Finding, index: int, places: _Places) -> dict[str, Any]:
    return {
        "ruleId": hit.rule,
        "ruleIndex": index,
        "level": hit.severity,
        "message": {"text": f"{hit.message} {hit.remedy}"},
        "locations": [places.of(hit)],
        "partialFingerprints": {"primaryLocationLineHash": places.fingerprint(hit)},
    }


class _Places:
    """Where findings stand, as the repository around the linted files sees them."""

    def __init__(self, report: Report) -> None:
        self.root = report.root
        self.top = None if report.root is None else _top(report.root)
        self._texts = {path: text.content for path, text in report.texts.items()}
        self._hashes: dict[str, list[str]] = {}

    def of(self, hit: Finding) -> dict[str, Any]:
        """The location of a finding; flags of a command line stand in no file."""
        if self.root is None or self.top is None:
            return {"logicalLocations": [{"name": hit.path, "kind": "parameter"}]}
        file = self.root / hit.path
        if file.exists():
            file = file.resolve()  # a forge shows no result beside a link
        inside = file.is_relative_to(self.top)
        artifact = {"uri": quote(file.relative_to(self.top).as_posix()), "uriBaseId": _ROOT} if inside else {
            "uri": file.absolute().as_uri()}  # fmt: skip
        return {"physicalLocation": {"artifactLocation": artifact, "region": self._region(hit)}}

    def _region(self, hit: Finding) -> dict[str, int]:
        """The whole line: what is wrong is often what stands nowhere on it. A folder has its first line alone."""
        number, text = hit.line or 1, self._texts.get(hit.path)
        if text is None:
            return {"startLine": number}
        lines = text.split("\n")
        number = min(number, len(lines))  # a text inside a JSON string has more lines than its file
        line = lines[number - 1].rstrip()
        begin = _units(line) - _units(line.lstrip())
        return {"startLine": number, "endLine": number, "startColumn": begin + 1, "endColumn": _units(line) + 1}

    def fingerprint(self, hit: Finding) -> str:
        """What stays the same when lines above the finding's come and go."""
        text = self._texts.get(hit.path)
        if text is None:  # a folder or a flag
            return hashlib.sha256(f"{hit.path}\n{hit.message}".encode()).hexdigest()[:16] + ":1"
        hashes = self._hashes.setdefault(hit.path, line_hashes(text) if hit.path not in self._hashes else [])
        return hashes[min(hit.line or 1, len(hashes)) - 1]


def _top(root: Path) -> Path:
    """The folder that paths begin at: of the repository, else where lint was called, else of what was given."""
    folder = (root if root.is_dir() else root.parent).resolve()
    for parent in (folder, *folder.parents):
        if (parent / ".git").exists():
            return parent
    return Path.cwd() if folder.is_relative_to(Path.cwd()) else folder


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
