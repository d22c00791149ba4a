"""The table of element types: DataType numbers, numpy types and TensorFlow's names."""

from __future__ import annotations

import ml_dtypes
import numpy as np

STRING = 7

# DataType number (types.proto) -> (numpy type, name as TensorFlow's DataTypeString spells it)
TYPES: dict[int, tuple[np.dtype, str]] = {
    1: (np.dtype(np.float32), "float"),
    2: (np.dtype(np.float64), "double"),
    3: (np.dtype(np.int32), "int32"),
    4: (np.dtype(np.uint8), "uint8"),
    5: (np.dtype(np.int16), "int16"),
    6: (np.dtype(np.int8), "int8"),
    7: (np.dtype(object), "string"),
    8: (np.dtype(np.complex64), "complex64"),
    9: (np.dtype(np.int64), "int64"),
    10: (np.dtype(np.bool_), "bool"),
    14: (np.dtype(ml_dtypes.bfloat16), "bfloat16"),
    17: (np.dtype(np.uint16), "uint16"),
    18: (np.dtype(np.complex128), "complex128"),
    19: (np.dtype(np.float16), "half"),
    22: (np.dtype(np.uint32), "uint32"),
    23: (np.dtype(np.uint64), "uint64"),
}
NUMBERS = {dtype: number for number, (dtype, _) in TYPES.items()}


def enum_name(dtype: np.dtype) -> str:
    """`DT_FLOAT`, `DT_INT64`, `DT_STRING` ...: how types.proto names the DataType of a numpy type."""
    return "DT_" + type_name(NUMBERS[dtype]).upper()


def type_name(number: int) -> str:
    """`float`, `int64`, `string` ...: how TensorFlow's messages name a DataType number."""
    return TYPES[number][1] if number in TYPES else f"unknown dtype enum ({number})"
