"""numpy arrays in and out of TensorFlow's own tensors (TF_Tensor)."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence

import numpy as np

from model_server.deep_array import joined, shape_of, shaped
from model_server.element_types import NUMBERS, STRING, TYPES, type_name
from model_server.errors import unimplemented
from model_server.runtime.c_api import STRING_SIZE, tf


def _view(handle: int, dtype: np.dtype, shape: Sequence[int]) -> np.ndarray:
    """The tensor's own memory as an array; valid only while the tensor lives."""
    size = tf.TF_TensorByteSize(handle)
    if size == 0:
        return shaped(np.empty(0, dtype), shape)
    memory = (ctypes.c_char * size).from_address(tf.TF_TensorData(handle))
    return shaped(np.frombuffer(memory, dtype), shape)


def _allocate(number: int, shape: Sequence[int], size: int) -> int:
    dims = (ctypes.c_int64 * len(shape))(*shape)
    return tf.TF_AllocateTensor(number, dims, len(shape), size)


def _allocate_strings(values: np.ndarray) -> int:
    handle = _allocate(STRING, shape_of(values), values.size * STRING_SIZE)
    address = tf.TF_TensorData(handle)
    for value in values.ravel():
        tf.TF_StringInit(address)
        tf.TF_StringCopy(address, value, len(value))
        address += STRING_SIZE
    return handle


def merge(parts: Sequence[np.ndarray]) -> int:
    """A new TF_Tensor holding the parts one after another along axis 0; the caller deletes it.

    Numbers are written straight into TensorFlow's memory: one copy in all.

    Raises:
        ServingError: UNIMPLEMENTED for a numpy type that TensorFlow has no element type for.
    """
    first = parts[0]
    number = NUMBERS.get(first.dtype)
    if number is None:
        raise unimplemented(f"Tensors of numpy type {first.dtype} cannot be fed.")
    if number == STRING:
        return _allocate_strings(first if len(parts) == 1 else joined(parts))
    if len(parts) == 1:
        handle = _allocate(number, shape_of(first), first.nbytes)
        if first.nbytes:
            _view(handle, first.dtype, first.shape)[...] = first
        return handle
    rows = sum(map(len, parts))
    shape = (rows, *first.shape[1:])
    handle = _allocate(number, (rows, *shape_of(first)[1:]), math.prod(shape) * first.itemsize)
    np.concatenate(parts, out=_view(handle, first.dtype, shape))
    return handle


def _read_strings(handle: int, shape: Sequence[int]) -> np.ndarray:
    values = np.empty(math.prod(shape), object)
    address = tf.TF_TensorData(handle)
    for index in range(values.size):
        pointer = tf.TF_StringGetDataPointer(address)
        values[index] = ctypes.string_at(pointer, tf.TF_StringGetSize(address))
        address += STRING_SIZE
    return shaped(values, shape)


def read(handle: int) -> np.ndarray:
    """A copy of a TF_Tensor as an array (object array of bytes for strings).

    Raises:
        ServingError: UNIMPLEMENTED for an element type that has no numpy form.
    """
    number = tf.TF_TensorType(handle)
    shape = [tf.TF_Dim(handle, axis) for axis in range(tf.TF_NumDims(handle))]
    if number == STRING:
        return _read_strings(handle, shape)
    if number not in TYPES:
        raise unimplemented(f"Tensors of {type_name(number)} cannot be read.")
    return _view(handle, TYPES[number][0], shape).copy()
