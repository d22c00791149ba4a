"""JSON values as tensors: shape from the first element, checks and texts of TensorFlow Serving (json_tensor.cc)."""

from __future__ import annotations

import base64
import binascii
import functools
import struct
from itertools import chain
from typing import Any

import numpy as np

from model_server.deep_array import MOST_RANK, shaped
from model_server.element_types import STRING, TYPES, type_name
from model_server.errors import ServingError, invalid, unimplemented
from model_server.json.members import count
from model_server.json.text import debug_string

BOOL = 10
_RANGES = {3: 31, 4: 31, 5: 31, 6: 31, 9: 63, 22: 32, 23: 64}
_UNSIGNED = (22, 23)
_FLOATS = (1, 2)


def is_base64(value: object) -> bool:
    """Whether a JSON value is `{"b64": "..."}`: this key alone, and text under it."""
    return isinstance(value, dict) and count(value) == 1 and isinstance(value.get("b64"), (str, bytes))


def shape_of(value: object) -> list[int]:
    """The shape the first elements of nested lists announce."""
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        if not value:
            break
        value = value[0]
    return shape


def tensor(value: object, dtype: int, plain_numbers: bool = False) -> np.ndarray:
    """The tensor a JSON value stands for.

    Args:
        dtype: DataType number of the signature's input.
        plain_numbers: The caller has seen that no string, true, false or null occurs.

    Raises:
        ServingError: INVALID_ARGUMENT, or UNIMPLEMENTED for a dtype that JSON cannot carry.
    """
    shape = shape_of(value)
    check_rank(len(shape))
    leaves = _uniform_leaves(value, shape)
    if leaves is not None:
        array = _fast(leaves, dtype, plain_numbers)
        if array is not None:
            return shaped(array, shape)
    checked: list = []
    _fill(value, 0, shape, dtype, checked)
    return shaped(_array(checked, dtype), shape)


def check_rank(rank: int) -> None:
    """Refuse a tensor of more dimensions than TensorFlow's can have.

    Raises:
        ServingError: INVALID_ARGUMENT.
    """
    if rank > MOST_RANK:
        raise invalid(f"The lists make a tensor of {rank} dimensions; at most {MOST_RANK} are possible")


def _uniform_leaves(value: Any, shape: list[int]) -> list | None:
    """All leaves in order when every list has the size the first one has, else None."""
    level: list = [value]
    for size in shape:
        for item in level:
            if type(item) is not list or len(item) != size:
                return None
        level = level[0] if len(level) == 1 else list(chain.from_iterable(level))
    return level


@functools.lru_cache(maxsize=256)
def _packer(count: int, letter: str) -> struct.Struct:
    return struct.Struct(f"{count}{letter}")


def _fast(leaves: list, dtype: int, plain_numbers: bool) -> np.ndarray | None:
    """A float tensor packed in one call; None where the leaves need a closer look."""
    if dtype not in _FLOATS or not (plain_numbers or set(map(type, leaves)) <= {float, int}):
        return None
    letter, kind = ("f", np.float32) if dtype == 1 else ("d", np.float64)
    try:
        return np.frombuffer(_packer(len(leaves), letter).pack(*leaves), kind)
    except (struct.error, OverflowError, TypeError):
        return None


def _fill(value: object, level: int, shape: list[int], dtype: int, into: list) -> None:
    if not isinstance(value, list):
        if level != len(shape):
            raise invalid(
                f"JSON Value: {debug_string(value)} found at incorrect level: {level + 1} in the JSON DOM. "
                f"Expected at level: {len(shape)}"
            )
        into.append(_from_object(value, dtype) if isinstance(value, dict) else leaf(value, dtype))
        return
    if level >= len(shape):
        raise invalid(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    if len(value) != shape[level]:
        raise invalid(
            f"Encountered list at unexpected size: {len(value)} at level: {level} expected size: {shape[level]}"
        )
    for item in value:
        _fill(item, level + 1, shape, dtype, into)


def _from_object(value: dict, dtype: int) -> bytes:
    if dtype != STRING:
        raise _type_error(value, dtype)
    return decode_base64(value)


def decode_base64(value: dict) -> bytes:
    """The bytes of a `{"b64": "..."}` value.

    Raises:
        ServingError: INVALID_ARGUMENT when it is another object, or does not hold base64 text.
    """
    if not is_base64(value):
        raise invalid(f"JSON Value: {debug_string(value)} not formatted correctly for base64 data")
    return base64_bytes(value["b64"])


def base64_bytes(text: str | bytes) -> bytes:
    """The bytes of a base64 text (absl::Base64Unescape).

    Blanks are skipped, `.` pads as `=` does, and padding may be left out; what there is of it must have the right
    length.

    Raises:
        ServingError: INVALID_ARGUMENT when it is not base64.
    """
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    padded = b"".join(data.split())
    digits = padded.rstrip(b"=.")
    missing = -len(digits) % 4
    if missing == 3 or len(padded) - len(digits) not in (0, missing):
        raise invalid("Unable to base64 decode")
    try:
        return base64.b64decode(digits + b"=" * missing, validate=True)
    except binascii.Error:
        raise invalid("Unable to base64 decode") from None


def leaf(value: object, dtype: int) -> object:
    """One JSON scalar checked against the dtype.

    Raises:
        ServingError: INVALID_ARGUMENT for a wrong type, UNIMPLEMENTED for a dtype that JSON cannot carry.
    """
    if dtype in _FLOATS:
        fits = type(value) in (int, float)
    elif dtype in _RANGES:
        bits = _RANGES[dtype]
        low = 0 if dtype in _UNSIGNED else -(1 << bits)
        fits = type(value) is int and low <= value < 1 << bits
    elif dtype == STRING:
        fits = isinstance(value, (str, bytes))
    elif dtype == BOOL:
        fits = isinstance(value, bool)
    else:
        raise unimplemented(f"Conversion of JSON Value: {debug_string(value)} to type: {type_name(dtype)}")
    if not fits:
        raise _type_error(value, dtype)
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value


def _type_error(value: object, dtype: int) -> ServingError:
    return invalid(
        f"JSON Value: {debug_string(value)} Type: {type_of(value)} is not of expected type: {type_name(dtype)}"
    )


def type_of(value: object) -> str:
    """rapidjson's name for the type of a JSON value."""
    if value is None:
        return "Null"
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, dict):
        return "Object"
    if isinstance(value, list):
        return "Array"
    return "String" if isinstance(value, (str, bytes)) else "Number"


def _array(values: list, dtype: int) -> np.ndarray:
    kind = TYPES[dtype][0]
    if dtype == STRING:
        array = np.empty(len(values), object)
        array[:] = values
        return array
    if dtype in _RANGES:
        wide = np.uint64 if dtype == 23 else np.int64
        return np.array(values, wide).astype(kind)
    with np.errstate(over="ignore"):
        return np.array(values, np.float64 if dtype in _FLOATS else kind).astype(kind)
