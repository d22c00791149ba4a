"""Rows of different shapes: kept in one column, split into parts that a single request can hold. No TensorFlow.

A dense column is a plain array, axis 0 the row. Where rows differ in shape (texts of 12 and 17 tokens) the column is a
one-dimensional object array of arrays: it slices and picks like any other, and `stacked` makes it dense again as soon
as the rows left in it are alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

JSON_BYTES = {"f": 12, "i": 5, "u": 4, "b": 5}  # a value as JSON text, about: digits, sign, comma


def is_ragged(array: np.ndarray) -> bool:
    """Whether the rows are arrays of their own."""
    return array.dtype == object and array.ndim == 1 and len(array) > 0 and isinstance(array[0], np.ndarray)


def column(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Rows as one column: dense where all shapes agree, else ragged."""
    if len({row.shape for row in rows}) == 1:
        return np.stack(rows) if rows[0].ndim or rows[0].dtype != object else _objects([row.item() for row in rows])
    return _objects(rows)


def stacked(array: np.ndarray) -> np.ndarray:
    """The column dense, where its rows are alike; otherwise as it is."""
    return column(list(array)) if is_ragged(array) else array


def shapes(array: np.ndarray) -> list[tuple[int, ...]]:
    """The shape of each row."""
    return [row.shape for row in array] if is_ragged(array) else [array.shape[1:]] * len(array)


def count(columns: Mapping[str, np.ndarray]) -> int:
    """How many rows the columns have."""
    return len(next(iter(columns.values())))


def pick(columns: Mapping[str, np.ndarray], rows: np.ndarray | slice) -> dict[str, np.ndarray]:
    """These rows of every column, dense where they are alike."""
    return {alias: stacked(array[rows]) for alias, array in columns.items()}


def alike(columns: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """The numbers of rows that fit into one request with each other, a group a shape, in order of appearance."""
    groups: dict[tuple, list[int]] = {}
    for number, key in enumerate(zip(*(shapes(array) for array in columns.values()), strict=True)):
        groups.setdefault(key, []).append(number)
    return [np.array(group) for group in groups.values()]


def parts(columns: Mapping[str, np.ndarray], rows: int, exactly: int | None = None) -> Iterator[np.ndarray]:
    """Row numbers of one request after the other, until every row was in one.

    Args:
        columns: The inputs.
        rows: Most rows a request.
        exactly: The rows that every request must have; the last of a group is filled up from its start.
    """
    size = exactly or max(1, rows)
    for group in alike(columns):
        for start in range(0, len(group), size):
            part = group[start : start + size]
            yield np.resize(np.roll(group, -start), exactly) if exactly and len(part) < exactly else part


def grown(columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The columns dense, as a server's batch has them with `pad_variable_length_inputs`.

    Each row grows at the end of every dimension to the largest, filled with its own first element.
    Source: TensorFlow Serving, batching_util.cc, AddPadding.
    """
    return {alias: _grown(array) if is_ragged(array) else array for alias, array in columns.items()}


def _grown(rows: np.ndarray) -> np.ndarray:
    sizes = tuple(np.max([row.shape for row in rows], axis=0))
    whole = np.empty((len(rows), *sizes), dtype=rows[0].dtype)
    for number, row in enumerate(rows):
        whole[number] = row.flat[0]
        whole[number][tuple(slice(0, size) for size in row.shape)] = row
    return whole


def json_bytes(columns: Mapping[str, np.ndarray]) -> float:
    """About how many bytes the mean row takes as JSON; strings grow by a third for base64."""
    total = 0.0
    for array in columns.values():
        for row in array if array.dtype == object else [array]:
            total += _json_bytes(row)
    return total / max(1, count(columns))


def _json_bytes(value: object) -> float:
    if isinstance(value, np.ndarray) and value.dtype != object:
        return value.size * JSON_BYTES.get(value.dtype.kind, 8)
    if isinstance(value, np.ndarray):
        return sum(_json_bytes(item) for item in value.ravel())
    return len(value if isinstance(value, bytes) else str(value).encode()) * 4 / 3 + 10


def _objects(items: Sequence[object]) -> np.ndarray:
    held = np.empty(len(items), dtype=object)
    for number, item in enumerate(items):
        held[number] = item
    return held
