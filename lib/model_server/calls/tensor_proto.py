"""TensorProto to numpy and back, as TensorFlow's Tensor::FromProto and AsProtoField do it."""

from __future__ import annotations

import math

import numpy as np

from model_server import tensorflow_package
from model_server.deep_array import MOST_RANK, shape_of, shaped
from model_server.element_types import NUMBERS, STRING, TYPES
from model_server.errors import invalid

tensorflow_package.install()
from tensorflow.core.framework.tensor_pb2 import TensorProto  # noqa: E402

# DataType number -> field that holds its values
_FIELDS = {
    1: "float_val",
    2: "double_val",
    **dict.fromkeys((3, 4, 5, 6, 17), "int_val"),
    7: "string_val",
    8: "scomplex_val",
    9: "int64_val",
    10: "bool_val",
    **dict.fromkeys((14, 19), "half_val"),
    18: "dcomplex_val",
    22: "uint32_val",
    23: "uint64_val",
}
_MOST_ELEMENTS = 1 << 31
_MOST_REPEATED = 1 << 26  # a shape of a few bytes must not take all memory by repeating one value


def to_array(proto: TensorProto) -> np.ndarray:
    """The tensor a client sent; fewer values than the shape has elements are filled with the last one.

    Raises:
        ValueError: the message does not describe a tensor.
    """
    if proto.dtype not in TYPES:
        raise ValueError(f"dtype {proto.dtype}")
    tensor_shape = proto.tensor_shape
    shape = [dim.size for dim in tensor_shape.dim]
    count = math.prod(shape)
    if tensor_shape.unknown_rank or min(shape, default=0) < 0 or len(shape) > MOST_RANK or count > _MOST_ELEMENTS:
        raise ValueError("shape")
    dtype = TYPES[proto.dtype][0]
    if proto.tensor_content:
        return shaped(_from_content(proto, dtype, count), shape)
    return shaped(_from_values(proto, dtype, count), shape)


def _from_content(proto: TensorProto, dtype: np.dtype, count: int) -> np.ndarray:
    if proto.dtype == STRING:
        return _strings_from_content(proto.tensor_content, count)
    if len(proto.tensor_content) != count * dtype.itemsize:
        raise ValueError("tensor_content")
    return np.frombuffer(proto.tensor_content, dtype)


def _strings_from_content(data: bytes, count: int) -> np.ndarray:
    """`count` varint lengths, then the bytes (tensorflow/core/platform/tensor_coding.cc)."""
    lengths, offset = [], 0
    for _ in range(count):
        value = shift = 0
        while True:
            if offset >= len(data) or shift > 28:
                raise ValueError("tensor_content")
            byte = data[offset]
            offset += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        lengths.append(value)
    if offset + sum(lengths) != len(data):
        raise ValueError("tensor_content")
    values = np.empty(count, object)
    for index, length in enumerate(lengths):
        values[index] = data[offset : offset + length]
        offset += length
    return values


def _from_values(proto: TensorProto, dtype: np.dtype, count: int) -> np.ndarray:
    values = getattr(proto, _FIELDS[proto.dtype])[:]  # a list: numpy reads it twice as fast as protobuf's container
    if proto.dtype in (8, 18):
        pairs = np.array(values, np.float32 if proto.dtype == 8 else np.float64)
        if len(pairs) % 2:
            raise ValueError("complex values")
        array = pairs.view(dtype)
    elif proto.dtype in (14, 19):
        array = np.array([value & 0xFFFF for value in values], np.uint16).view(dtype)
    elif proto.dtype == STRING:
        array = np.empty(len(values), object)
        array[:] = values
    else:
        read_as = np.int64 if dtype.kind in "iu" and dtype.itemsize < 8 else dtype
        array = np.array(values, read_as).astype(dtype, copy=False)
    if len(array) > count or (len(array) < count and count > _MOST_REPEATED):
        raise ValueError("number of values")
    if len(array) == count:
        return array
    filled = np.full(count, b"" if proto.dtype == STRING else 0, dtype)
    if len(array):
        filled[: len(array)] = array
        filled[len(array) :] = array[-1]
    return filled


def parse(alias: str, proto: TensorProto) -> np.ndarray:
    """The tensor of a request's input.

    Raises:
        ServingError: INVALID_ARGUMENT that names the alias.
    """
    try:
        return to_array(proto)
    except (ValueError, OverflowError, MemoryError):
        raise invalid(f"tensor parsing error: {alias}") from None


def to_proto(array: np.ndarray, as_content: bool = False, into: TensorProto | None = None) -> TensorProto:
    """The tensor for a reply: typed repeated fields, or `tensor_content` when asked."""
    proto = TensorProto() if into is None else into
    proto.dtype = number = NUMBERS[array.dtype]
    tensor_shape = proto.tensor_shape
    tensor_shape.SetInParent()
    for size in shape_of(array):
        tensor_shape.dim.add().size = size
    if as_content:
        proto.tensor_content = _content(array)
    elif number in (8, 18):
        getattr(proto, _FIELDS[number]).extend(array.ravel().view(np.float32 if number == 8 else np.float64).tolist())
    elif number in (14, 19):
        proto.half_val.extend(array.ravel().view(np.uint16).tolist())
    else:
        getattr(proto, _FIELDS[number]).extend(array.ravel().tolist())
    return proto


def _content(array: np.ndarray) -> bytes:
    if array.dtype != object:
        return array.tobytes()
    values = array.ravel().tolist()
    return b"".join(_varint(len(value)) for value in values) + b"".join(values)


def _varint(value: int) -> bytes:
    data = bytearray()
    while value > 127:
        data.append(value & 127 | 128)
        value >>= 7
    data.append(value)
    return bytes(data)
