"""A chain that something is done to: started as a user starts it, its lines with their times, what it leaves."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

from loadgen import temporary
from playbook.serve import docker_engine

ROOT = Path(__file__).resolve().parents[2]
PLAYBOOK = str(Path(sys.executable).parent / "playbook")
SMOKE = ROOT / "tests" / "helpers" / "smoke.yml"
TELLING = ("failed", "Error", "still runs", "begun with others", "removed", "could not", "left out", "Interrupted")
SETTLE_S = 8.0  # watchers look every 5 s at the latest


class Outcome(NamedTuple):
    """What came of a fault."""

    fault: str
    lost: str
    noticed_s: float | None
    message: str
    code: int | None
    left: int


class Chain:
    """`playbook` with these words, its lines kept with the time each came; `prefix` is a command that starts it."""

    def __init__(self, *words: object, cwd: Path = ROOT, prefix: Sequence[str] = (), **environment: str) -> None:
        self.lines: list[tuple[float, str]] = []
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [*prefix, PLAYBOOK, *map(str, words)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=cwd, env=os.environ | environment,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append((time.monotonic(), line.rstrip()))

    def said(self, pattern: str, within_s: float = 180.0) -> bool:
        """Wait until a line begins with this pattern; False when the chain ended without."""
        return until(lambda: any(re.match(pattern, line) for _, line in self.lines), within_s, self.process)

    def end(self, within_s: float = 400.0) -> int | None:
        """Its exit code; it is killed when it does not end."""
        try:
            self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None
        self._reader.join(5)
        return self.process.returncode

    def run_dir(self, outputs: Path) -> Path:
        """The run it makes or finishes."""
        assert self.said("Run ")
        name = next(line for _, line in self.lines if line.startswith("Run ")).split()[1].rstrip(":")
        return outputs / name

    def children(self) -> list[psutil.Process]:
        """Every process below it."""
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.Error:
            return []

    def child(self, word: str, within_s: float = 60.0, grandchild: bool = False) -> psutil.Process | None:
        """The newest process below it with this word on its command line."""
        found: list[psutil.Process] = []

        def look() -> bool:
            for one in self.children():
                try:
                    if word in " ".join(one.cmdline()) and (not grandchild or one.ppid() != self.process.pid):
                        found.append(one)
                except psutil.Error:
                    continue
            return bool(found)

        until(look, within_s, self.process)
        return found[-1] if found else None

    def told(self, since: float) -> tuple[float | None, str]:
        """Seconds from then to the first line that tells of a failure, and that line with the one that explains it."""
        lines = [(at, line.strip()) for at, line in self.lines if at >= since]
        place = next((n for n, (_, line) in enumerate(lines) if any(word in line for word in TELLING)), None)
        if place is None:
            return None, lines[-1][1] if lines else ""
        text = lines[place][1]
        more = [line for _, line in lines[place + 1 : place + 9] if line.split(":")[0].endswith(("Died", "Hung", "Failed", "Error", "NotWritten", "NotReady"))]  # fmt: skip  # noqa: E501
        return lines[place][0] - since, " ".join([text, *more[:1]])


def until(true: Callable[[], bool], within_s: float, process: subprocess.Popen | None = None) -> bool:
    """Wait for something; False when it did not come, or the process ended first."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if true():
            return True
        if process is not None and process.poll() is not None:
            return true()
        time.sleep(0.02)
    return False


def left(outputs: Path, run_dir: Path | None = None, half: bool = True) -> int:
    """What tells of these outputs and belongs to no chain that runs, after as long as it takes to go, 8 s at most.

    Without `half`, half-written files are none of it: a killed writer leaves one until the next chain begins.
    """
    until(lambda: not _left(outputs, run_dir, half), SETTLE_S)
    return _left(outputs, run_dir, half)


def _left(outputs: Path, run_dir: Path | None, half: bool) -> int:
    word = str(run_dir or outputs)
    processes = [one for one in psutil.process_iter(["cmdline"]) if word in " ".join(one.info["cmdline"] or [])]
    kernels = (one for one in psutil.process_iter(["cmdline", "ppid"]) if one.info["ppid"] == 1)
    processes += [
        one for one in kernels if (one.info["cmdline"] or [])[:3] == [sys.executable, "-m", "playbook.chain.warm"]
    ]
    names = [name for _, folders, files in os.walk(run_dir or outputs) for name in (*folders, *files)]  # some vanish
    kept = [name for name in names if name.startswith((".tune-", ".drill-"))]
    kept += [name for name in names if half and name[0] == "." and name.endswith(".part")]
    return len(processes) + len(kept) + _containers(word)


def _containers(word: str) -> int:
    """Containers of runs in these outputs; none where there is no engine."""
    if docker_engine.problem() is not None:
        return 0
    found = docker_engine.engine(10.0).containers.list(all=True, filters={"label": "playbook.run-dir"})
    return sum(one.labels["playbook.run-dir"].startswith(word) for one in found)


def stale_folders() -> int:
    """Temporary folders of chains that have ended: one a killed chain, until the next chain begins."""
    where = Path(tempfile.gettempdir())
    return len(temporary.stale("playbook-", where) + temporary.stale("loadgen-", where))
