"""One run folder, read: its records, its levels and the raw rows of each. What is broken is told, not fatal."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from playbook.errors import RecordUnreadable
from playbook.records import record, stale, whole_file
from playbook.records.rows import LevelRow

LEVELS = "levels.json"  # in data/: the levels that stress has held so far, for one that does not finish


@dataclass(frozen=True)
class Rows:
    """Requests of one level as arrays; times in ns on CLOCK_MONOTONIC, `ok` where the answer was good."""

    scheduled_ns: np.ndarray
    sent_ns: np.ndarray
    done_ns: np.ndarray
    ok: np.ndarray

    def __len__(self) -> int:
        return len(self.done_ns)

    @property
    def latency_ms(self) -> np.ndarray:
        """From when each good request was due to its answer, in ms, in order of completion."""
        return (self.done_ns - self.scheduled_ns)[self.ok] / 1e6

    def between(self, start_ns: int, end_ns: int) -> Rows:
        """The requests that were answered in [start, end)."""
        inside = (self.done_ns >= start_ns) & (self.done_ns < end_ns)
        return Rows(self.scheduled_ns[inside], self.sent_ns[inside], self.done_ns[inside], self.ok[inside])


@dataclass
class RunFolder:
    """A run folder with the records that could be read; `problems` says in a sentence what could not."""

    run_dir: Path
    records: dict[str, dict[str, Any]]
    problems: list[str] = field(default_factory=list)
    _rows: dict[tuple[str, int], Rows] = field(default_factory=dict)

    @property
    def run_id(self) -> str:
        """The folder's name."""
        return self.run_dir.resolve().name

    @property
    def stress(self) -> dict[str, Any]:
        """`results` of stress.json, empty when there is none."""
        return self.results("stress")

    @property
    def levels(self) -> list[LevelRow]:
        """The load levels of stress, also of one that did not finish."""
        return self.levels_of("stress")

    def levels_of(self, verb: str) -> list[LevelRow]:
        """The load levels that a verb held, also of one that did not finish."""
        return list(self.results(verb).get("levels") or kept_levels(self.run_dir, verb))

    @property
    def server(self) -> str:
        """embedded, binary, docker or attach; unknown when nothing says."""
        asked = (self.params(verb).get("server") for verb in ("stress", "tune", "adapt"))
        return self.results("serve").get("server") or next((kind for kind in asked if kind), "unknown")

    @property
    def model(self) -> str | None:
        """The model's name as served."""
        names = (self.results(verb).get("model_name") for verb in ("serve", "export"))
        return next((name for name in names if name), None)

    @property
    def server_cores(self) -> float | None:
        """Cores the server may run on: those it is pinned to, else the machine's."""
        machine = (content.get("environment", {}).get("cores") for content in self.records.values())
        return float(len(self.results("serve").get("cpus") or [])) or next((float(c) for c in machine if c), None)

    def results(self, verb: str) -> dict[str, Any]:
        """`results` of a verb's record, empty when there is none."""
        return self.records.get(verb, {}).get("results") or {}

    def params(self, verb: str) -> dict[str, Any]:
        """`params` of a verb's record, empty when there is none."""
        return self.records.get(verb, {}).get("params") or {}

    def environment(self) -> dict[str, Any]:
        """`environment` of the stage that measured, or of any."""
        order = ("stress", "tune", *record.VERBS)
        return next((self.records[verb].get("environment", {}) for verb in order if verb in self.records), {})

    def rows(self, level: int, verb: str = "stress") -> Rows:
        """The requests of a verb's level in order of completion; no rows when they were not kept."""
        if (verb, level) not in self._rows:
            from playbook.records import store

            columns = store.request_columns(self.run_dir, level, verb)
            times = columns["scheduled_ns"], columns["sent_ns"], columns["done_ns"]
            self._rows[verb, level] = Rows(*times, columns["ok"])
        return self._rows[verb, level]


def keep_levels(run_dir: Path, rows: Sequence[Mapping[str, Any]] | Sequence[LevelRow], verb: str = "stress") -> None:
    """Keep the rows of a verb's load levels so far: what was measured outlives a stage that dies."""
    whole_file.write_text(record.data_dir(run_dir) / levels_file(verb), json.dumps(rows, indent=1))


def kept_levels(run_dir: Path, verb: str = "stress") -> list[LevelRow]:
    """The rows of a verb's load levels that `keep_levels` kept; none where nothing was."""
    try:
        return json.loads((Path(run_dir) / "data" / levels_file(verb)).read_text())
    except (OSError, ValueError):
        return []


def levels_file(verb: str) -> str:
    """The file in data/ that keeps the levels a verb has held so far."""
    return LEVELS if verb == "stress" else f"{verb}_{LEVELS}"


def read(run_dir: Path) -> RunFolder:
    """Read a run folder, whatever stages it has.

    Raises:
        RecordUnreadable: there is no such folder.
    """
    run_dir = Path(run_dir)
    if not run_dir.is_dir():
        raise RecordUnreadable(f"A run folder was expected at {run_dir}, nothing is there. `playbook list` names them.")
    contents = record.read_all(run_dir)
    records = {verb: content for verb, content in contents.items() if isinstance(content, dict)}
    problems = [str(error) for verb, error in contents.items() if verb not in records]
    return RunFolder(run_dir, records, [*problems, *stale.words(run_dir)])
