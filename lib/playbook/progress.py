"""Progress of a long stage: a bar in JupyterLab, a line in the terminal or the log when the chain runs it."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from playbook import stage_plan
from playbook.live_view import Board
from playbook.records import whole_file
from playbook.stage_plan import StagePlan

CHANNEL = "PLAYBOOK_PROGRESS"  # the file through which a notebook's kernel tells the chain how far it is


class _Told:
    """Writes the latest state to the chain's file, whole each time."""

    def __init__(self, path: Path, stage: str, total: float) -> None:
        self.path, self.stage, self.total = path, stage, total

    def update(self, done: float, text: str = "") -> None:
        """Tell how much of the total is done, and in words what was seen last."""
        _tell(self.path, {"stage": self.stage, "done": done, "total": self.total, "text": text})


class _Shown:
    """A bar and a chart on the page, for a person who runs the notebook alone."""

    def __init__(self, board: Board) -> None:
        self.board, self.total = board, board.total

    def update(self, done: float, text: str = "") -> None:
        """Move the bar to `done` of the total and show the text behind it."""
        self.board.move(done, text)


class Stretch:
    """A stretch of a bar: its `update` takes shares of its own length."""

    def __init__(self, bar: Any, start: float, length: float) -> None:
        self._bar, self._start, self._length = bar, start, length

    def update(self, share: float, text: str = "") -> None:
        """Move the bar to this share (0 to 1) of the stretch."""
        self._bar.update(self._start + min(1.0, share) * self._length, text)


@contextlib.contextmanager
def live(stage: str, total: float, text: str = "") -> Iterator[_Told | _Shown]:
    """Progress of `stage` towards `total`, in any unit (seconds, trials, levels), first told as nothing done."""
    if path := os.environ.get(CHANNEL):
        told = _Told(Path(path), stage, total)
        told.update(0.0, text)
        yield told
        return
    board = Board(stage, total)
    board.move(0.0, text)
    _boards.append(board)
    try:
        yield _Shown(board)
    except BaseException:
        board.close(failed=True)
        raise
    else:
        board.close()
    finally:
        _boards.remove(board)


_boards: list[Board] = []  # those of the stages that run, the innermost last
_failures: list[str] = []  # of this kernel's stage


def seen(state: Mapping[str, Any]) -> None:
    """Note what a load is doing, for the bar's next move: `rate_rps`, `p99_ms` so far, `errors`."""
    if _boards:
        _boards[-1].seen(state.get("rate_rps"), state.get("p99_ms"), int(state.get("errors") or 0))


def doing(text: str) -> None:
    """Tell the chain what is being done, where nobody knows how far it is."""
    if path := os.environ.get(CHANNEL):
        _tell(Path(path), {"stage": "", "done": 0.0, "total": 0.0, "text": text})


def failed(text: str) -> None:
    """Tell at once what has failed: what a stage still writes of it, before its verdict comes, takes its time."""
    _failures.append(text)
    doing("")


def begin(plan: StagePlan) -> str:
    """Tell the plan of a stage before it begins; its words, for the notebook."""
    stage_plan.begin(plan)
    doing("")
    return plan.words()


def _tell(path: Path, state: dict[str, Any]) -> None:
    planned = {"plan": stage_plan.words(), "left_s": stage_plan.left_s(), "at_s": time.monotonic()}
    whole_file.write_text(path, json.dumps({**state, **planned, "failed": _failures}))


def read(path: Path) -> dict[str, Any] | None:
    """The state that was told last, its time left counted on since then; None before the first."""
    try:
        state = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    if state.get("left_s") is not None and state.get("at_s"):
        state["left_s"] = max(0.0, state["left_s"] - max(0.0, time.monotonic() - state["at_s"]))
    return state
