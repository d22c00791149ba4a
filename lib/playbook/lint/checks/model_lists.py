"""Lint of model lists: each entry's name, base path, platform, policy and labels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from playbook.lint.checks.command import Command
from playbook.lint.checks.file_systems import check_remote, is_relative
from playbook.lint.checks.flag_values import divides_url
from playbook.lint.checks.schema import KINDS, Parsed, read_config
from playbook.lint.checks.too_deep import check_too_deep
from playbook.lint.forms import text_proto
from playbook.lint.forms.text import UNKNOWN, Text, is_unknown
from playbook.lint.rules.findings import Finding, finding


@dataclass(frozen=True)
class ModelEntry:
    """One `config { ... }` of a model list: `versions` is None without a specific policy, `latest` its count."""

    name: str
    base_path: str
    line: int | None
    versions: tuple[int, ...] | None = None
    latest: int = 1
    every: bool = False
    labels: tuple[tuple[str, int], ...] = ()
    path_line: int | None = None  # where its base_path stands


def model_entries(text: Text) -> list[ModelEntry]:
    """The models a config file lists; none when it cannot be read."""
    return [_entry(config, text) for config in _configs(read_config(text, *KINDS["model_config_file"]).tree)]


def _configs(tree: text_proto.Field) -> list[text_proto.Field]:
    lists = [child for child in tree.children if child.name == "model_config_list"]
    return [config for each in lists for config in each.children if config.name == "config"]


def _entry(config: text_proto.Field, text: Text) -> ModelEntry:
    policy = config.first("model_version_policy")
    specific, latest = (policy.first("specific"), policy.first("latest")) if policy else (None, None)
    if policy and not specific and policy.first("versions"):
        specific = policy  # one that is refused, and that is said; labels are judged by what it means
    numbers = [int(child.value or 0) for child in (specific.children if specific else ())
               if child.name == "versions" and (child.value or "").isdigit()]  # fmt: skip
    labels = [(label.text("key"), int(label.text("value") or 0)) for label in config.children
              if label.name == "version_labels" and (label.text("value") or "0").lstrip("-").isdigit()]  # fmt: skip
    count = latest.text("num_versions") if latest else ""
    given = [child for child in specific.children if child.name == "versions"] if specific else []
    known = specific is not None and len(numbers) == len(given)  # a version that is filled in later is not known
    return ModelEntry(_meant(config, "name"), _meant(config, "base_path"), text.line(config.line),
                      tuple(numbers) if known else None, max(1, int(count)) if count.isdigit() else 1,
                      bool(policy and policy.first("all")), tuple(labels),
                      text.line((config.first("base_path") or config).line))  # fmt: skip


def _meant(config: text_proto.Field, name: str) -> str:
    """The scalar of a name; not known where it is given in several ways, which the server refuses."""
    given = {child.value for child in config.children if child.name == name}
    return config.text(name) if len(given) < 2 else UNKNOWN


def check_models(parsed: Parsed, text: Text, command: Command | None) -> Iterator[Finding]:
    """Findings of a model list, entry by entry."""
    entries = _configs(parsed.tree)
    if text.templated and not entries:  # a document's excerpt
        entries = [child for child in parsed.tree.children if child.name == "config"]
    custom = parsed.tree.first("custom_model_config")
    if custom is not None:
        yield finding("custom-model-config", text.path, text.line(custom.line))
    polled = command is not None and command.number("model_config_file_poll_wait_seconds") > 0  # models come later
    if parsed.accepted and not (entries or text.templated or polled or custom is not None):
        yield finding("config-empty", text.path, text.line(1))
    names: set[str] = set()
    paths: dict[str, str] = {}
    for config in entries:
        name, line = config.text("name"), text.line(config.line)
        if name and name in names and not is_unknown(name):
            yield finding("model-twice", text.path, _line(config, "name", text), name=name)
        names.add(name)
        if not name:
            yield finding("model-name-missing", text.path, line)
        yield from _model(config, text, command, parsed.accepted)
        base = config.text("base_path").rstrip("/")
        if base and base in paths and name != paths[base]:
            words = {"names": f"{paths[base]} and {name}", "path": base}
            yield finding("model-path-shared", text.path, _line(config, "base_path", text), **words)
        paths.setdefault(base, name)


def _line(config: text_proto.Field, name: str, text: Text) -> int | None:
    child = config.first(name)
    return text.line(child.line if child else config.line)


def _model(config: text_proto.Field, text: Text, command: Command | None, accepted: bool) -> Iterator[Finding]:
    shown = repr(config.text("name"))
    base, platform = config.text("base_path"), config.text("model_platform")
    names = [child.name for child in config.children]
    alike = get_close_matches("model_platform", names, 1, 0.8)
    misspelt = alike or any("platform" in name for name in names)  # said at the field itself
    if not platform and not _type_of(config) and not misspelt:
        yield finding("model-platform-missing", text.path, text.line(config.line), name=shown)
    elif platform and _type_of(config):
        yield finding("model-platform-unknown", text.path, _line(config, "model_platform", text), name=shown,
                      platform=f"{platform} beside model_type")  # fmt: skip
    elif platform not in ("", "tensorflow") and _is_text(config, "model_platform") and not _may_be(platform, command):
        yield finding("model-platform-unknown", text.path, _line(config, "model_platform", text), name=shown,
                      platform=platform)  # fmt: skip
    elif (_type_of(config) or "TENSORFLOW") not in ("TENSORFLOW", "1"):
        yield finding("model-platform-unknown", text.path, _line(config, "model_type", text), name=shown,
                      platform=config.text("model_type"))  # fmt: skip
    if is_relative(base) and (base or accepted):  # what protobuf refuses may be a base path misspelt
        words = {"path": base or "(none)", "example": " (in a container, such as /models/...)"}
        yield finding("relative-base-path", text.path, _line(config, "base_path", text), **words)
    if base != base.rstrip() or (accepted and base != base.lstrip() and not is_relative(base)):
        words = {"field": "base_path", "value": base}
        yield finding("value-with-blank", text.path, _line(config, "base_path", text), **words)
    if accepted and not text.templated and re.match(r"\$\{?\w+", base):
        yield finding("config-variable", text.path, _line(config, "base_path", text), path=base)
    name = config.text("name")
    if (letter := divides_url(name)) and command is not None and command.number("rest_api_port"):
        yield finding("name-in-url", text.path, _line(config, "name", text), name=name, letter=letter)
    yield from check_remote(command or Command(()), base, text.path, _line(config, "base_path", text))
    if config.first("logging_config") is not None:
        yield finding("logging-config", text.path, _line(config, "logging_config", text))
    yield from _policy(config, text, accepted)
    yield from _labels(config, text, command)


def _type_of(config: text_proto.Field) -> str:
    """The deprecated model_type; "" where it is unset or its first value, which is the same."""
    given = config.text("model_type")
    return "" if given in ("0", "MODEL_TYPE_UNSPECIFIED") else given


def _may_be(platform: str, command: Command | None) -> bool:
    """True for a platform that is filled in later, or that a platform_config_file may name."""
    return is_unknown(platform) or (command is not None and bool(command.text("platform_config_file")))


def _is_text(config: text_proto.Field, name: str) -> bool:
    """True for a field with quotes around its value; one without is said to lack them."""
    child = config.first(name)
    return child is not None and child.quoted


def _policy(config: text_proto.Field, text: Text, accepted: bool) -> Iterator[Finding]:
    entry = _entry(config, text)
    policy = config.first("model_version_policy")
    specific = policy.first("specific") if policy else None
    if entry.versions == () and (accepted or (specific is not None and specific.is_message and not specific.children)):
        yield finding("policy-empty", text.path, _line(config, "model_version_policy", text))
    yield from check_too_deep(entry.base_path, (text.path, _line(config, "base_path", text)))
    if re.search(r"/\d+/?$", entry.base_path):
        parent = entry.base_path.rstrip("/").rpartition("/")[0] or "/"
        yield finding("base-path-version", text.path, _line(config, "base_path", text), path=entry.base_path,
                      parent=parent)  # fmt: skip


def _labels(config: text_proto.Field, text: Text, command: Command | None) -> Iterator[Finding]:
    entry = _entry(config, text)
    early = command is not None and command.on("allow_version_labels_for_unavailable_models")
    labels = [child for child in config.children if child.name == "version_labels"]
    met: set[str] = set()
    for field, (label, version) in zip(labels, entry.labels, strict=False):
        line = text.line(field.line)
        if label in met and label:
            yield finding("label-twice", text.path, line, label=repr(label))
        met.add(label)
        if not label:
            continue  # it is written as no label is, which is said
        if not early and (command is None or command.knows("allow_version_labels_for_unavailable_models")):
            yield finding("labels-at-start", text.path, line, label=repr(label))
        served = entry.versions
        if served is not None and version not in served:
            yield _not_served(label, version, f"specific {', '.join(map(str, served))}", entry, (text.path, line))
    if served_too_few(entry):
        policy = "the newest alone" if entry.latest == 1 else f"the newest {entry.latest}"
        too_old = sorted({version for _, version in entry.labels})[: -entry.latest]
        for field, (label, version) in zip(labels, entry.labels, strict=False):
            if version in too_old:
                yield _not_served(label, version, policy, entry, (text.path, text.line(field.line)))


def _not_served(label: str, version: int, policy: str, entry: ModelEntry, where: tuple[str, int | None]) -> Finding:
    """A label of a version that is not loaded; the remedy keeps what the policy and the other labels want."""
    wanted = sorted({*(entry.versions or ()), *(each for _, each in entry.labels)})
    words = {"label": repr(label), "version": version, "policy": policy}
    versions = " ".join(f"versions: {each}" for each in wanted)
    return finding("label-version-not-served", *where, effect="requests by it are refused", versions=versions, **words)


def served_too_few(entry: ModelEntry) -> bool:
    """True when labels name more versions than the policy loads."""
    wanted = {version for _, version in entry.labels}
    return entry.versions is None and not entry.every and len(wanted) > entry.latest
