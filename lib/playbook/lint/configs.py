"""Lint of the files a command line names: monitoring, model list, session; and of whoever scrapes the metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from playbook.errors import ParameterError
from playbook.lint import text_proto
from playbook.lint.batching import check_batching
from playbook.lint.flags import Command, is_relative, remote_poll
from playbook.lint.rules import Finding, finding
from playbook.monitor.scrape import METRICS_PATH

# flag: (what the file is, what the server does without it)
_FILES = {
    "batching_parameters_file": ("BatchingParameters", "the server exits with code 255"),
    "model_config_file": ("ModelServerConfig", "the server exits with code 255"),
    "monitoring_config_file": ("MonitoringConfig", "gRPC answers, REST never comes up, and the process stays"),
    "tensorflow_session_config_file": ("ConfigProto", "the server exits with code 255"),
}
_SESSION_FIELDS = {
    "intra_op_parallelism_threads": "--tensorflow_intra_op_parallelism",
    "inter_op_parallelism_threads": "--tensorflow_inter_op_parallelism",
    "per_process_gpu_memory_fraction": "--per_process_gpu_memory_fraction",
}


def check_named_files(
    command: Command, resolve: Callable[[str], Path | None], show: Callable[[Path], str], must_exist: bool
) -> Iterator[Finding]:
    """Findings in every file the command names; `resolve` finds it here, None when it lies elsewhere."""
    for flag, (kind, effect) in _FILES.items():
        named = command.text(flag)
        path = resolve(named) if named else None
        if path is None:
            if named and must_exist:
                yield finding("config-file-missing", command.path, command.line, flag=f"--{flag}", path=named,
                              effect=effect)  # fmt: skip
            continue
        if flag == "batching_parameters_file":
            yield from check_batching(path, show(path), command)
        else:
            yield from _check_tree(flag, path, show(path), command, kind, effect)


def _check_tree(flag: str, path: Path, shown: str, command: Command, kind: str, effect: str) -> Iterator[Finding]:
    try:
        tree = text_proto.parse(path.read_text())
    except (ParameterError, UnicodeDecodeError) as problem:
        yield finding("config-file-broken", shown, path=shown, kind=kind, problem=problem, effect=effect)
        return
    checks = {"monitoring_config_file": _monitoring, "model_config_file": _models}
    yield from checks.get(flag, _session)(tree, shown, command)


def _monitoring(tree: text_proto.Field, shown: str, _: Command | None) -> Iterator[Finding]:
    prometheus = tree.first("prometheus_config")
    enable = prometheus.first("enable") if prometheus else None
    if enable is None or enable.value != "true":
        yield finding("monitoring-off", shown, enable.line if enable else None)
    path = prometheus.first("path") if prometheus else None
    if path is not None and path.value and not path.value.startswith("/"):
        yield finding("monitoring-path", shown, path.line, path=path.value)


def _models(tree: text_proto.Field, shown: str, command: Command) -> Iterator[Finding]:
    for base in tree.walk("base_path"):
        if is_relative(base.value or ""):
            yield finding("relative-base-path", shown, base.line, path=base.value)
        yield from remote_poll(command, base.value or "", shown, base.line)
    if not command.on("allow_version_labels_for_unavailable_models"):
        for label in tree.walk("version_labels"):
            key = label.first("key")
            yield finding("labels-at-start", shown, label.line, label=repr(key.value if key else ""))


def _session(tree: text_proto.Field, shown: str, _: Command) -> Iterator[Finding]:
    for name, flag in _SESSION_FIELDS.items():
        for field in tree.walk(name):
            yield finding("session-config-overridden", shown, field.line, field=name, flag=flag)


def kind_of(text: str) -> str | None:
    """Which flag would name a text proto with these fields; None when it is none of them."""
    try:
        names = {child.name for child in text_proto.parse(text).children}
    except ParameterError:
        names = set(text.replace("{", " ").replace(":", " ").split())
    if names & {"max_batch_size", "batch_timeout_micros", "num_batch_threads", "allowed_batch_sizes"}:
        return "batching_parameters_file"
    if "prometheus_config" in names:
        return "monitoring_config_file"
    if "model_config_list" in names:
        return "model_config_file"
    return None


def check_loose_file(path: Path, shown: str) -> Iterator[Finding]:
    """Findings of a config file that no command line names."""
    kind = kind_of(path.read_text(errors="replace"))
    if kind == "batching_parameters_file":
        yield from check_batching(path, shown)
    elif kind is not None:
        yield from _check_tree(kind, path, shown, Command(()), *_FILES[kind])


def served_metrics_path(path: Path) -> str | None:
    """Where a server with this monitoring file shows metrics; None when the file is another kind or unreadable."""
    try:
        tree = text_proto.parse(path.read_text())
    except (ParameterError, UnicodeDecodeError):
        return None
    prometheus = tree.first("prometheus_config")
    if prometheus is None:
        return None
    given = prometheus.first("path")
    return given.value if given is not None and given.value else METRICS_PATH


def check_scrape(path: str, params: object, served: str, shown: str, line: int | None) -> Iterator[Finding]:
    """Findings of one scrape of the metrics page."""
    if path != served:
        yield finding("metrics-path-mismatch", shown, line, path=path, served=served)
    if params:
        yield finding("metrics-params", shown, line)
