"""A pass over all faults that may be cut short: what has been tried is kept, and the next pass goes on behind it."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fault_driver import ROOT

FILE = ROOT / "outputs" / ".faults.json"
HASH_LETTERS = 7


class Pass:
    """What was tried so far, by name, and on which commit.

    Args:
        keep: Whether what is tried now is kept for the next pass: not by one of a few faults.
        anew: Leave aside what was tried before.
        on: Go on behind a pass of any commit, one that came to its end too; what did not come to its end there is
            tried again. Otherwise only a pass that was cut short on this very code is gone on with.
        file: Where it is kept.
        of: The code that this pass tries; by default the commit and what differs from it.
    """

    def __init__(self, keep: bool, anew: bool = False, on: bool = False, file: Path = FILE, of: str = "") -> None:
        self.tried: dict[str, Any] = {}
        self.at: dict[str, str] = {}
        self.took_s, self.keep, self.file = 0.0, keep, file
        self.of = of or _state()
        if keep and not anew and file.exists():
            self._take_over(json.loads(file.read_text()), on)

    def _take_over(self, kept: dict[str, Any], on: bool) -> None:
        """Earlier files lack `at`, as all in them is of one commit, and `ended`, as they went at the end."""
        if not on and (kept["of"] != self.of or kept.get("ended")):
            return
        whole = {name: came for name, came in kept["tried"].items() if not (on and _cut(came))}
        self.at = dict.fromkeys(whole, short(kept["of"])) | {n: c for n, c in kept.get("at", {}).items() if n in whole}
        self.tried, self.took_s = whole, kept["took_s"]
        commits = ", ".join(sorted(set(self.at.values())))
        print(
            f"{len(whole)} parts were tried by an earlier pass, on {commits or 'no commit'}; --anew tries them again."
        )

    def has(self, name: str) -> bool:
        """Whether this part has been tried."""
        return name in self.tried

    def part(self, name: str, try_it: Callable[..., Any], *asked: Any) -> Any:
        """What came of a part, tried now unless it was before; kept at once."""
        if name not in self.tried:
            began = time.monotonic()
            self.tried[name] = try_it(*asked)
            self.at[name] = short(self.of)
            self.took_s += time.monotonic() - began
            self._write(ended=False)
        return self.tried[name]

    def end(self) -> None:
        """All of it has been told: the next pass begins anew, unless it is asked to go on."""
        self._write(ended=True)

    def _write(self, ended: bool) -> None:
        if self.keep:
            told = {"of": self.of, "tried": self.tried, "took_s": self.took_s, "at": self.at, "ended": ended}
            self.file.write_text(json.dumps(told))


def short(of: str) -> str:
    """The commit of a state in few letters; `+` behind it where the code differed from that commit."""
    commit, _, changes = of.partition("\n")
    return commit[:HASH_LETTERS] + ("+" if changes.strip() else "")


def _cut(came: Any) -> bool:
    """Whether a part was not tried to its end; its row or lines then say so behind a question mark."""
    return any(isinstance(word, str) and word.startswith("?") for word in came)


def _state() -> str:
    """The commit, and what differs from it in the code."""
    words = (["rev-parse", "HEAD"], ["diff", "HEAD", "--", "lib", "notebooks", "tests"])
    return "".join(subprocess.run(["git", "-C", ROOT, *one], capture_output=True, text=True).stdout for one in words)
