"""Lint of YAML around a server: compose files, Kubernetes objects and Prometheus scrape configurations."""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass, field
from typing import Any

import yaml

from playbook.lint.configs import check_scrape
from playbook.lint.dockerfile import BINARY, OFFICIAL, after_binary, check_health, check_image, expand
from playbook.lint.flags import Command
from playbook.lint.rules import Finding, finding
from playbook.tfserving.flags import FLAGS

_POD_KINDS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job")


@dataclass
class Page:
    """A YAML text, where it is shown, and what was found in it."""

    text: str
    shown: str
    served: str  # where the server shows metrics
    commands: list[Command] = field(default_factory=list)
    found: list[Finding] = field(default_factory=list)

    def line(self, needle: object) -> int | None:
        """The first line that holds `needle`."""
        for number, line in enumerate(self.text.splitlines(), start=1):
            if str(needle) in line:
                return number
        return None

    def add(self, rule: str, needle: object, **words: object) -> None:
        """Keep a finding at the first line with `needle`."""
        self.found.append(finding(rule, self.shown, self.line(needle), **words))


def check_yaml(text: str, shown: str, served: str) -> tuple[list[Command], list[Finding]]:
    """Command lines and findings of a YAML file of any of the three kinds; unreadable YAML is another tool's job."""
    page = Page(text, shown, served)
    try:
        documents = [document for document in yaml.safe_load_all(text) if isinstance(document, dict)]
    except yaml.YAMLError:
        return [], []
    for document in documents:
        if isinstance(document.get("services"), dict):
            for service in document["services"].values():
                _compose(page, service or {})
        elif "scrape_configs" in document:
            _scrapes(page, document["scrape_configs"] or [])
        elif "kind" in document:
            _kubernetes(page, document)
    return page.commands, page.found


def _words(value: Any) -> list[str]:
    if isinstance(value, str):
        return shlex.split(value)
    return [str(word) for word in value or []]


def _is_server(image: str, words: list[str]) -> bool:
    flags = {word.lstrip("-").partition("=")[0] for word in words if word.startswith("--")}
    return OFFICIAL in image or any(BINARY in word for word in words) or len(flags & FLAGS.keys()) > 1


def _compose(page: Page, service: dict[str, Any]) -> None:
    image = expand(str(service.get("image", "")), {})
    entry, words = _words(service.get("entrypoint")), _words(service.get("command"))
    if image:
        page.found += check_image(image, page.shown, page.line(service["image"]))
    if not _is_server(image, entry + words):
        return
    health = " ".join(_words((service.get("healthcheck") or {}).get("test")))
    if health:
        page.found += check_health(health, image, set(), page.shown, page.line("healthcheck"))
    if service.get("sysctls") and service.get("network_mode") == "host":
        page.add("sysctl-host-network", "sysctls")
    if words and not entry and not words[0].startswith("-"):
        page.add("cmd-over-entrypoint", "command", word=repr(words[0]))
    limits = ((service.get("deploy") or {}).get("resources") or {}).get("limits") or {}
    limit = service.get("cpus") or limits.get("cpus")
    cpuset = str(service.get("cpuset") or "")
    _command(page, "command", entry + words, not entry, limit, count_cpus(cpuset) if cpuset else None)


def _command(page: Page, needle: str, words: list[str], entry: bool, limit: Any, cpus: int | None) -> None:
    limit = None if limit is None or cpus else cores(limit)
    place = page.line(next(iter(words), needle)) or page.line(needle)
    page.commands.append(Command(after_binary(words), page.shown, place, cpus, limit, by_entrypoint=entry))


def count_cpus(cpuset: str) -> int:
    """How many CPUs a set such as "0-3,6" names."""
    spans = [part.partition("-") for part in cpuset.split(",") if part]
    return sum(int(last or first) - int(first) + 1 for first, _, last in spans)


def cores(quantity: Any) -> float | None:
    """A CPU quantity of Kubernetes or compose ("1500m", "2", 1.5) in cores; None when it is a variable."""
    text = str(quantity)
    try:
        value = float(text[:-1]) / 1000 if text.endswith("m") else float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _scrapes(page: Page, jobs: list[dict[str, Any]]) -> None:
    for job in jobs:
        targets = [target for group in job.get("static_configs") or [] for target in group.get("targets") or []]
        about = " ".join(map(str, [job.get("job_name", ""), *targets])).lower()
        path = job.get("metrics_path", "/metrics")
        if any(rule.get("target_label") == "__param_target" for rule in job.get("relabel_configs") or []):
            continue  # an exporter is scraped, such as blackbox; the target is what it asks
        if "serving" in about or ":8501" in about or "/monitoring" in path:
            page.found += check_scrape(path, job.get("params"), page.served, page.shown,
                                       page.line("metrics_path") or page.line(job.get("job_name", "")))  # fmt: skip


def _kubernetes(page: Page, document: dict[str, Any]) -> None:
    kind, spec = document.get("kind"), document.get("spec") or {}
    if kind in ("ServiceMonitor", "PodMonitor"):
        for endpoint in spec.get("endpoints") or spec.get("podMetricsEndpoints") or []:
            path = endpoint.get("path", "/metrics")
            page.found += check_scrape(path, endpoint.get("params"), page.served, page.shown, page.line(path))
    if kind == "CronJob":
        spec = (spec.get("jobTemplate") or {}).get("spec") or {}
    template = {"metadata": document.get("metadata"), "spec": spec} if kind == "Pod" else spec.get("template") or {}
    if kind not in (*_POD_KINDS, "Pod", "CronJob"):
        return
    notes = (template.get("metadata") or {}).get("annotations") or {}
    for container in (template.get("spec") or {}).get("containers") or []:
        _container(page, container, notes)


def _container(page: Page, container: dict[str, Any], notes: dict[str, str]) -> None:
    image = str(container.get("image", ""))
    entry, words = _words(container.get("command")), _words(container.get("args"))
    if image:
        page.found += check_image(image, page.shown, page.line(image))
    if not _is_server(image, entry + words):
        return
    if "prometheus.io/path" in notes:
        path = notes["prometheus.io/path"]
        page.found += check_scrape(path, None, page.served, page.shown, page.line("prometheus.io/path"))
    _probes(page, container, image)
    if not (container.get("lifecycle") or {}).get("preStop"):
        page.add("no-drain", container.get("name", "containers"))
    if words and not entry and not words[0].startswith("-"):
        page.add("cmd-over-entrypoint", "args", word=repr(words[0]))
    limit = ((container.get("resources") or {}).get("limits") or {}).get("cpu")
    _command(page, "args", entry + words, not entry, limit, None)


def _probes(page: Page, container: dict[str, Any], image: str) -> None:
    if container.get("livenessProbe") and not container.get("startupProbe"):
        page.add("liveness-without-startup", "livenessProbe")
    for name in ("readinessProbe", "livenessProbe"):
        probe = container.get(name) or {}
        http, execute = probe.get("httpGet") or {}, probe.get("exec") or {}
        if "/v1/models" in str(http.get("path", "")):
            page.add("health-by-code", name)
        if execute:
            text = " ".join(_words(execute.get("command")))
            page.found += check_health(text, image, set(), page.shown, page.line(name))
