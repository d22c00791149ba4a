"""Messages built at run time from a table of fields, in a private pool: no generated modules, no TensorFlow."""

from __future__ import annotations

import re
from collections.abc import Iterable

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

_SCALARS = ("double", "float", "int64", "uint64", "int32", "bool", "string", "bytes", "uint32")
_Field = descriptor_pb2.FieldDescriptorProto


def build(definitions: str, package: str, imports: Iterable[descriptor_pb2.FileDescriptorProto] = ()) -> dict:
    """The classes of a table's messages by name; type names with a dot come from `imports`.

    A table is written as in a .proto file: `message Name { [repeated] type field = number; ... }`, `map<key, value>`,
    `oneof name: type field = number;` for a member of a oneof, and `enum Name { VALUE = number; ... }`. Each enum is
    kept inside an empty message `NameEnum`, whose class is returned too, so that two enums may share names of values.
    """
    pool = descriptor_pool.DescriptorPool()
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.tables.proto", package=package, syntax="proto3")
    for imported in imports:
        pool.Add(imported)
        file.dependency.append(imported.name)
    enums = dict(re.findall(r"enum (\w+) \{(.*?)\}", definitions, re.DOTALL))
    for name, body in enums.items():
        holder = file.message_type.add(name=f"{name}Enum")
        kind = holder.enum_type.add(name=name)
        for value, number in sorted(re.findall(r"(\w+) = (-?\d+);", body), key=lambda pair: pair[1] != "0"):
            kind.value.add(name=value, number=int(number))
    for name, body in re.findall(r"message (\w+) \{(.*?)\}", definitions, re.DOTALL):
        message = file.message_type.add(name=name)
        for label, one, kind, field, number in re.findall(
            r"(repeated )?(?:oneof (\w+): )?(map<.*?>|[\w.]+) (\w+) = (\d+);", body
        ):
            _add(message, label, one, kind, field, int(number), package, enums)
    pool.Add(file)
    return {
        message.name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{message.name}"))
        for message in file.message_type
    }


def _add(
    message: descriptor_pb2.DescriptorProto, label: str, one: str, kind: str, name: str, number: int, package: str,
    enums: dict[str, str],
) -> None:  # fmt: skip
    field = message.field.add(name=name, number=number)
    field.label = _Field.LABEL_REPEATED if label or kind.startswith("map") else _Field.LABEL_OPTIONAL
    if one:
        names = [oneof.name for oneof in message.oneof_decl]
        if one not in names:
            message.oneof_decl.add(name=one)
            names.append(one)
        field.oneof_index = names.index(one)
    pair = re.fullmatch(r"map<(\w+),\s*(\w+)>", kind)
    if pair is None:
        return _type(field, kind, package, enums)
    entry = message.nested_type.add(name=f"{name.title().replace('_', '')}Entry")
    entry.options.map_entry = True
    _add(entry, "", "", pair[1], "key", 1, package, enums)
    _add(entry, "", "", pair[2], "value", 2, package, enums)
    field.type = _Field.TYPE_MESSAGE
    field.type_name = f".{package}.{message.name}.{entry.name}"


def _type(field: descriptor_pb2.FieldDescriptorProto, name: str, package: str, enums: dict[str, str]) -> None:
    if name in _SCALARS:
        field.type = getattr(_Field, f"TYPE_{name.upper()}")
    elif name in enums:
        field.type, field.type_name = _Field.TYPE_ENUM, f".{package}.{name}Enum.{name}"
    else:
        field.type = _Field.TYPE_MESSAGE
        field.type_name = f".{name}" if "." in name else f".{package}.{name}"


MessageType = type[Message]
