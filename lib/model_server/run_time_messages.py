"""Protobuf messages that no installed package brings, built from their field numbers when the server starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, wrappers_pb2

_FIELD = descriptor_pb2.FieldDescriptorProto
_KINDS = {
    "bool": _FIELD.TYPE_BOOL,
    "bytes": _FIELD.TYPE_BYTES,
    "double": _FIELD.TYPE_DOUBLE,
    "int32": _FIELD.TYPE_INT32,
    "int64": _FIELD.TYPE_INT64,
    "string": _FIELD.TYPE_STRING,
    "uint64": _FIELD.TYPE_UINT64,
}
Fields = Sequence[tuple[int, str, str]]


def classes(package: str, messages: Mapping[str, Fields]) -> dict[str, type]:
    """The message classes by name.

    Args:
        package: Of the messages, for example `tensorflow.serving`.
        messages: Message -> fields as (number, name, kind); a kind with a dot is a message of this package or a
            wrapper of google.protobuf, a leading * means repeated.
    """
    pool = descriptor_pool.DescriptorPool()
    pool.Add(descriptor_pb2.FileDescriptorProto.FromString(wrappers_pb2.DESCRIPTOR.serialized_pb))
    file = descriptor_pb2.FileDescriptorProto(name=f"model_server/{package}.proto", package=package, syntax="proto3")
    file.dependency.append("google/protobuf/wrappers.proto")
    for name, fields in messages.items():
        _add(file.message_type.add(name=name), fields)
    pool.Add(file)
    find = pool.FindMessageTypeByName
    return {name: message_factory.GetMessageClass(find(f"{package}.{name}")) for name in messages}


def _add(message: descriptor_pb2.DescriptorProto, fields: Fields) -> None:
    for number, field, kind in fields:
        label = _FIELD.LABEL_REPEATED if kind.startswith("*") else _FIELD.LABEL_OPTIONAL
        added = message.field.add(number=number, name=field, label=label)
        if "." in kind:
            added.type, added.type_name = _FIELD.TYPE_MESSAGE, "." + kind
        else:
            added.type = _KINDS[kind.lstrip("*")]
