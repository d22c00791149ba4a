"""Rows for any signature, generated from what it says of its inputs. No TensorFlow.

Warm-up, stress and parity checks all use these rows; axis 0 is the row in every array.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from playbook.errors import ModelError
from playbook.tfserving import examples
from playbook.tfserving.reference import Arrays
from playbook.tfserving.signatures import Signature, Tensor

_FEATURE_LENGTH = 3  # values of a generated feature that may have any length


@dataclass(frozen=True)
class Openings:
    """What fills the dimensions a signature leaves open: a shape for an alias, or one size for all the others."""

    shapes: Mapping[str, list[int]]
    size: int = 16


def fixed_rows(signature: Signature) -> int | None:
    """How many rows a call must have; None when the first dimension is open, as batching needs it."""
    sizes = {tensor.shape[0] for tensor in signature.inputs if tensor.shape and tensor.shape[0] != -1}
    return min(sizes) if sizes else None


def generate(
    signature: Signature, count: int, openings: Openings, seed: int, spec: Mapping[str, examples.Feature] | None = None
) -> Arrays:
    """`count` random rows that the signature's types and shapes allow.

    Args:
        signature: What to feed.
        count: Rows; a model with a fixed first dimension gets that many instead.
        openings: Shapes of one row, by alias, and the size of every other open dimension.
        seed: Same seed, same rows.
        spec: The features a graph parses; then strings are serialized tf.Examples.

    Raises:
        ModelError: an input of unknown rank without a shape, or of a type no client can send.
    """
    random, count = np.random.default_rng(seed), fixed_rows(signature) or count
    return {tensor.alias: _fill(tensor, count, openings, random, spec or {}) for tensor in signature.inputs}


def _fill(
    tensor: Tensor, count: int, openings: Openings, random: np.random.Generator, spec: Mapping[str, examples.Feature]
) -> np.ndarray:
    if tensor.dtype == "string" and spec:
        rows = np.empty(count, dtype=object)
        rows[:] = [examples.encode({name: _feature(f, random) for name, f in spec.items()}) for _ in range(count)]
        return rows
    return _values(tensor.dtype, (count, *_row_shape(tensor, openings)), random, tensor.alias)


def _row_shape(tensor: Tensor, openings: Openings) -> tuple[int, ...]:
    if tensor.alias in openings.shapes:
        return tuple(openings.shapes[tensor.alias])
    if tensor.shape is None:
        raise ModelError(
            f"Input {tensor.alias!r} has unknown rank, so no rows can be made up for it. Give rows in `rows_file`, "
            f"or the shape of one row: input_shapes: {{{tensor.alias}: [28, 28]}}."
        )
    if not tensor.shape:
        raise ModelError(
            f"Input {tensor.alias!r} is a scalar without a batch dimension, so requests cannot be batched. "
            "Export a signature whose inputs have shape (None, ...)."
        )
    return tuple(openings.size if size == -1 else size for size in tensor.shape[1:])


def _feature(feature: examples.Feature, random: np.random.Generator) -> Any:
    shape = (_FEATURE_LENGTH,) if feature.shape is None else tuple(1 if size == -1 else size for size in feature.shape)
    return _values(feature.dtype, shape, random, "a feature")


def _values(dtype: str, shape: tuple[int, ...], random: np.random.Generator, alias: str) -> np.ndarray:
    """Values every model can take: decimals in 0..1, small whole numbers (they may index a table), short words."""
    if dtype == "string":
        words = np.empty(int(np.prod(shape)), dtype=object)
        words[:] = [f"word{number}".encode() for number in random.integers(0, 100, len(words))]
        return words.reshape(shape)
    if dtype == "bool":
        return random.integers(0, 2, shape).astype(bool)
    if dtype.startswith(("int", "uint")):
        return random.integers(0, 8, shape).astype(dtype)
    if dtype in ("float16", "float32", "float64"):
        return random.random(shape).astype(dtype)
    raise ModelError(f"Input {alias!r} has type {dtype}, which this playbook does not send. Cast it inside the model.")
