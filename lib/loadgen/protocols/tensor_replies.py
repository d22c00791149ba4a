"""Compares two serialized replies without knowing their message types.

The rule for gRPC answers, generic by field number (protobuf wire format): in both messages the top-level field 2
(`model_spec` in the replies of Predict, Classify and Regress) is left out. If field 1 reads as a map from text to
TensorProto, as in a PredictResponse, the maps must have the same keys, dtypes and shapes, floats within the tolerance
and all else equal, whether they travel as `tensor_content` or as typed values, packed or not; nothing else is looked at
then. Any other reply must be equal byte for byte in its other fields.
"""

from __future__ import annotations

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


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


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
    """The values of a serialized TensorProto. Raises ValueError, IndexError or TypeError when it is not one."""
    parts: dict[int, list[int | bytes]] = {}
    for number, value in fields(data):
        parts.setdefault(number, []).append(value)
    dtype = int(parts[DTYPE][-1]) if DTYPE in parts else 0
    shape = _dims(bytes(parts.get(SHAPE, [b""])[-1]))  # type: ignore[arg-type]
    if dtype == STRING:
        return np.array([*parts.get(STRING_VALUES, []), None], dtype=object)[:-1].reshape(shape)
    if dtype not in DTYPES:
        raise ValueError(f"no such TensorFlow dtype: {dtype}")
    content_type, number, entry = DTYPES[dtype]
    if parts.get(CONTENT, [b""])[-1]:
        values = np.frombuffer(parts[CONTENT][-1], dtype=content_type)  # type: ignore[arg-type]
    else:
        values = _typed(parts.get(number, []), entry, content_type)
    count = int(np.prod(shape))
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

    Raises ValueError, IndexError, KeyError or TypeError when it is not one.
    """
    by_name = {}
    for number, entry in fields(message):
        if number == 1:
            pair = dict(fields(entry))  # type: ignore[arg-type]
            by_name[bytes(pair[1])] = tensor(pair[2])  # type: ignore[arg-type,index]
    return by_name


def reply_comparer(rtol: float, atol: float) -> Callable[[bytes, bytes], bool]:
    """A function that says whether two serialized replies mean the same within the tolerances."""

    def same(got: bytes, expected: bytes) -> bool:
        if got == expected:
            return True
        try:
            mine, other = tensors(got), tensors(expected)
        except (ValueError, IndexError, KeyError, TypeError):
            return _without_spec(got) == _without_spec(expected)
        return mine.keys() == other.keys() and all(
            mine[key].dtype == other[key].dtype and close(mine[key], other[key], rtol, atol) for key in other
        )

    return same


def tensor_text(message: bytes) -> str:
    """A serialized reply for a reader: its tensors by name, or its bytes where it does not read as such."""
    try:
        return (
            ", ".join(f"{name.decode()}: {values.tolist()}" for name, values in tensors(message).items()) or "no tensor"
        )
    except (ValueError, IndexError, KeyError, TypeError, UnicodeDecodeError):
        return repr(message)


def _without_spec(message: bytes) -> list[tuple[int, int | bytes]] | bytes:
    try:
        return [(number, value) for number, value in fields(message) if number != 2]
    except (ValueError, IndexError):
        return message
