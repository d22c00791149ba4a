"""The selector of a workload and the labels of its own pods: Kubernetes wants both, and wants them to agree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from playbook.lint.checks.lookup import Sources
from playbook.lint.forms.text import Text, is_unknown
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.rules.findings import Finding, finding

_SELECTING = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet")
_GIVES_BOTH = re.compile(r"(?m)^\s*(commonLabels|-?\s*includeSelectors):")  # kustomize writes both where there are none
LEFT_OUT = re.compile(r"(?m)^\s*(-\s*)?(#\s*)?\[?(\.\.\.|…)")  # a text that is shown in part says so
_PROGRAMS = (".py", ".tf")  # whose own libraries write a selector


def check_selector(data: Any, text: Text, sources: Sources) -> Iterator[Finding]:
    """A workload that selects other pods than its own, or none: it is refused."""
    spec: Any = data.get("spec") or {}
    template: Any = spec.get("template") or {}
    labels: Any = (template.get("metadata") or {}).get("labels") or {}
    selector = spec.get("selector")
    wanted: Any = (selector.get("matchLabels") or {}) if isinstance(selector, dict) else {}
    wanted, labels = (each if isinstance(each, dict) else {} for each in (wanted, labels))  # a program's variable
    for name, value in wanted.items():
        if str(labels.get(name)) != str(value) and not is_unknown(f"{value}{labels.get(name)}"):
            words = {"label": f"{name}: {value}", "has": labels.get(name, "none")}
            yield finding("selector-mismatch", text.path, spec.at("selector"), **words)
    if _lacks_selector(data, text) and not _is_given(text, sources):
        told = {"kind": data["kind"], "labels": ", ".join(f"{name}: {value}" for name, value in labels.items())}
        told["labels"] = told["labels"] or "which they lack, too"
        rule = "selector-missing" if labels or is_complete(data, text, sources) else "selector-not-shown"
        yield finding(rule, text.path, data.at("spec"), **told)


def is_complete(data: Any, text: Text, sources: Sources) -> bool:
    """True for a workload in a manifest of its own that tells what a patch or an excerpt leaves out: of each of its
    containers the image and the ports, and in the text around it no gap."""
    pod: Any = ((data.get("spec") or {}).get("template") or {}).get("spec") or {}
    containers = [each for each in pod.get("containers") or [] if isinstance(each, Table)]
    told = bool(containers) and all({"name", "image", "ports"} <= {*each} for each in containers)
    own = text.suffix in (".yaml", ".yml", ".json") and bool((data.get("metadata") or {}).get("name"))
    return told and own and not (text.templated or LEFT_OUT.search(text.content) or _is_given(text, sources))


def _lacks_selector(data: Any, text: Text) -> bool:
    """True for a workload with an image, of the API that fills in no selector, as it is written to the last word."""
    spec: Any = data.get("spec")
    written = data.get("apiVersion") == "apps/v1" and data.get("kind") in _SELECTING and isinstance(spec, Table)
    if not written or "selector" in spec or text.templated or text.path.endswith(_PROGRAMS):
        return False
    if is_unknown(f"{data.get('metadata')}{[*spec]}"):  # more is put in before it is applied
        return False
    template: Any = spec.get("template")
    pod: Any = template.get("spec") if isinstance(template, Table) else None
    containers = (pod.get("containers") or []) if isinstance(pod, Table) else []
    return bool(containers) and all(isinstance(each, Table) and "image" in each for each in containers)


def _is_given(text: Text, sources: Sources) -> bool:
    """True for a patch that a kustomization here names, and where one gives labels and selectors to all it takes."""
    named = re.compile(rf"(?s)patch.*(?<![\w.-]){re.escape(text.path.rpartition('/')[2])}(?![\w.-])")
    if any(_GIVES_BOTH.search(each.content) for each in sources.texts.values()):
        return True
    return any(named.search(each.content) for path, each in sources.texts.items() if path.name.startswith("kustomiz"))
