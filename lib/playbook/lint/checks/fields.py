"""The fields of a config file held against its message: each that is unknown, of another form, or given twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from playbook.lint.forms import text_proto
from playbook.lint.forms.text import Text
from playbook.lint.rules.findings import Finding, finding
from playbook.tfserving.config_messages import CONFIG_MESSAGES

_WRAPPERS = ("Int64Value", "BoolValue", "StringValue", "Int32Value")
_HINTS = {
    ("ModelServerConfig", "batching_parameters"): "Batching parameters stand in a file of their own, named by "
    "--batching_parameters_file beside --enable_batching (a version's own: batching_params.pbtxt in its folder).",
    ("ModelConfig", "batching_parameters"): "A model's own batching parameters stand in "
    "<base_path>/<version>/batching_params.pbtxt, with --enable_per_model_batching_parameters.",
    ("PrometheusConfig", "port"): "Metrics are served on --rest_api_port; drop the field.",
    ("ModelServerConfig", "config"): "Wrap it: model_config_list { config { ... } }.",
    (
        "ModelConfigList",
        "logging_config",
    ): "It belongs inside config { ... }, and the stock server, which has no request "
    "logger, ends with it there: drop it.",
    ("BatchingParameters", "model_config_list"): "Models stand in a file of their own, named by --model_config_file.",
    ("ModelConfig", "model_version"): "Write model_version_policy { specific { versions: 1 } }.",
    ("ModelConfig", "version_policy"): "Write model_version_policy.",
}
_HINTS["ModelConfig", "batching_params"] = _HINTS["ModelConfig", "batching_parameters"]
_HINTS["ModelConfigList", "batching_parameters"] = _HINTS["ModelServerConfig", "batching_parameters"]

_PROTOS = {
    "BatchingParameters": "session_bundle_config.proto",
    "ConfigProto": "tensorflow/core/protobuf/config.proto",
    "ModelServerConfig": "model_server_config.proto",
    "MonitoringConfig": "monitoring_config.proto",
    "PlatformConfigMap": "platform_config.proto and those of what it holds",
    "SSLConfig": "ssl_config.proto",
    "ThreadPoolFactoryConfig": "thread_pool_factory_config.proto",
}  # where each message stands


@dataclass(frozen=True)
class About:
    """A config file, the message it is read as, and what the server does when it refuses the file."""

    text: Text
    message: str
    effect: str

    def hit(self, rule: str, field_: text_proto.Field, **words: object) -> Finding:
        """The finding of a rule at a field."""
        words = {"field": field_.name, "effect": self.effect, **words}
        hit = finding(rule, self.text.path, self.text.line(field_.line), **words)
        return replace(hit, source=f"text format; {_PROTOS[self.message]}")


def walk(tree: text_proto.Field, kind: Any, about: About) -> Iterator[Finding]:
    """What is wrong with the fields below one, as fields of a message of this kind."""
    met: dict[str, str] = {}
    for child in tree.children:
        if child.name.startswith("["):
            inside = CONFIG_MESSAGES.get(child.name.strip("[]").rpartition(".")[2])
            yield from walk(child, inside.DESCRIPTOR, about) if inside is not None else ()
            continue
        known = kind.fields_by_name.get(child.name)
        if known is None:
            yield _unknown(child, kind, about)
            if (meant := _message_meant(child, kind)) is not None:  # what stands in it is judged, here and later
                child.name = meant.name
                yield from walk(child, meant.message_type, about)
            continue
        slot = known.containing_oneof.name if known.containing_oneof else child.name
        if slot in met and not _repeated(known):
            yield about.hit("config-field-twice", child, other=met[slot])
        met[slot] = child.name
        yield from _form(child, known, about)


def misplaced(tree: text_proto.Field, kind: Any, about: About) -> Iterator[Finding]:
    """The fields below one that are known to belong elsewhere, whatever form the text is written in."""
    for child in tree.children:
        known = kind.fields_by_name.get(child.name)
        if known is None and (kind.name, child.name) in _HINTS:
            yield _unknown(child, kind, about)
        elif known is not None and known.message_type is not None:
            yield from misplaced(child, known.message_type, about)


def _repeated(known: Any) -> bool:
    return known.is_repeated if hasattr(known, "is_repeated") else known.label == known.LABEL_REPEATED


def _unknown(child: text_proto.Field, kind: Any, about: About) -> Finding:
    names = list(kind.fields_by_name)
    near = get_close_matches(child.name, names, n=1)
    same = _underscored(child.name)
    said = f"Write {same}." if same in names else f"Did you mean {near[0]}?" if near else ""
    hint = _HINTS.get((kind.name, child.name)) or said
    hint = hint or (f"Known are {', '.join(names)}." if names else "The message has no fields.")
    rule = "batching-unknown-field" if kind.name == "BatchingParameters" else "config-unknown-field"
    return about.hit(rule, child, kind=kind.name, hint=hint)


def _underscored(name: str) -> str:
    """A name as protobuf writes it, which JSON and others write with capitals or dashes."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).replace("-", "_").lower()


