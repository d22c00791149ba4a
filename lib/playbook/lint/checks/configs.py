"""Lint of the files a command line names beside batching: models, monitoring, session, TLS; and of metrics scrapes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from playbook.knobs import METRICS_PATH
from playbook.lint.checks.batching import check_batching
from playbook.lint.checks.command import Command
from playbook.lint.checks.config_kinds import kind_of
from playbook.lint.checks.file_systems import check_remote, is_relative
from playbook.lint.checks.schema import KINDS, Parsed, read_config
from playbook.lint.checks.too_deep import check_too_deep
from playbook.lint.forms import text_proto
from playbook.lint.forms.text import Text, is_unknown
from playbook.lint.rules.findings import Finding, finding

_SESSION_FIELDS = {
    "intra_op_parallelism_threads": "--tensorflow_intra_op_parallelism",
    "inter_op_parallelism_threads": "--tensorflow_inter_op_parallelism",
    "per_process_gpu_memory_fraction": "--per_process_gpu_memory_fraction",
}


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


def check_config(flag: str, text: Text, command: Command | None) -> Iterator[Finding]:
    """Findings of a config file of the kind that `flag` names; `command` is None where no command line names it."""
    other = kind_of(text.content) if text.templated else None  # else protobuf tells
    if other not in (None, flag):
        message, effect = KINDS[flag]
        problem = f"it holds what --{other} is for"
        yield finding("config-file-broken", text.path, text.line(1), kind=message, problem=problem, effect=effect)
        return
    if flag == "batching_parameters_file":
        yield from check_batching(text, command)
        return
    parsed = read_config(text, *KINDS[flag])
    yield from parsed.findings
    checks = {"monitoring_config_file": _monitoring, "model_config_file": _models, "ssl_config_file": _tls,
              "tensorflow_session_config_file": _session}  # fmt: skip
    if flag in checks:
        yield from checks[flag](parsed, text, command)


def _monitoring(parsed: Parsed, text: Text, _: Command | None) -> Iterator[Finding]:
    prometheus = parsed.tree.first("prometheus_config")
    enable = prometheus.first("enable") if prometheus else None
    if parsed.accepted and (enable is None or enable.value not in ("true", "True", "t", "1")):
        yield finding("monitoring-off", text.path, text.line(enable.line if enable else None))
    path = prometheus.first("path") if prometheus else None
    if path is not None and path.value and not path.value.startswith("/") and not is_unknown(path.value):
        yield finding("monitoring-path", text.path, text.line(path.line), path=path.value)


def model_entries(text: Text) -> list[ModelEntry]:
    """The models a config file lists; none when it cannot be read."""
    return [_entry(config, text) for config in _configs(read_config(text, *KINDS["model_config_file"]).tree)]


def _configs(tree: text_proto.Field) -> list[text_proto.Field]:
    lists = [child for child in tree.children if child.name == "model_config_list"]
    return [config for each in lists for config in each.children if config.name == "config"]


def _entry(config: text_proto.Field, text: Text) -> ModelEntry:
    policy = config.first("model_version_policy")
    specific, latest = (policy.first("specific"), policy.first("latest")) if policy else (None, None)
    numbers = [int(child.value or 0) for child in (specific.children if specific else ())
               if child.name == "versions" and (child.value or "").isdigit()]  # fmt: skip
    labels = [(label.text("key"), int(label.text("value") or 0)) for label in config.children
              if label.name == "version_labels" and (label.text("value") or "0").lstrip("-").isdigit()]  # fmt: skip
    count = latest.text("num_versions") if latest else ""
    given = [child for child in specific.children if child.name == "versions"] if specific else []
    known = specific is not None and len(numbers) == len(given)  # a version that is filled in later is not known
    return ModelEntry(config.text("name"), config.text("base_path"), text.line(config.line),
                      tuple(numbers) if known else None, max(1, int(count)) if count.isdigit() else 1,
                      bool(policy and policy.first("all")), tuple(labels),
                      text.line((config.first("base_path") or config).line))  # fmt: skip


def _models(parsed: Parsed, text: Text, command: Command | None) -> Iterator[Finding]:
    entries = _configs(parsed.tree)
    if text.templated and not entries:  # a document's excerpt
        entries = [child for child in parsed.tree.children if child.name == "config"]
    custom = parsed.tree.first("custom_model_config")
    if custom is not None:
        yield finding("custom-model-config", text.path, text.line(custom.line))
    elif parsed.accepted and not entries and not text.templated:
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
    if not platform and not config.first("model_type") and not misspelt:
        yield finding("model-platform-missing", text.path, text.line(config.line), name=shown)
    elif platform and config.first("model_type"):
        yield finding("model-platform-unknown", text.path, _line(config, "model_platform", text), name=shown,
                      platform=f"{platform} beside model_type")  # fmt: skip
    elif platform not in ("", "tensorflow") and not is_unknown(platform) and _is_text(config, "model_platform"):
        yield finding("model-platform-unknown", text.path, _line(config, "model_platform", text), name=shown,
                      platform=platform)  # fmt: skip
    elif (config.text("model_type") or "TENSORFLOW") not in ("TENSORFLOW", "1"):
        yield finding("model-platform-unknown", text.path, _line(config, "model_type", text), name=shown,
                      platform=config.text("model_type"))  # fmt: skip
    if is_relative(base) and (base or accepted):  # what protobuf refuses may be a base path misspelt
        words = {"path": base or "(none)", "example": " (in a container, such as /models/...)"}
        yield finding("relative-base-path", text.path, _line(config, "base_path", text), **words)
    yield from check_remote(command or Command(()), base, text.path, _line(config, "base_path", text))
    if config.first("logging_config") is not None:
        yield finding("logging-config", text.path, _line(config, "logging_config", text))
    yield from _policy(config, text, accepted)
    yield from _labels(config, text, command)


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
    for field, (label, version) in zip(labels, entry.labels, strict=False):
        line = text.line(field.line)
        if not label:
            continue  # it is written as no label is, which is said
        if not early and (command is None or command.knows("allow_version_labels_for_unavailable_models")):
            yield finding("labels-at-start", text.path, line, label=repr(label))
        served = entry.versions
        if served is not None and version not in served:
            words = {"label": repr(label), "version": version, "policy": f"specific {', '.join(map(str, served))}"}
            yield finding("label-version-not-served", text.path, line, effect="requests by it are refused", **words)
    if served_too_few(entry):
        words = {"label": " and ".join(repr(label) for label, _ in entry.labels), "policy": "the newest alone"}
        versions = sorted({version for _, version in entry.labels})
        yield finding("label-version-not-served", text.path, text.line(labels[0].line), version=versions[0],
                      effect="requests by it are refused", **words)  # fmt: skip


def served_too_few(entry: ModelEntry) -> bool:
    """True when labels name more versions than the policy loads."""
    wanted = {version for _, version in entry.labels}
    return entry.versions is None and not entry.every and len(wanted) > entry.latest


def _session(parsed: Parsed, text: Text, _: Command | None) -> Iterator[Finding]:
    for name, flag in _SESSION_FIELDS.items():
        for field in parsed.tree.walk(name):
            yield finding("session-config-overridden", text.path, text.line(field.line), field=name, flag=flag)


def _tls(parsed: Parsed, text: Text, _: Command | None) -> Iterator[Finding]:
    for name in ("server_key", "server_cert", "custom_ca"):
        field = parsed.tree.first(name)
        if field is not None and field.value and "-----BEGIN" not in field.value and not is_unknown(field.value):
            yield finding("ssl-paths", text.path, text.line(field.line), field=name)


def served_metrics_path(text: Text) -> str | None:
    """Where a server with this monitoring file shows metrics; None when the file is another kind or unreadable."""
    prometheus = read_config(text, *KINDS["monitoring_config_file"]).tree.first("prometheus_config")
    return (prometheus.text("path") or METRICS_PATH) if prometheus is not None else None


def check_scrape(job: Any, key: str, served: str, shown: str) -> Iterator[Finding]:
    """Findings of one scrape of the metrics page; `key` names the setting of its path."""
    path, line = str(job.get(key, "/metrics")), job.at(key)
    if "/" + path.lstrip("/") != served and not is_unknown(path):  # Prometheus adds the slash
        yield finding("metrics-path-mismatch", shown, line, path=path, served=served)
    if job.get("params"):
        yield finding("metrics-params", shown, job.at("params"))


def check_annotations(annotations: Any, served: str, shown: str) -> Iterator[Finding]:
    """Findings of the annotations that let Prometheus scrape a pod or a Service; the path is /metrics without one."""
    key = "prometheus.io/path"
    on = str(annotations.get("prometheus.io/scrape", "")).lower() == "true"
    if key in annotations:
        yield from check_scrape(annotations, key, served, shown)
    elif on and str(annotations.get("prometheus.io/port", "8501")) == "8501":
        line = annotations.at("prometheus.io/scrape")
        yield finding("metrics-path-mismatch", shown, line, path="/metrics", served=served)
