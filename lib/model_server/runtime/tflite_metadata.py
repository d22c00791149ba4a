"""The signatures TensorFlow Serving sees in a .tflite file: those of its metadata buffer, and no others.

signature_def_util.cc looks for a metadata entry named `signature_defs_metadata`, whose buffer is a flexbuffer map from
signature key to a serialized SignatureDef. The table of signatures that today's converter writes is not looked at.
"""

from __future__ import annotations

import struct

from flatbuffers import encode, flexbuffers, number_types
from flatbuffers.table import Table
from google.protobuf.message import DecodeError

from model_server import tensorflow_package
from model_server.errors import INTERNAL, ServingError

tensorflow_package.install()
from tensorflow.core.protobuf import meta_graph_pb2  # noqa: E402

ENTRY = b"signature_defs_metadata"
# fields of tensorflow/lite/schema/schema.fbs as offsets in their table: 4 + 2 * (number of the field)
_MODEL_BUFFERS, _MODEL_METADATA = 12, 16
_METADATA_NAME, _METADATA_BUFFER = 4, 6
_BUFFER_DATA = 4


def signature_defs(content: bytes) -> dict[str, meta_graph_pb2.SignatureDef]:
    """Signature key -> SignatureDef; empty where the file has no such entry.

    Raises:
        ServingError: INTERNAL, the entry is there and cannot be read.
    """
    try:
        data = _entry(content)
        if not data:
            return {}
        entries = flexbuffers.GetRoot(data).AsMap
        pairs = zip(entries.Keys, entries.Values, strict=True)
        return {key.Value: meta_graph_pb2.SignatureDef.FromString(_bytes(value)) for key, value in pairs}
    except (ValueError, TypeError, AttributeError, IndexError, struct.error, DecodeError) as error:
        text = f"Invalid SignatureDefs found in TfLite model: {type(error).__name__}: {error}"
        raise ServingError(INTERNAL, text) from error


def _bytes(value: flexbuffers.Ref) -> bytes:
    """A serialized message: the C++ writer calls it a string though it is no text, which AsString would decode."""
    if value.IsString:
        return bytes(flexbuffers.String(value._Indirect(), value._byte_width).Bytes)
    return bytes(value.AsBlob.Bytes)


def _entry(content: bytes) -> bytes:
    """The bytes of the buffer that the entry names."""
    model = Table(content, encode.Get(number_types.UOffsetTFlags.packer_type, content, 0))
    buffers = _tables(model, _MODEL_BUFFERS)
    for metadata in _tables(model, _MODEL_METADATA):
        offset = metadata.Offset(_METADATA_NAME)
        if offset and metadata.String(metadata.Pos + offset) == ENTRY:
            index = metadata.GetSlot(_METADATA_BUFFER, 0, number_types.Uint32Flags)
            return _data(buffers[index])
    return b""


def _tables(table: Table, field: int) -> list[Table]:
    """The tables of a vector field."""
    offset = table.Offset(field)
    if not offset:
        return []
    start = table.Vector(offset)
    return [Table(table.Bytes, table.Indirect(start + 4 * index)) for index in range(table.VectorLen(offset))]


def _data(buffer: Table) -> bytes:
    offset = buffer.Offset(_BUFFER_DATA)
    if not offset:
        return b""
    start = buffer.Vector(offset)
    return bytes(buffer.Bytes[start : start + buffer.VectorLen(offset)])
