"""One test for a table: its body judges each row in a folder of the row's own, and every wrong row is named."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

SHOWN = 160  # characters of a row
GIVEN = ("request", "tmp_path")  # what goes through a table needs of pytest
Judge = Callable[..., None]


def each_row(names: str | tuple[str, ...], table: Iterable[Any]) -> Callable[[Judge], Judge]:
    """Like `pytest.mark.parametrize`, but one test: an item of pytest's costs more than most rows do.

    A row begins in an empty folder (`tmp_path`) and ends by itself: the others are judged whatever it raises.
    `pytest --row WORDS` tries only the rows that hold these words. Two of these above one test: every pair.
    """
    named = [each.strip() for each in names.split(",")] if isinstance(names, str) else list(names)
    rows = [tuple(row) if len(named) > 1 else (row,) for row in table]
    assert rows, "a table without rows holds nothing"

    def decorated(judge: Judge) -> Judge:
        return _test(*_paired(named, rows, judge))

    return decorated


def _paired(named: list[str], rows: list[tuple], judge: Judge) -> tuple[list[str], list[tuple], Judge]:
    """Names, rows and the body, where the body goes through a table already."""
    if not hasattr(judge, "table"):
        return named, rows, judge
    others, inner, judge = judge.table
    return named + others, [row + other for row in rows for other in inner], judge


def _test(named: list[str], rows: list[tuple], judge: Judge) -> Judge:
    parameters = inspect.signature(judge).parameters

    @functools.wraps(judge)
    def test(request: pytest.FixtureRequest, tmp_path: Path, **fixtures: Any) -> None:
        words, wrong = request.config.getoption("--row"), []
        for number, row in enumerate(rows):
            if words not in (shown := _shown(row)):
                continue
            given = {"request": request, "tmp_path": _folder(tmp_path, number)}
            given = {name: value for name, value in given.items() if name in parameters}
            try:
                judge(**dict(zip(named, row, strict=True)), **given, **fixtures)
            except (Exception, pytest.fail.Exception):
                wrong.append(f"{shown}\n{pytest.ExceptionInfo.from_current().getrepr(style='short')}")
        if wrong:
            pytest.fail(f"{len(wrong)} of {len(rows)} rows:\n\n" + "\n\n".join(wrong), pytrace=False)

    own = inspect.signature(test, follow_wrapped=False).parameters
    kept = [own[name] for name in GIVEN]
    kept += [each for name, each in parameters.items() if name not in (*named, *GIVEN)]
    test.__signature__ = inspect.Signature(kept)  # type: ignore[attr-defined]
    test.table = named, rows, judge  # type: ignore[attr-defined]
    return test


def _shown(row: tuple) -> str:
    """What a row is known by: its words, clipped."""
    words = " | ".join(value if isinstance(value, str) else repr(value) for value in row)
    return words if len(words) <= SHOWN else words[:SHOWN] + "…"


def _folder(tmp_path: Path, number: int) -> Path:
    """An empty folder; its name is no number, which lint would take for a model's version."""
    folder = tmp_path / f"row_{number}"
    folder.mkdir()
    return folder
