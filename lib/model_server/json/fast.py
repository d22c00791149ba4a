"""The quick way through a plain body: numbers straight into an array, no Python object for each.

Rows of decimals for float32 are read by `float_reader`, compiled from C when this is installed; simdjson reads every
other list of numbers, and those too where it could not be compiled. Everything else (strings, objects, mistakes, other
dtypes) takes the ordinary way, which has all the rules and texts.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from model_server.json.compiled import float_reader

Array: Any
Object: Any
Parser: Any
try:
    from simdjson import Array, Object, Parser
except ImportError:  # the ordinary way does it all, at about a third of the speed for long rows
    Array = Object = Parser = None

_FLOAT, _DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
_KINDS: dict[int | None, np.dtype] = {1: _FLOAT, 2: _DOUBLE}
_KEYS = ("instances", "inputs")


def read(body: bytes, dtype: int | None) -> tuple[bool, np.ndarray] | None:
    """Whether the body is in row format, and its one float tensor of rank 1 or 2; None: take the ordinary way.

    Args:
        dtype: DataType number of the signature's only input; None where there are more.
    """
    kind = _KINDS.get(dtype)
    if kind is _FLOAT and float_reader is not None:
        rows = float_reader.read(body)
        if rows is not None:
            shape, numbers = rows
            return True, np.ndarray(shape, _FLOAT, numbers)
    if Parser is None or kind is None:
        return None
    try:
        document = (getattr(_local, "parser", None) or _new_parser()).parse(body)
        if type(document) is not Object or len(document) != 1:
            return None
        (key,) = document
        values = document[key]
        if key not in _KEYS or type(values) is not Array:
            return None
        shape = _shape(body, values)
        if shape is None:
            return None
        numbers = np.frombuffer(values.as_buffer(of_type="d"), _DOUBLE)
        with np.errstate(over="ignore"):  # a number beyond float32 becomes infinite
            return key == "instances", numbers.astype(kind).reshape(shape)
    except (ValueError, TypeError, LookupError, RuntimeError):
        return None


def _shape(body: bytes, values) -> tuple[int, ...] | None:
    """The shape of a list of numbers or of equally long lists of numbers; None for anything else.

    The brackets tell about lists deeper down, which as_buffer would flatten.
    """
    rows = len(values)
    second = body.find(b"[", body.find(b"[") + 1)
    if second < 0:
        return (rows,) if rows else None
    if rows == 1:
        return (1, -1) if body.find(b"[", second + 1) < 0 and len(values[0]) else None
    width = len(values[0])
    if any(type(row) is not Array or len(row) != width for row in values):
        return None
    return (rows, width) if body.count(b"[", second) == rows else None


_local = threading.local()


def _new_parser():
    """Make this thread's parser, which uses its memory again for each body."""
    _local.parser = Parser()
    return _local.parser
