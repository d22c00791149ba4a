"""Tensors as the JSON of a predict reply, with the layout of TensorFlow Serving (json_tensor.cc)."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence

import numpy as np

from model_server.deep_array import shape_of
from model_server.element_types import NUMBERS, type_name
from model_server.errors import invalid
from model_server.json.floats import number_rows, number_texts

_ESCAPES = {byte: f"\\u{byte:04X}".encode() for byte in range(32)}
_ESCAPES |= {8: b"\\b", 9: b"\\t", 10: b"\\n", 12: b"\\f", 13: b"\\r", 34: b'\\"', 92: b"\\\\"}
_SPECIAL = frozenset(_ESCAPES)
_WRITABLE = frozenset("fd?bBhiIlLqQ")  # dtype.char; json_tensor.cc knows neither half nor uint16, nor complex


def quoted(value: bytes) -> bytes:
    """A JSON string of these bytes; bytes that are not UTF-8 pass through, as in TensorFlow Serving."""
    if _SPECIAL.isdisjoint(value):
        return b'"' + value + b'"'
    return b'"' + b"".join(_ESCAPES.get(byte) or bytes((byte,)) for byte in value) + b'"'


def error_body(message: str) -> bytes:
    """The body of every error reply."""
    return b'{\n    "error": ' + quoted(message.encode("utf-8", "replace")) + b"\n}"


def _leaf_texts(alias: str, array: np.ndarray) -> list[str]:
    """Every value's text; bytes that are not UTF-8 travel as surrogates and come out unchanged."""
    if array.dtype == object:
        values = array.ravel().tolist()
        if alias.endswith("_bytes"):
            return ['{\n"b64": "' + base64.b64encode(value).decode() + '"\n}' for value in values]
        return [_text(quoted(value)) for value in values]
    if not array.size:
        return []  # nothing of it has to be written, whatever its type
    _check_writable(array.dtype)
    return number_texts(array.ravel())


def _check_writable(dtype: np.dtype) -> None:
    if dtype.char not in _WRITABLE:
        raise invalid(f"Failed to write JSON value for tensor type: {type_name(NUMBERS[dtype])}")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _nested(items: list[str], shape: Sequence[int]) -> str:
    """The texts as lists in lists on one line."""
    for axis in range(len(shape) - 1, -1, -1):
        width = shape[axis]
        count = math.prod(shape[:axis])
        items = ["[" + ", ".join(items[i * width : (i + 1) * width]) + "]" for i in range(count)]
    return items[0]


def _indented(texts: Sequence[str], shape: Sequence[int], level: int) -> str:
    """The texts as lists in lists, one value a line."""
    if not shape:
        return texts[0]
    if not shape[0]:
        return "[]"
    step = len(texts) // shape[0]
    pad = "\n" + "    " * (level + 1)
    inner = [_indented(texts[i * step : (i + 1) * step], shape[1:], level + 1) for i in range(shape[0])]
    return "[" + pad + ("," + pad).join(inner) + "\n" + "    " * level + "]"


def row_reply_of(elements: Sequence[str]) -> bytes:
    """`{"predictions": [...]}` around elements that are JSON already."""
    end = "\n    ]\n}" if elements else "]\n}"
    return _bytes(f'{{\n    "predictions": [{", ".join(elements)}{end}')


def row_reply(outputs: Mapping[str, np.ndarray]) -> bytes:
    """`{"predictions": [...]}`: one element a row, a plain value where there is one output.

    Raises:
        ServingError: outputs without rows, of unequal rows, or of a type JSON cannot show.
    """
    if not outputs:
        raise invalid("Cannot convert empty tensor map to JSON")
    rows = -1
    for alias, array in outputs.items():
        if array.ndim == 0:
            raise invalid(f"Tensor name: {alias} has no shape information ")
        if rows >= 0 and len(array) != rows:
            raise invalid(f"Tensor name: {alias} has inconsistent batch size: {len(array)} expecting: {rows}")
        rows = len(array)
    columns = [(alias, row_texts(alias, array)) for alias, array in sorted(outputs.items())]
    if len(columns) == 1:
        elements = columns[0][1]
    else:
        elements = [_row_object([(name, texts[row]) for name, texts in columns]) for row in range(rows)]
    return row_reply_of(elements)


def row_texts(alias: str, array: np.ndarray) -> list[str]:
    """The JSON of each row of an output.

    Raises:
        ServingError: JSON cannot show its type.
    """
    shape = shape_of(array)[1:]
    if array.size and len(shape) == 1 and array.dtype != object:
        _check_writable(array.dtype)
        return number_rows(array)
    texts, step = _leaf_texts(alias, array), math.prod(shape)
    if not shape:
        return texts
    return [_nested(texts[row * step : (row + 1) * step], shape) for row in range(len(array))]


def _name(alias: str) -> str:
    return _text(quoted(alias.encode()))


def _row_object(pairs: Sequence[tuple[str, str]]) -> str:
    lines = [f"            {_name(name)}: {text}" for name, text in pairs]
    return "{\n" + ",\n".join(lines) + "\n        }"


def column_reply(outputs: Mapping[str, np.ndarray]) -> bytes:
    """`{"outputs": ...}`: the bare tensor where there is one output, else alias -> tensor.

    Raises:
        ServingError: no outputs, or of a type JSON cannot show.
    """
    if not outputs:
        raise invalid("Cannot convert empty tensor map to JSON")
    if len(outputs) == 1:
        ((alias, array),) = outputs.items()
        return _bytes('{\n    "outputs": ' + _indented(_leaf_texts(alias, array), shape_of(array), 1) + "\n}")
    pairs = [
        f"        {_name(alias)}: {_indented(_leaf_texts(alias, array), shape_of(array), 2)}"
        for alias, array in sorted(outputs.items())
    ]
    return _bytes('{\n    "outputs": {\n' + ",\n".join(pairs) + "\n    }\n}")
