"""Config files read strictly, by the messages themselves: each mistake at its line, and protobuf has the last word."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from playbook.errors import ParameterError
from playbook.knobs import METRICS_PATH
from playbook.lint.checks.config_kinds import kind_of
from playbook.lint.checks.fields import About, misplaced, walk
from playbook.lint.checks.filled_values import strict_part
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
    "thread_pool_factory_config_file": ("ThreadPoolFactoryConfig", "the server exits with code 255"),
}
# how each file is begun in text format
_FORMS = {
    "BatchingParameters": "max_batch_size { value: 32 } batch_timeout_micros { value: 1000 }",
    "ModelServerConfig": 'model_config_list { config { name: "m" base_path: "/m" model_platform: "tensorflow" } }',
    "MonitoringConfig": f'prometheus_config {{ enable: true path: "{METRICS_PATH}" }}',
    "SSLConfig": 'server_key: "-----BEGIN ..." server_cert: "-----BEGIN ..."',
}
PER_MODEL = ("BatchingParameters", "the version fails to load")


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
    refusal, broken = refusal_of(text.content, message), False
    try:
        tree = text_proto.parse(text.content)
    except text_proto.Surplus as error:
        tree = error.before
    except text_proto.Cut:
        tree, broken = text_proto.Field("", 1), True
        if not text.templated:  # whose branches stand side by side
            tree = text_proto.recovered(text.content)
    except ParameterError:
        tree = text_proto.Field("", 1)
    if refusal is None or (text.templated and not re.match(r"\s*\{\s*\"", text.content)):
        found = (_of_another(text, message, effect) or _around_values(text, message, effect)) if refusal else []
        return Parsed(tree, not found, found)
    about = About(text, message, effect)
    if (other := _another_form(about)) is not None:
        return _as_text(other, about)
    findings = list(walk(tree, CONFIG_MESSAGES[message].DESCRIPTOR, about))
    findings = [hit for hit in findings if not (broken and _is_stray(hit))]
    if broken or not findings:
        line, problem = refusal
        words = {"kind": message, "problem": problem.rstrip("."), "effect": effect}
        findings.append(finding("config-file-broken", text.path, text.line(line), **words))
    return Parsed(tree, False, findings)


def _of_json(about: About) -> Iterator[Finding]:
    """The fields of a JSON text that belong into another file: they stay wrong in text format."""
    try:
        data = json.loads(about.text.content)
    except ValueError:
        return
    if isinstance(data, dict):
        tree = _as_fields(data, about.text.content)
        yield from misplaced(tree, CONFIG_MESSAGES[about.message].DESCRIPTOR, about)


def _as_fields(data: dict[str, Any], content: str, name: str = "", line: int = 1) -> text_proto.Field:
    """A JSON object as fields; each stands where its name is first written behind the one that holds it."""
    made, lines = text_proto.Field(name, line), content.split("\n")
    for key, value in data.items():
        place = next((nth for nth in range(line, len(lines) + 1) if f'"{key}"' in lines[nth - 1]), line)
        for each in value if isinstance(value, list) else [value]:
            inner = _as_fields(each, content, key, place) if isinstance(each, dict) else None
            made.children.append(inner or text_proto.Field(key, place, str(each)))
    return made


_KEY, _EQUALS = re.compile(r'"(\w+)"(\s*:)'), re.compile(r"(?<![\w\"])(\w+)[ \t]*=[ \t]*(?=\S)")
_FIELDS = {name for kind in CONFIG_MESSAGES.values() for name in kind.DESCRIPTOR.fields_by_name}


def _is_stray(hit: Finding) -> bool:
    """True for a known field in a message that lacks its brace, in which it was not meant to be."""
    return hit.rule.endswith("unknown-field") and hit.message.partition(" ")[0] in _FIELDS


def _as_text(other: Finding, about: About) -> Parsed:
    """A file of another form, which is said, and what is wrong with it beside that."""
    text, content = about.text, about.text.content
    if other.rule == "config-json" and content.strip()[:1] == "{" and content.strip()[-1:] == "}":
        inside = content.replace("{", " ", 1)[: content.rfind("}")]
        meant = read_config(replace(text, content=_KEY.sub(r"\1\2", inside)), about.message, about.effect)
        return Parsed(_with_platforms(meant.tree), False, [other, *_of_json(about)])
    if not _EQUALS.search(content) or content.lstrip()[:1] in ("{", "["):
        return Parsed(text_proto.Field("", 1), False, [other, *_of_json(about)])
    meant = read_config(replace(text, content=_EQUALS.sub(r"\1: ", content)), about.message, about.effect)
    lines = {text.line(content.count("\n", 0, each.start()) + 1) for each in _EQUALS.finditer(content)}
    beside = [hit for hit in meant.findings if hit.line not in lines and hit.rule != "config-file-broken"]
    return Parsed(_with_platforms(meant.tree), False, [other, *beside])


def _with_platforms(tree: text_proto.Field) -> text_proto.Field:
    """The tree with the field that each model needs, which the form shows that the text is to be written in."""
    for config in tree.walk("config"):
        if not {child.name for child in config.children} & {"model_platform", "model_type"}:
            config.children.append(text_proto.Field("model_platform", config.line, "tensorflow", True))
    return tree


def _another_form(about: About) -> Finding | None:
    """JSON, `name = value` or YAML where text format belongs; None for a text that is none of these."""
    text, content = about.text, about.text.content
    if re.match(r"\s*[{\[]", content):
        form = _FORMS.get(about.message, "field: value, one after the other")
        return finding("config-json", text.path, text.line(1), kind=about.message, effect=about.effect, form=form)
    equals = re.search(r"(?m)^\s*(\w+)[ \t]*=", content)
    if equals and equals[1] in CONFIG_MESSAGES[about.message].DESCRIPTOR.fields_by_name:
        return _broken(
            about, equals, f"'{equals[1]} =' is no text format, which writes 'name: value' or 'name {{ ... }}'"
        )
    if (nested := _YAML.search(content)) and not re.search("[{<]", content):
        name = nested[1][:-1]
        return _broken(about, nested, f"'{name}:' over indented lines is YAML; text format writes '{name} {{ ... }}'")
    return None


def _broken(about: About, found: re.Match[str], problem: str) -> Finding:
    text = about.text
    line = text.line(text.content.count("\n", 0, found.start(1)) + 1)
    return finding("config-file-broken", text.path, line, kind=about.message, problem=problem, effect=about.effect)


def _around_values(text: Text, message: str, effect: str) -> list[Finding]:
    """What is wrong with a text whose values alone are filled in later; branches may stand side by side in it."""
    rest = strict_part(text.content, message) if text.seen else None
    fields = CONFIG_MESSAGES[message].DESCRIPTOR.fields_by_name
    if rest is None or not any(re.search(rf"(?m)^\s*{name}\b", rest) for name in fields):  # a piece of one
        return []
    found = read_config(replace(text, content=rest, templated=False), message, effect).findings
    return [hit for hit in found if hit.rule != "config-field-twice"]


def _of_another(text: Text, message: str, effect: str) -> list[Finding]:
    """What is wrong with a text of another kind, which nothing that is filled in later makes into one of this."""
    kind = kind_of(text.content)
    if kind is None or KINDS[kind][0] == message:
        return []
    try:
        tree = text_proto.parse(re.sub(r"\$\{[^{}]*\}|\$\w+", "0", text.content))
    except ParameterError:
        return []
    return list(walk(tree, CONFIG_MESSAGES[message].DESCRIPTOR, About(text, message, effect)))