def _message_meant(child: text_proto.Field, kind: Any) -> Any:
    """The field that a message with a misspelt name is meant as; None where no message is called nearly so, and for
    a name that has its place elsewhere."""
    misspelt = child.is_message and (kind.name, child.name) not in _HINTS
    near = get_close_matches(child.name, list(kind.fields_by_name), n=1) if misspelt else []
    known = kind.fields_by_name[near[0]] if near else None
    inner = known.message_type if known is not None else None
    return known if inner is not None and inner.name not in _WRAPPERS else None


def _form(child: text_proto.Field, known: Any, about: About) -> Iterator[Finding]:
    inner = known.message_type
    if inner is None:
        if child.is_message:
            batching = known.containing_type.name == "BatchingParameters"
            rule = "batching-wrapped-field" if batching else "config-message-for-scalar"
            yield about.hit(rule, child, value=child.wrapped("value") or "<value>")
        elif _bad_scalar(child, known):
            shown = f'"{child.value}"' if child.quoted else child.value
            yield about.hit("config-bad-value", child, value=shown, expected=_expected(known))
    elif not child.is_message:
        if inner.name in _WRAPPERS:
            yield about.hit("batching-bare-field", child, value=child.value)
        else:
            fields = ", ".join(inner.fields_by_name) or "nothing"
            yield about.hit("config-scalar-for-message", child, value=child.value, fields=fields)
    else:
        yield from walk(child, inner, about)


_INTEGERS = {FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31), FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63),
             FieldDescriptor.CPPTYPE_UINT32: (0, 2**32), FieldDescriptor.CPPTYPE_UINT64: (0, 2**64)}  # fmt: skip


def _bad_scalar(child: text_proto.Field, known: Any) -> bool:
    value, kind = child.value or "", known.cpp_type
    if kind == known.CPPTYPE_STRING:
        return not child.quoted
    if child.quoted:
        return True
    if kind in _INTEGERS:
        low, high = _INTEGERS[kind]
        try:
            return not low <= int(value, 0 if value.lower().startswith(("0x", "-0x")) else 10) < high
        except ValueError:
            return True
    if kind == known.CPPTYPE_BOOL:
        return value not in ("true", "false", "True", "False", "t", "f", "0", "1")
    if kind == known.CPPTYPE_ENUM:
        return value not in known.enum_type.values_by_name and not value.lstrip("-").isdigit()
    return False


def _expected(known: Any) -> str:
    if known.cpp_type == known.CPPTYPE_ENUM:
        return "one of " + ", ".join(known.enum_type.values_by_name)
    names = {known.CPPTYPE_STRING: "a quoted string", known.CPPTYPE_BOOL: "true or false (no quotes)"}
    return names.get(known.cpp_type, "a number (no quotes)")
