"""Choices that an attempt of this run played before it was ended: the next one plays those that are missing.

All play the same load, so the highest rate is kept too.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from playbook.adapt.controller import Adapted
from playbook.records import attempts, record, whole_file
from playbook.tfserving.config import Config

WORDS = "played by an earlier attempt of this run, on a server that was started anew since"


@dataclass
class Earlier:
    """What has been played of a demonstration, in `data/adapt_attempt.json`; empty and unkept in the scratch run."""

    run_dir: Path
    key: Any
    highest_rps: float = 0.0
    played: dict[str, dict[str, Any]] = field(default_factory=dict)

    def note_rate(self, highest_rps: float) -> float:
        """Keep the rate that the load's shares refer to; returns it."""
        self.highest_rps = highest_rps
        self._write()
        return highest_rps

    def add(self, name: str, folder: Path, summary: Mapping[str, Any], adapted: Mapping[str, Any] | None) -> None:
        """Keep how a choice did: its rows are whole in this folder of `data/`."""
        relative = str(folder.relative_to(record.data_dir(self.run_dir)))
        self.played[name] = {"folder": relative, "summary": dict(summary), "adapted": adapted}
        self._write()

    def _write(self) -> None:
        if record.is_scratch(self.run_dir):
            return
        content = {
            "key": self.key,
            "highest_rps": self.highest_rps,
            "played": self.played,
            "kept": [one["folder"] for one in self.played.values()],
            "until_ns": time.monotonic_ns(),
        }
        whole_file.write_text(attempts.note_of(self.run_dir, "adapt"), json.dumps(content, default=float))


def read(run_dir: Path, key: Any) -> Earlier:
    """What an earlier attempt left that played the same; nothing where there is none, or it was before this boot."""
    run_dir, plain = Path(run_dir), json.loads(json.dumps(key, default=str))
    path = attempts.note_of(run_dir, "adapt")
    if record.is_scratch(run_dir) or record.has(run_dir, "adapt") or attempts.before_this_boot(path):
        return Earlier(run_dir, plain)
    content = json.loads(path.read_text())
    if content["key"] != plain:
        return Earlier(run_dir, plain)
    for one in content["played"].values():
        one["summary"]["warnings"] = [*(one["summary"].get("warnings") or []), WORDS]
    return Earlier(run_dir, plain, content["highest_rps"], content["played"])


def key_of(prepared: Any) -> list[Any]:
    """What two attempts must have in common: the load, the promise, the pace, the server and every choice."""
    choices = [[one.name, one.config.plain(), one.governor is not None] for one in prepared.choices]
    spec, pace = prepared.spec, {name: str(value) for name, value in vars(prepared.pace).items()}
    server = [spec.server, spec.model_name, list(spec.cpus), list(spec.extra_flags)]
    return [choices, asdict(prepared.load), asdict(prepared.promise), pace, server, prepared.moving_s]


def plain_of(adapted: Adapted | None) -> dict[str, Any] | None:
    """What a policy did, as JSON; what it saw in each window is not kept."""
    if adapted is None:
        return None
    done = {"changes": adapted.changes, "switch_s": adapted.switch_s, "ended": adapted.ended}
    return {"config": adapted.config.plain(), **done}


def adapted_of(done: Mapping[str, Any] | None) -> Adapted | None:
    """The same from JSON."""
    if done is None:
        return None
    return Adapted(Config.of(done["config"]), [], done["changes"], done["switch_s"], done["ended"])
