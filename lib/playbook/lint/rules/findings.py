"""The rules of lint and what a finding is; the tables themselves are data in the `*_rows` modules beside this one.

An error is what ends the server, what keeps it or one of its ports from ever answering, or what a platform refuses;
a warning is a setting that is lost or does harm while the server runs; a note is advice. Sources name a file of
TensorFlow Serving, a section of its guides or a platform's reference, or an issue of tensorflow/serving (`#NNNN`).
"""

from __future__ import annotations

from dataclasses import dataclass

from playbook.lint.rules import (
    build_rows,
    cloud_rows,
    cluster_rows,
    command_rows,
    config_rows,
    container_rows,
    credential_rows,
    flag_rows,
    model_rows,
    monitoring_rows,
    port_rows,
    value_rows,
    variable_rows,
)

SEVERITIES = ("error", "warning", "note")
GROUPS = {
    "Command line": flag_rows.ROWS + value_rows.ROWS,
    "Config files": config_rows.ROWS + credential_rows.ROWS,
    "Model folders and reading": model_rows.ROWS,
    "Images, compose, Kubernetes, monitoring": container_rows.ROWS
    + monitoring_rows.ROWS
    + port_rows.ROWS
    + command_rows.ROWS
    + variable_rows.ROWS
    + build_rows.ROWS,
    "Endpoints of clouds": cloud_rows.ROWS,
    "Objects that a cluster refuses, ways that lead nowhere": cluster_rows.ROWS,
}


@dataclass(frozen=True)
class Rule:
    """One mistake. `message` and `remedy` are templates over the words its check supplies."""

    id: str
    severity: str
    message: str
    remedy: str
    source: str


@dataclass(frozen=True)
class Finding:
    """A rule met at a place; `line` counts from 1, None where a line makes no sense."""

    rule: str
    severity: str
    message: str
    remedy: str
    source: str
    path: str
    line: int | None = None


RULES: dict[str, Rule] = {row[0]: Rule(*row) for rows in GROUPS.values() for row in rows}


def finding(rule_id: str, path: str, line: int | None = None, /, **words: object) -> Finding:
    """The finding of rule `rule_id` at a place; raises KeyError for a rule or a word the table does not know."""
    rule = RULES[rule_id]
    message, remedy = rule.message.format(**words), rule.remedy.format(**words)
    return Finding(rule.id, rule.severity, message, remedy, rule.source, path, line)
