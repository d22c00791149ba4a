"""What a long stage has measured so far, on disk, so that a killed one goes on without measuring it again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playbook.records import whole_file


class Memory:
    """Values by name in one JSON file, valid for one plan; a finished or a different plan begins afresh.

    Args:
        path: The file.
        plan: Anything JSON can tell apart: what the values depend on.
        beside: Files that belong to the same plan and are removed when it begins afresh.
    """

    def __init__(self, path: Path, plan: Any, beside: tuple[Path, ...] = ()) -> None:
        self.path = Path(path)
        mark = hashlib.sha256(json.dumps(plan, sort_keys=True, default=str).encode()).hexdigest()
        try:
            kept = json.loads(self.path.read_text())
        except (OSError, ValueError):
            kept = {}
        if kept.get("plan") != mark or kept.get("finished"):
            kept = {"plan": mark, "finished": False, "values": {}}
            for file in beside:
                file.unlink(missing_ok=True)
        self._kept = kept
        self._write()

    def recall(self, name: str, make: Callable[[], Any]) -> Any:
        """The value kept under this name; measured now, and kept, when there is none."""
        if name not in self._kept["values"]:
            self._kept["values"][name] = make()
            self._write()
        return self._kept["values"][name]

    def known(self, name: str) -> Any:
        """The value kept under this name, or None."""
        return self._kept["values"].get(name)

    def finish(self) -> None:
        """The stage is done: the next one begins afresh."""
        self._kept["finished"] = True
        self._write()

    def _write(self) -> None:
        whole_file.write_text(self.path, json.dumps(self._kept))
