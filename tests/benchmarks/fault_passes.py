"""A pass over all faults that may be cut short: what has been tried is kept, and the next pass goes on behind it."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from typing import Any

from fault_driver import ROOT

FILE = ROOT / "outputs" / ".faults.json"


class Pass:
    """What was tried so far, by name, on this commit and with nothing changed since.

    Args:
        keep: Whether what is tried now is kept for the next pass: not by one of a few faults.
        anew: Leave aside what was tried before.
    """

    def __init__(self, keep: bool, anew: bool) -> None:
        self.tried: dict[str, Any] = {}
        self.took_s, self.keep = 0.0, keep
        self.of = _state()
        if keep and not anew and FILE.exists():
            kept = json.loads(FILE.read_text())
            if kept["of"] == self.of:
                self.tried, self.took_s = kept["tried"], kept["took_s"]
                print(f"{len(self.tried)} parts were tried by a pass that was cut short; --anew tries them again.")

    def has(self, name: str) -> bool:
        """Whether this part has been tried."""
        return name in self.tried

    def part(self, name: str, try_it: Callable[..., Any], *asked: Any) -> Any:
        """What came of a part, tried now unless it was before; kept at once."""
        if name not in self.tried:
            began = time.monotonic()
            self.tried[name] = try_it(*asked)
            self.took_s += time.monotonic() - began
            if self.keep:
                FILE.write_text(json.dumps({"of": self.of, "tried": self.tried, "took_s": self.took_s}))
        return self.tried[name]

    def end(self) -> None:
        """All of it has been told."""
        FILE.unlink(missing_ok=True)


def _state() -> str:
    """The commit, and what differs from it in the code."""
    words = (["rev-parse", "HEAD"], ["diff", "HEAD", "--", "lib", "notebooks", "tests"])
    return "".join(subprocess.run(["git", "-C", ROOT, *one], capture_output=True, text=True).stdout for one in words)
