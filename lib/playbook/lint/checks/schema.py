"""Config files read strictly, by the messages themselves: each mistake at its line, and protobuf has the last word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from playbook.errors import ParameterError
from playbook.lint.checks.odd_letters import odd_letters
from playbook.lint.checks.refusals import refusal_of
from playbook.lint.forms import text_proto
from playbook.lint.forms.text import Text
from playbook.lint.rules.findings import Finding, finding
from playbook.tfserving.config_messages import CONFIG_MESSAGES

# the flag that names a config file: (its message, what the server does when it refuses the file)
KINDS = {
    "batching_parameters_file": ("BatchingParameters", "the server exits with code 255"),
    "model_config_file": ("ModelServerConfig", "the server exits with code 255"),
    "monitoring_config_file": ("MonitoringConfig", "gRPC answers, REST never comes up, and the process stays"),
    "tensorflow_session_config_file": ("ConfigProto", "the server exits with code 255"),
    "ssl_config_file": ("SSLConfig", "the server aborts"),
    "platform_config_file": ("PlatformConfigMap", "the server exits with code 255"),
}
PER_MODEL = ("BatchingParameters", "the version fails to load")
_WRAPPERS = ("Int64Value", "BoolValue", "StringValue", "Int32Value")
_HINTS = {
    ("ModelServerConfig", "batching_parameters"): "Batching parameters stand in a file of their own, named by "
    "--batching_parameters_file beside --enable_batching (a version's own: batching_params.pbtxt in its folder).",
    ("ModelConfig", "batching_parameters"): "A model's own batching parameters stand in "
    "<base_path>/<version>/batching_params.pbtxt, with --enable_per_model_batching_parameters.",
    ("PrometheusConfig", "port"): "Metrics are served on --rest_api_port; drop the field.",
    ("ModelServerConfig", "config"): "Wrap it: model_config_list { config { ... } }.",
    ("BatchingParameters", "model_config_list"): "Models stand in a file of their own, named by --model_config_file.",
    ("ModelConfig", "model_version"): "Write model_version_policy { specific { versions: 1 } }.",
    ("ModelConfig", "version_policy"): "The field is called model_version_policy.",
}
_HINTS["ModelConfig", "batching_params"] = _HINTS["ModelConfig", "batching_parameters"]
_HINTS["ModelConfigList", "batching_parameters"] = _HINTS["ModelServerConfig", "batching_parameters"]
_TRITON = {"backend", "platform", "instance_group", "dynamic_batching"}  # its config.pbtxt shares our field names


_YAML = re.compile(r"(?m)^\s*(\w+:)[ \t]*(?:#.*)?\n(?:[ \t]*(?:#.*)?\n)*[ \t]*(?:- )?[ \t]*\w+:")


@dataclass
class Parsed:
    """A config file as read: its tree, whether the server accepts it, and what is wrong with it."""

    tree: text_proto.Field
    accepted: bool
    findings: list[Finding] = field(default_factory=list)


def read_config(text: Text, message: str, effect: str) -> Parsed:
    """Read a config file as the message the server reads it as."""
    if (odd := odd_letters(text, message, effect)) is not None:
        hit, meant = odd
        parsed = read_config(replace(text, content=meant), message, effect)
        return Parsed(parsed.tree, False, [hit, *parsed.findings])
    refusal = refusal_of(text.content, message)
    try:
        tree = text_proto.parse(text.content)
    except text_proto.Surplus as error:
        tree = error.before
    except ParameterError:
        tree = text_proto.Field("", 1)
    if refusal is None or (text.templated and not re.match(r"\s*\{\s*\"", text.content)):
        found = _of_another(text, message, effect) if refusal is not None else []
        return Parsed(tree, not found, found)
    if re.match(r"\s*[{\[]", text.content):
        hit = finding("config-json", text.path, text.line(1), kind=message, effect=effect)
        return Parsed(text_proto.Field("", 1), False, [hit])
    about = _About(text, message, effect)
    equals = re.search(r"(?m)^\s*(\w+)[ \t]*=", text.content)
    if equals and equals[1] in CONFIG_MESSAGES[message].DESCRIPTOR.fields_by_name:
        place = text.content.count("\n", 0, equals.start(1)) + 1
        problem = f"'{equals[1]} =' is no text format, which writes 'name: value' or 'name {{ ... }}'"
        hit = finding("config-file-broken", text.path, text.line(place), kind=message, problem=problem, effect=effect)
        return Parsed(text_proto.Field("", 1), False, [hit])
    if (nested := _YAML.search(text.content)) and not re.search("[{<]", text.content):
        place = text.content.count("\n", 0, nested.start(1)) + 1
        problem = f"'{nested[1]}' over indented lines is YAML; text format writes '{nested[1][:-1]} {{ ... }}'"
        hit = finding("config-file-broken", text.path, text.line(place), kind=message, problem=problem, effect=effect)
        return Parsed(text_proto.Field("", 1), False, [hit])
    findings = list(_walk(tree, CONFIG_MESSAGES[message].DESCRIPTOR, about))
    if not findings:
        line, problem = refusal
        findings.append(finding("config-file-broken", text.path, text.line(line), kind=message, problem=problem,
                                effect=effect))  # fmt: skip
    return Parsed(tree, False, findings)


def _of_another(text: Text, message: str, effect: str) -> list[Finding]:
    """What is wrong with a text of another kind, which nothing that is filled in later makes into one of this."""
    kind = kind_of(text.content)
    if kind is None or KINDS[kind][0] == message:
        return []
    try:
        tree = text_proto.parse(re.sub(r"\$\{[^{}]*\}|\$\w+", "0", text.content))
    except ParameterError:
        return []
    return list(_walk(tree, CONFIG_MESSAGES[message].DESCRIPTOR, _About(text, message, effect)))


@dataclass(frozen=True)
class _About:
    text: Text
    message: str
    effect: str

    def hit(self, rule: str, field_: text_proto.Field, **words: object) -> Finding:
        words = {"field": field_.name, "effect": self.effect, **words}
        return finding(rule, self.text.path, self.text.line(field_.line), **words)


def _walk(tree: text_proto.Field, kind: Any, about: _About) -> Iterator[Finding]:
    met: dict[str, str] = {}
    for child in tree.children:
        if child.name.startswith("["):
            inside = CONFIG_MESSAGES.get(child.name.strip("[]").rpartition(".")[2])
            yield from _walk(child, inside.DESCRIPTOR, about) if inside is not None else ()
            continue
        known = kind.fields_by_name.get(child.name)
        if known is None:
            yield _unknown(child, kind, about)
            continue
        slot = known.containing_oneof.name if known.containing_oneof else child.name
        if slot in met and not _repeated(known):
            yield about.hit("config-field-twice", child, other=met[slot])
        met[slot] = child.name
        yield from _form(child, known, about)


def _repeated(known: Any) -> bool:
    return known.is_repeated if hasattr(known, "is_repeated") else known.label == known.LABEL_REPEATED


def _unknown(child: text_proto.Field, kind: Any, about: _About) -> Finding:
    names = list(kind.fields_by_name)
    near = get_close_matches(child.name, names, n=1)
    hint = _HINTS.get((kind.name, child.name)) or (f"Did you mean {near[0]}?" if near else "")
    hint = hint or (f"Known are {', '.join(names)}." if names else "The message has no fields.")
    rule = "batching-unknown-field" if kind.name == "BatchingParameters" else "config-unknown-field"
    return about.hit(rule, child, kind=kind.name, hint=hint)


def _form(child: text_proto.Field, known: Any, about: _About) -> Iterator[Finding]:
    inner = known.message_type
    if inner is None:
        if child.is_message:
            batching = known.containing_type.name == "BatchingParameters"
            rule = "batching-wrapped-field" if batching else "config-message-for-scalar"
            yield about.hit(rule, child, value=child.wrapped("value") or "<value>")
        elif _bad_scalar(child, known):
            yield about.hit("config-bad-value", child, value=child.value, expected=_expected(known))
    elif not child.is_message:
        if inner.name in _WRAPPERS:
            yield about.hit("batching-bare-field", child, value=child.value)
        else:
            fields = ", ".join(inner.fields_by_name) or "nothing"
            yield about.hit("config-scalar-for-message", child, value=child.value, fields=fields)
    else:
        yield from _walk(child, inner, about)


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


_ENTRY = ({"base_path", "model_platform"}, {"base_path", "model_version_policy"}, {"base_path", "version_labels"},
          {"model_platform", "model_version_policy"})  # fmt: skip
_TOLD_BY = re.compile(
    "model_config|model_version_policy|base_path|platform_configs|batch|prometheus_config|server_(?:key|cert)|parallelism_threads|g(?:pu|raph)_options"
)
_LOG = re.compile(r"(?m)^\S*\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d|^[IWEF]\d{4} \d\d:")  # lines that tell of a config
_BEGINS = re.compile(
    r"\s*((#|//).*\n\s*)*[{\[\s]*\"?(model_config_list|max_batch_size|num_batch_threads|batch_timeout_micros|allowed_batch_sizes|"
    r"max_enqueued_batches|prometheus_config|platform_configs)\"?\s*[:{<]|\s*((#|//).*\n\s*)*\w+[ \t]*\{(?!\s*['\"])"
)


def is_batching(content: str) -> bool:
    """True for a text of nothing but fields of BatchingParameters, whatever stands between them and their values."""
    lines = [line for line in content.split("\n") if line.strip() and not line.lstrip().startswith(("#", "//"))]
    found = [_SETTING.fullmatch(line) for line in lines]
    names = {match[1] for match in found if match}
    fields = CONFIG_MESSAGES["BatchingParameters"].DESCRIPTOR.fields_by_name
    return bool(lines) and all(found) and names <= {*fields} and (len(names) > 1 or names != {"max_batch_size"})


_SETTING = re.compile(r"\s*(\w+)\s*[:=]?\s*(?:\{\s*value\s*[:=]\s*)?[\w.\"-]+\s*\}?[,;]?\s*(?:#.*)?")


def is_config(content: str) -> bool:
    """True for a text that is a config file from its first word on, not one that holds some of its words."""
    return bool(_BEGINS.match(content)) and kind_of(content) is not None


@lru_cache(maxsize=128)
def kind_of(content: str) -> str | None:
    """Which flag would name a text proto with these fields; None when it is none of them."""
    if not _TOLD_BY.search(content) or _LOG.search(content):
        return None
    bare = re.sub(r"(?m)(#|//).*$", "", content)
    names = set(re.findall(r"([a-z_]+)[\"']?\s*[:{<]", bare))
    if names & _TRITON:
        return None
    if names & {"model_config_list", "custom_model_config"} or any(each <= names for each in _ENTRY):
        return "model_config_file"
    if "platform_configs" in names:
        return "platform_config_file"
    if names & {"max_batch_size", "batch_timeout_micros", "num_batch_threads", "allowed_batch_sizes",
                "max_enqueued_batches"}:  # fmt: skip
        return "batching_parameters_file"
    if "prometheus_config" in names:
        return "monitoring_config_file"
    if names & {"server_key", "server_cert"}:
        return "ssl_config_file"
    if names & {"intra_op_parallelism_threads", "inter_op_parallelism_threads", "gpu_options", "graph_options"}:
        return "tensorflow_session_config_file"
    return None
