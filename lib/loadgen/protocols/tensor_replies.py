"""Compares two serialized replies without knowing their message types.

The rule for gRPC answers, generic by field number (protobuf wire format): if field 1 reads as a map from text to
TensorProto, as in a PredictResponse, the maps must have the same keys, dtypes and shapes, floats within the tolerance
and all else equal, whether they travel as `tensor_content` or as typed values, packed or not; nothing else is looked at
then. Any other reply with a field 1 must be equal byte for byte in all fields but a field 2 that reads as a ModelSpec
(`model_spec` in the replies of Classify and Regress); one without field 1 is equal to the same bytes alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from loadgen.answers import close

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
# TensorFlow's DataType number: numpy type of tensor_content, number of the typed field, numpy type of its entries
DTYPES = {
    1: ("<f4", 5, "<f4"),
    2: ("<f8", 6, "<f8"),
    3: ("<i4", 7, ""),
    4: ("u1", 7, ""),
    5: ("<i2", 7, ""),
    6: ("i1", 7, ""),
    9: ("<i8", 10, ""),
    10: ("?", 11, ""),
    17: ("<u2", 7, ""),
    19: ("<f2", 13, "half"),
    22: ("<u4", 16, ""),
    23: ("<u8", 17, ""),
}
STRING, DTYPE, SHAPE, CONTENT, STRING_VALUES = 7, 1, 2, 4, 8
MOST_FILLED = 1 << 24  # values that repeat a tensor's last one: a shape of a few bytes may ask for any number
VARINT_BITS = 64
NO_TENSORS = (ValueError, IndexError, KeyError, TypeError, OverflowError)  # what `tensors` raises


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (1 << VARINT_BITS) - 1, at
        shift += 7
        if shift >= VARINT_BITS + 6:
            raise ValueError("varint of more than ten bytes")


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field numbers and values of a message. Raises IndexError or ValueError when `data` is not one."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == VARINT:
            value: int | bytes
            value, at = _varint(data, at)
        else:
            if kind == BYTES:
                size, at = _varint(data, at)
            elif kind in (FIXED32, FIXED64):
                size = 4 if kind == FIXED32 else 8
            else:
                raise ValueError(f"wire type {kind}")
            if at + size > len(data):
                raise ValueError("field runs past the end")
            value, at = data[at : at + size], at + size
        yield key >> 3, value


def _bytes(value: int | bytes) -> bytes:
    """A field that must be bytes: `bytes(n)` of a number would be so many zeros. Raises TypeError."""
    if isinstance(value, int):
        raise TypeError("a number where bytes are expected")
    return value


def _varints(data: bytes) -> list[int]:
    values, at = [], 0
    while at < len(data):
        value, at = _varint(data, at)
        values.append(value)
    return values


def _dims(shape: bytes) -> tuple[int, ...]:
    sizes = []
    for number, dim in fields(shape):
        if number == 2 and isinstance(dim, bytes):
            sizes.append(next((v for n, v in fields(dim) if n == 1 and isinstance(v, int)), 0))
    return tuple(sizes)


def tensor(data: bytes) -> np.ndarray:
    """The values of a serialized TensorProto.

    Raises ValueError, IndexError, TypeError or OverflowError when it is not one, or repeats a value too often.
    """
    parts: dict[int, list[int | bytes]] = {}
    for number, value in fields(data):
        parts.setdefault(number, []).append(value)
    dtype = int(parts[DTYPE][-1]) if DTYPE in parts else 0
    shape = _dims(_bytes(parts.get(SHAPE, [b""])[-1]))
    if dtype == STRING:
        return np.array([*parts.get(STRING_VALUES, []), None], dtype=object)[:-1].reshape(shape)
    if dtype not in DTYPES:
        raise ValueError(f"no such TensorFlow dtype: {dtype}")
    content_type, number, entry = DTYPES[dtype]
    if content := _bytes(parts.get(CONTENT, [b""])[-1]):
        values = np.frombuffer(content, dtype=content_type)
    else:
        values = _typed(parts.get(number, []), entry, content_type)
    count = math.prod(shape)
    if count > len(values) + MOST_FILLED:
        raise ValueError(f"{len(values)} values for {count}")
    if 0 < len(values) < count:  # TensorProto: a shorter list is filled with its last value
        values = np.concatenate([values, np.repeat(values[-1:], count - len(values))])
    return values.reshape(shape)


def _typed(values: list[int | bytes], entry: str, dtype: str) -> np.ndarray:
    """Values of a repeated field, packed or not."""
    if entry and entry != "half":
        return np.frombuffer(b"".join(v for v in values if isinstance(v, bytes)), dtype=entry)
    numbers: list[int] = []
    for value in values:
        numbers += [value] if isinstance(value, int) else _varints(value)
    if entry == "half":  # the bits of the number, in a varint
        return np.array(numbers, dtype=np.uint16).view("<f2")
    return np.array(numbers, dtype=np.uint64).astype(dtype)


def tensors(message: bytes) -> dict[bytes, np.ndarray]:
    """The map in field 1 of a PredictResponse; empty without that field.

    Raises ValueError, IndexError, KeyError, TypeError or OverflowError when it is not one.
    """
    by_name = {}
    for number, entry in fields(message):
        if number == 1:
            pair = dict(fields(_bytes(entry)))
            by_name[_bytes(pair[1])] = tensor(_bytes(pair[2]))
    return by_name


def reply_comparer(rtol: float, atol: float) -> Callable[[bytes, bytes], bool]:
    """A function that says whether two serialized replies mean the same within the tolerances."""

    def same(got: bytes, expected: bytes) -> bool:
        if got == expected:
            return True
        try:
            mine, other = tensors(got), tensors(expected)
        except NO_TENSORS:
            return _without_spec(got) == _without_spec(expected)
        return (
            bool(other)
            and mine.keys() == other.keys()
            and all(mine[key].dtype == other[key].dtype and close(mine[key], other[key], rtol, atol) for key in other)
        )

    return same


def tensor_text(message: bytes) -> str:
    """A serialized reply for a reader: its tensors by name, or its bytes where it holds none."""
    try:
        read = ", ".join(f"{name.decode()}: {values.tolist()}" for name, values in tensors(message).items())
    except NO_TENSORS:
        read = ""
    return read or (repr(message) if message else "no tensor")


def _without_spec(message: bytes) -> list[tuple[int, int | bytes]] | bytes:
    """The fields of a message but for its model spec; the message itself where it has no field 1, or is none."""
    try:
        read = list(fields(message))
    except (ValueError, IndexError):
        return message
    if all(number != 1 for number, _ in read):
        return message
    return [(number, value) for number, value in read if number != 2 or not _is_spec(value)]


def _is_spec(value: int | bytes) -> bool:
    """Whether it reads as a ModelSpec: name, version (an Int64Value), signature, label. A map of metadata does not."""
    try:
        return all(
            number in (1, 3, 4) or (number == 2 and all(n == 1 and isinstance(v, int) for n, v in fields(_bytes(part))))
            for number, part in fields(_bytes(value))
        )
    except (ValueError, IndexError, TypeError):
        return False
