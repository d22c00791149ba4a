"""Tensors of more dimensions than numpy handles (64, in parts of it 32): TensorFlow's may have 254.

Such a tensor is held as an array whose last axis stands for all dimensions from the 32nd on. Its rows (axis 0) are cut
and repeated as those of any other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, SupportsIndex

import numpy as np

MOST_RANK = 254  # TensorShape::MaxDimensions
NUMPYS = 32
Shape = tuple[int, ...]


class DeepArray(np.ndarray):
    """`folded`: the dimensions that the last axis stands for."""

    folded: Shape = ()

    def __array_finalize__(self, source: Any) -> None:
        self.folded = getattr(source, "folded", ())

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        return shaped, (self.view(np.ndarray), shape_of(self))


def shaped(values: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """The values in this shape, of any rank up to MOST_RANK."""
    if len(shape) <= NUMPYS:
        return values.reshape(shape)
    folded = tuple(shape[NUMPYS - 1 :])
    deep = values.reshape((*shape[: NUMPYS - 1], math.prod(folded))).view(DeepArray)
    deep.folded = folded
    return deep


def shape_of(array: np.ndarray) -> Shape:
    """The tensor's shape."""
    return (*array.shape[:-1], *array.folded) if isinstance(array, DeepArray) else array.shape


def joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    """The parts, alike but for their rows, one after another along axis 0."""
    whole = np.concatenate(parts)
    return shaped(whole.view(np.ndarray), (len(whole), *shape_of(parts[0])[1:]))
