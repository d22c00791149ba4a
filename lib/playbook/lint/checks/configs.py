"""Lint of the files a command line names beside batching: models, monitoring, session, TLS; and of metrics scrapes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from playbook.knobs import METRICS_PATH
from playbook.lint.checks.batching import check_batching
from playbook.lint.checks.command import Command
from playbook.lint.checks.config_kinds import kind_of
from playbook.lint.checks.credentials import check_credentials
from playbook.lint.checks.model_lists import check_models
from playbook.lint.checks.platforms import check_platforms
from playbook.lint.checks.schema import KINDS, Parsed, read_config
from playbook.lint.forms.text import Text, is_unknown
from playbook.lint.rules.findings import Finding, finding

_SESSION_FIELDS = {
    "intra_op_parallelism_threads": "--tensorflow_intra_op_parallelism",
    "inter_op_parallelism_threads": "--tensorflow_inter_op_parallelism",
    "per_process_gpu_memory_fraction": "--per_process_gpu_memory_fraction",
}


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
    checks = {"monitoring_config_file": _monitoring, "model_config_file": check_models,
              "ssl_config_file": check_credentials, "tensorflow_session_config_file": _session,
              "platform_config_file": check_platforms}  # fmt: skip
    if flag in checks:
        yield from checks[flag](parsed, text, command)


def _monitoring(parsed: Parsed, text: Text, _: Command | None) -> Iterator[Finding]:
    prometheus = parsed.tree.first("prometheus_config")
    enable = prometheus.first("enable") if prometheus else None
    unread = text.templated and (prometheus is None or (enable is not None and is_unknown(enable.value or "")))
    said = parsed.accepted or (enable is not None and enable.value in ("false", "False", "f", "0"))
    if said and not unread and (enable is None or enable.value not in ("true", "True", "t", "1")):
        yield finding("monitoring-off", text.path, text.line(enable.line if enable else None))
    path = prometheus.first("path") if prometheus else None
    if path is None or not path.value or is_unknown(path.value):
        return
    if not path.value.startswith("/"):
        yield finding("monitoring-path", text.path, text.line(path.line), path=path.value)
    elif re.search(r"[?#\s]", path.value) or path.value.startswith("/v1/"):
        yield finding("monitoring-path-lost", text.path, text.line(path.line), path=path.value)


def _session(parsed: Parsed, text: Text, _: Command | None) -> Iterator[Finding]:
    for name, flag in _SESSION_FIELDS.items():
        for field in parsed.tree.walk(name):
            yield finding("session-config-overridden", text.path, text.line(field.line), field=name, flag=flag)


def served_metrics_path(text: Text) -> str | None:
    """Where a server with this monitoring file shows metrics; None when the file is another kind or unreadable."""
    prometheus = read_config(text, *KINDS["monitoring_config_file"]).tree.first("prometheus_config")
    return (prometheus.text("path") or METRICS_PATH) if prometheus is not None else None


def check_scrape(job: Any, key: str, served: str, shown: str) -> Iterator[Finding]:
    """Findings of one scrape of the metrics page; `key` names the setting of its path."""
    path, line = str(job.get(key, "/metrics")), job.at(key)
    if not served.startswith("/"):
        return  # it never matches, which is said of the monitoring file
    if "/" + path.lstrip("/") != served and not is_unknown(path):  # Prometheus adds the slash
        yield finding("metrics-path-mismatch", shown, line, path=path, served="/" + served.lstrip("/"),
                      key=key)  # fmt: skip
    if job.get("params"):
        yield finding("metrics-params", shown, job.at("params"))


def check_annotations(annotations: Any, served: str, shown: str) -> Iterator[Finding]:
    """Findings of the annotations that let Prometheus scrape a pod or a Service; the path is /metrics without one."""
    key, kserves = "prometheus.io/path", "prometheus.kserve.io/path"
    path = str(annotations.get(kserves, served))
    if path != served and not is_unknown(path):
        yield finding("metrics-of-kserve", shown, annotations.at(kserves), path=path, served=served)
    on = str(annotations.get("prometheus.io/scrape", "")).lower() == "true"
    if key in annotations:
        yield from check_scrape(annotations, key, served, shown)
    elif on and str(annotations.get("prometheus.io/port", "8501")) == "8501":
        line = annotations.at("prometheus.io/scrape")
        yield finding("metrics-path-mismatch", shown, line, path="/metrics", served=served, key=key)
