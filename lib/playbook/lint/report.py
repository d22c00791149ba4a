"""What lint found in a target, and what that rests on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from playbook.lint.forms.text import Text
from playbook.lint.rules.findings import Finding


@dataclass
class Report:
    """What lint found, and what that rests on: parts read by kind, files read, and files passed over by reason."""

    findings: list[Finding]
    counts: Counter[str] = field(default_factory=Counter)
    files: list[str] = field(default_factory=list)
    passed: dict[str, list[str]] = field(default_factory=dict)
    texts: dict[str, Text] = field(default_factory=dict)
    root: Path | None = None  # the folder that findings' paths begin at; None where no files were given

    @property
    def read_something(self) -> bool:
        """False when nothing that concerns a server was understood."""
        return sum(self.counts.values()) > 0
