"""The model's own answers to the reference rows: as many rows as time and memory allow. No TensorFlow."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from playbook import progress
from playbook.errors import ModelError
from playbook.export.differences import largest
from playbook.tfserving import ragged
from playbook.tfserving.reference import Arrays

Runner = Callable[[Mapping[str, np.ndarray]], Arrays]
BUDGET_S = 10.0  # for all reference rows
APART = 1e-3  # of an output's size: by more, an answer is another one, and not summed in another order
LONG_S = 3.0  # what takes longer shows how far it is
FEWEST_ROWS, MOST_ROWS = 8, 512
CALL_ROWS, CALL_BYTES, CALL_S = 64, 16 << 20, 2.0  # one call holds no more: activations take many times the inputs


@dataclass(frozen=True)
class Answers:
    """Rows, what the model answers to them, seconds a row, and outputs that are not the row's own.

    `unstable` differ between two identical asks, `by_company` between a row asked alone and the same among others.
    """

    inputs: Arrays
    outputs: Arrays
    row_s: float
    unstable: tuple[str, ...] = ()
    by_company: tuple[str, ...] = ()


def ask(run: Runner, rows: Mapping[str, np.ndarray], fixed: int | None, budget_s: float = BUDGET_S) -> Answers:
    """Ask for as many of the rows as the budget allows, at least 8, at most 512.

    Args:
        run: Answers one call.
        rows: All there are.
        fixed: The rows every call must have, where the model says so.
        budget_s: Seconds.

    Raises:
        ModelError: the model refuses rows, or does not give one answer a row.
    """
    first = next(ragged.parts(rows, 1, fixed))
    once = run(ragged.pick(rows, first))
    began = time.perf_counter()
    twice = run(ragged.pick(rows, first))
    row_s = max(1e-6, (time.perf_counter() - began) / len(first))
    count = int(np.clip(budget_s / row_s, FEWEST_ROWS, MOST_ROWS))
    if fixed:
        count = max(fixed, count // fixed * fixed)
    inputs = ragged.pick(rows, slice(0, count))
    unstable = tuple(alias for alias in once if not alike(once[alias], twice[alias]))
    rows_a_call, expected_s = call_rows(inputs, row_s), row_s * ragged.count(inputs)
    with progress.live("reference rows", expected_s) if expected_s > LONG_S else nullcontext() as bar:
        began = time.perf_counter()

        def counted(part: Mapping[str, np.ndarray]) -> Arrays:
            if bar is not None:
                bar.update(time.perf_counter() - began, f"about {expected_s:.0f} s")
            return run(part)

        outputs = run_all(counted, inputs, fixed, rows_a_call)
    by_company = () if fixed else _by_company(once, {alias: array[first[0]] for alias, array in outputs.items()})
    return Answers(inputs, outputs, row_s, unstable, tuple(name for name in by_company if name not in unstable))


def _by_company(alone: Arrays, among: Mapping[str, Any]) -> tuple[str, ...]:
    """The outputs of a row that are not the same asked alone and among others, but for the order of sums."""

    def same(alias: str) -> bool:
        apart = largest({alias: np.asarray(alone[alias][0])}, {alias: np.asarray(among[alias])})[1]
        return apart is not None and apart <= APART

    return tuple(alias for alias in alone if not same(alias))


def call_rows(rows: Mapping[str, np.ndarray], row_s: float) -> int:
    """The most rows of one call."""
    row_bytes = max(1, sum(map(_bytes, rows.values())) // ragged.count(rows))
    return int(max(1, min(CALL_ROWS, CALL_BYTES // row_bytes, CALL_S / row_s)))


def run_all(run: Runner, rows: Mapping[str, np.ndarray], fixed: int | None, most_rows: int) -> Arrays:
    """The answers to all rows, in their order, asked in calls of at most `most_rows`.

    Raises:
        ModelError: an output's first dimension is not the row.
    """
    count = ragged.count(rows)
    answers: dict[str, list[Any]] = {}
    for numbers in ragged.parts(rows, most_rows, fixed):
        outputs = run(ragged.pick(rows, numbers))
        _check(outputs, len(numbers))
        for alias, array in outputs.items():
            held = answers.setdefault(alias, [None] * count)
            for number, row in zip(numbers, array, strict=True):
                held[number] = np.asarray(row, dtype=array.dtype)
    return {alias: ragged.column(held) for alias, held in answers.items()}


def alike(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two answers to the same rows are the same, but for the order of sums."""
    if one.shape != other.shape:
        return False
    if one.dtype.kind in "OSUb":
        return bool(np.array_equal(one, other))
    return bool(np.allclose(one, other, rtol=1e-4, atol=1e-6, equal_nan=True))


def _check(outputs: Mapping[str, np.ndarray], count: int) -> None:
    if strays := [f"{alias} {array.shape}" for alias, array in outputs.items() if array.shape[:1] != (count,)]:
        raise ModelError(
            f"It answers {count} rows with {', '.join(strays)}: the first dimension is not the row, so requests cannot "
            "be batched. Export a signature with one answer a row."
        )


def _bytes(array: np.ndarray) -> int:
    if array.dtype != object:
        return array.nbytes
    items: Iterable[Any] = array.ravel()
    return sum(item.nbytes if isinstance(item, np.ndarray) else len(item) for item in items)
