"""What asks for metrics by labels: Prometheus' operator and Google's, the Services and pods that they name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from playbook.lint.checks.configs import check_scrape
from playbook.lint.forms.text import is_unknown
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.readers.kubernetes import MONITORS, OUR_METRICS
from playbook.lint.readers.pods import Pod, selects
from playbook.lint.rules.findings import Finding, finding

_OTHERS = re.compile(r"modelmesh|knative|torchserve|triton|vllm|mlserver|ovms")
_GRPC = ("grpc", "grpc-api", "8500")  # what gRPC's port is called; nobody calls REST's so


def check_monitors(objects: list[tuple[Any, str]], pods: list[Pod], served: str) -> Iterator[Finding]:
    """Findings of the monitors of a server among the objects; `served` is the URL path of the metrics."""
    services = [data for data, _ in objects if data.get("kind") == "Service"
                and any(selects(data, pod) for pod in pods)]  # fmt: skip
    labelled = any({"commonLabels", "labels"} & {*data} for data, _ in objects
                   if data.get("kind", "Kustomization") == "Kustomization")  # fmt: skip
    for data, shown in objects:
        if data.get("kind") in MONITORS and _watches(data, services, pods):
            yield from _monitor(data, shown, served)
            if data["kind"] == "ServiceMonitor" and not labelled:
                yield from _found(data, shown, services)


def _watches(monitor: Any, services: list[Any], pods: list[Pod]) -> bool:
    """True for a monitor of a pod that serves: by its labels or its Service's, or by name where they are not here."""
    wanted = _labels(((monitor.get("spec") or {}).get("selector") or {}).get("matchLabels"))
    known = [*(_labels(pod.labels) for pod in pods),
             *(_labels((data.get("metadata") or {}).get("labels")) for data in services)]  # fmt: skip
    if wanted and any(wanted.items() <= labels.items() for labels in known):
        return True
    about = str([monitor.get("metadata"), monitor.get("spec")]).lower()
    return not (pods and services) and any(word in about for word in OUR_METRICS) and not _OTHERS.search(about)


def _monitor(monitor: Any, shown: str, served: str) -> Iterator[Finding]:
    spec: Any = monitor.get("spec") or {}
    for endpoint in spec.get("endpoints") or spec.get("podMetricsEndpoints") or []:
        yield from check_scrape(endpoint, "path", served, shown)
        asked = str(endpoint.get("port", endpoint.get("targetPort", "")))
        if asked in _GRPC:
            line = endpoint.at("port" if "port" in endpoint else "targetPort")
            words = {"rest": "by habit 8501", "remedy": "Scrape the port of --rest_api_port, by habit 8501."}
            yield finding("metrics-port-closed", shown, line, port=asked, **words)


def _found(monitor: Any, shown: str, services: list[Any]) -> Iterator[Finding]:
    """A ServiceMonitor whose labels no Service of the server carries, or whose port none of them has."""
    spec: Any = monitor.get("spec") or {}
    selector = spec.get("selector")
    wanted = _labels(selector.get("matchLabels")) if isinstance(selector, Table) else {}
    if not wanted or not services or is_unknown(f"{wanted}{services}"):
        return
    met = [each for each in services if wanted.items() <= _labels((each.get("metadata") or {}).get("labels")).items()]
    if not met:
        what = "No Service here has the labels " + ", ".join(f"{name}: {value}" for name, value in wanted.items())
        right = "Give them to the Service itself, under its metadata: those that it selects pods by do not count."
        yield finding("monitor-finds-nothing", shown, spec.at("selector"), what=what, right=right)
        return
    names = {str(port.get("name")) for each in met for port in (each.get("spec") or {}).get("ports") or []}
    for endpoint in (each for each in spec.get("endpoints") or [] if isinstance(each, Table) and "port" in each):
        if str(endpoint["port"]) not in names:
            what = f"No port of the Service is called {endpoint['port']}"
            right = f"Write one of {', '.join(sorted(names))}: a ServiceMonitor takes names."
            yield finding("monitor-finds-nothing", shown, endpoint.at("port"), what=what, right=right)


def _labels(value: Any) -> dict[str, str]:
    return {str(key): str(each) for key, each in value.items()} if isinstance(value, Mapping) else {}
