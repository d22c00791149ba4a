"""Joins the tensors of a batch: filler rows up to an allowed size, and padding of variable-length inputs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model_server.batching.options import QueueOptions
from model_server.batching.queue import Batch
from model_server.deep_array import NUMPYS, shape_of
from model_server.errors import FAILED_PRECONDITION, INTERNAL, ServingError, invalid

MAX_PADDED_RANK = 6


def merge_parts(names: Sequence[str], batch: Batch, filler_rows: int, options: QueueOptions) -> list[list[np.ndarray]]:
    """The arrays to join for each input: one a task, then `filler_rows` copies of the last task's first row.

    Raises:
        ServingError: the tasks' tensors do not fit together.
    """
    merged = []
    for index, name in enumerate(names):
        parts = [task.arrays[index] for task in batch.tasks]
        if not _are_alike(parts):
            parts = _fitting(name, parts, options.pad_variable_length_inputs)
        if filler_rows:
            parts.append(np.repeat(parts[-1][:1], filler_rows, axis=0))
        merged.append(parts)
    return merged


def _are_alike(parts: list[np.ndarray]) -> bool:
    shape, dtype = parts[0].shape, parts[0].dtype
    for part in parts:
        if part.shape != shape or part.dtype is not dtype:
            return False
    return len(shape) < NUMPYS or len(set(map(shape_of, parts))) == 1


def _fitting(name: str, parts: list[np.ndarray], padding: bool) -> list[np.ndarray]:
    first = parts[0]
    same_shape = all(shape_of(part)[1:] == shape_of(first)[1:] for part in parts)
    if not same_shape and not padding:
        raise ServingError(
            FAILED_PRECONDITION,
            f"Tensors with name '{name}' from different tasks have different shapes and padding is turned off. "
            "Set pad_variable_length_inputs to true, or ensure that all tensors with the same name have equal "
            "dimensions starting with the first dim.",
        )
    if any(part.dtype != first.dtype for part in parts):
        raise ServingError(INTERNAL, "Tensor concat operation failed: cannot join tensors of different types")
    return parts if same_shape else _padded(parts)


def _padded(parts: list[np.ndarray]) -> list[np.ndarray]:
    """Every tensor grown at the end of its non-batch dimensions to the largest, with its own first element."""
    if any(part.ndim != parts[0].ndim for part in parts) or not 1 <= parts[0].ndim <= MAX_PADDED_RANK:
        raise invalid("Only tensors with rank from 1 to 6 can be padded.")
    sizes = np.max([part.shape[1:] for part in parts], axis=0)
    if any(part.size == 0 for part in parts) and any(part.size for part in parts):
        raise invalid("Got empty tensor in batch of non-empty tensors.")
    return [_grown(part, sizes) for part in parts]


def _grown(part: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    if part.shape[1:] == tuple(sizes):
        return part
    grown = np.full((len(part), *sizes), part.flat[0], dtype=part.dtype)
    grown[tuple(slice(0, size) for size in part.shape)] = part
    return grown
