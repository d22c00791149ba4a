"""JSON of a config file's message as the text format that the server reads; nothing where it is not certain."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from playbook.tfserving.config_messages import CONFIG_MESSAGES

_WRAPPERS = ("Int64Value", "BoolValue", "StringValue", "Int32Value")


def as_text(content: str, kind: str) -> str:
    """The text format of a JSON object of this message; "" for other JSON, or names that are no fields of it."""
    message = CONFIG_MESSAGES.get(kind)
    try:
        data = json.loads(content)
        return "" if message is None else "\n".join(_fields(data, message.DESCRIPTOR, ""))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ""


def _fields(data: dict[str, Any], kind: Any, indent: str) -> Iterator[str]:
    for name, value in data.items():
        field = kind.fields_by_name[name]
        repeated = field.is_repeated if hasattr(field, "is_repeated") else field.label == field.LABEL_REPEATED
        inner = field.message_type
        if inner is not None and inner.GetOptions().map_entry:
            value = [{"key": key, "value": held} for key, held in value.items()]
        elif repeated != isinstance(value, list):
            raise TypeError(name)
        for each in value if isinstance(value, list) else [value]:
            if inner is None:
                yield f"{indent}{name}: {_scalar(each, field)}"
                continue
            if inner.name in _WRAPPERS and not isinstance(each, dict):
                each = {"value": each}
            yield f"{indent}{name} {{"
            yield from _fields(each, inner, indent + "  ")
            yield f"{indent}}}"


def _scalar(value: Any, field: Any) -> str:
    """A value as text format writes it.

    Raises:
        TypeError: it is of another type than the field.
    """
    if field.cpp_type == field.CPPTYPE_STRING and isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if field.cpp_type == field.CPPTYPE_BOOL and isinstance(value, bool):
        return str(value).lower()
    if field.cpp_type == field.CPPTYPE_ENUM and value in field.enum_type.values_by_name:
        return str(value)
    numbers = (field.CPPTYPE_STRING, field.CPPTYPE_BOOL, field.CPPTYPE_ENUM)
    if field.cpp_type not in numbers and not isinstance(value, (bool, float)):
        return str(int(value))
    if field.cpp_type in (field.CPPTYPE_FLOAT, field.CPPTYPE_DOUBLE) and isinstance(value, float):
        return repr(value)
    raise TypeError(field.name)
