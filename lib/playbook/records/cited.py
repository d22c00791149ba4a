"""Numbers that know where they came from: a value, and the record field that a manifest's comment names."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playbook.errors import RecordUnreadable
from playbook.records import record


@dataclass(frozen=True)
class Cited:
    """A value with its source, such as `tune.json results.best.rate_rps`."""

    value: Any
    source: str

    def __str__(self) -> str:
        return f"{self.value:g}" if isinstance(self.value, float) else str(self.value)

    @property
    def note(self) -> str:
        """The comment for a YAML line or a Dockerfile."""
        return f"# {self.source}"

    def as_(self, change: Callable[[Any], Any], how: str) -> Cited:
        """A value computed from this one; `how` says by what, after the source."""
        return Cited(change(self.value), f"{self.source}, {how}")


class Records:
    """The records of one run, read when first asked for."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = Path(run_dir)
        self._read: dict[str, dict[str, Any] | None] = {}

    def of(self, verb: str) -> dict[str, Any] | None:
        """The whole record of a verb; None when that verb was not run."""
        if verb not in self._read:
            there = (self.run_dir / f"{verb}.json").exists()
            self._read[verb] = record.load(self.run_dir, verb) if there else None
        return self._read[verb]

    def get(self, verb: str, path: str) -> Cited | None:
        """The value at a dotted path below `results`, cited; None when the record or the value is missing."""
        value: Any = (self.of(verb) or {}).get("results")
        for name in path.split("."):
            if isinstance(value, list):
                value = value[int(name)] if int(name) < len(value) else None
            else:
                value = value.get(name) if isinstance(value, dict) else None
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            return None
        return Cited(value, f"{verb}.json results.{path}")

    def need(self, verb: str, path: str) -> Cited:
        """The value at a dotted path.

        Raises:
            RecordUnreadable: it is missing; names the file and the verb to run first.
        """
        cited = self.get(verb, path)
        if cited is None:
            raise RecordUnreadable(
                f"{self.run_dir / verb}.json has no results.{path}. Run the '{verb}' notebook first, with this run_dir."
            )
        return cited
