"""Names by which objects ask for others that are here under another: scalers, routes, claims."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any

from playbook.lint.forms.text import is_unknown, line_of
from playbook.lint.forms.walking import tables_in
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.readers.pods import Pod, selects
from playbook.lint.readers.routes import ROUTES, backends
from playbook.lint.rules.findings import Finding, finding

# what a name is called by beside its own: two names that differ by these mean one thing
_CALLED = {"claim", "deploy", "deployment", "disk", "model", "models", "pod", "pv", "pvc", "server", "service",
           "serving", "statefulset", "storage", "svc", "tensorflow", "tf", "tfs", "volume"}  # fmt: skip
_ALIKE = 0.87
_RUNTIMES = ("ServingRuntime", "ClusterServingRuntime")
_SCALERS = {"HorizontalPodAutoscaler": "scaleTargetRef", "ScaledObject": "scaleTargetRef",
            "VerticalPodAutoscaler": "targetRef"}  # fmt: skip
Asked = tuple[str, str, Any]  # who asks, the kind of what it asks for, its name


def check_names(objects: list[tuple[Any, str]], pods: list[Pod]) -> Iterator[Finding]:
    """Findings of objects around a server that name one that is not here, but the only one alike."""
    here: dict[str, set[str]] = {}
    for data, _ in objects:
        kind = str(data.get("kind", ""))
        here.setdefault(_RUNTIMES[0] if kind in _RUNTIMES else kind, set()).add(_name(data))
    served = {
        _name(data) for data, _ in objects for pod in pods if data.get("kind") == "Service" and selects(data, pod)
    }
    workloads = {(pod.kind, pod.name) for pod in pods if pod.name}
    for data, shown in objects:
        for who, kind, name in _asked(data):
            if name is None or is_unknown(str(name)) or str(name) in here.get(kind, set()):
                continue
            if who in _SCALERS:
                others = {other for each, other in workloads if each == kind}
            else:
                others = served if kind == "Service" else here.get(kind, set())
            other = next(iter(others)) if len(others) == 1 else ""
            if other and not is_unknown(other) and are_one(str(name), other):
                yield finding("target-not-here", shown, line_of(name) or data.line, who=who, kind=kind, name=name,
                              other=other)  # fmt: skip


def _asked(data: Any) -> Iterator[Asked]:
    kind, spec = str(data.get("kind", "")), data.get("spec")
    if kind in _SCALERS and isinstance(spec, Table) and isinstance(spec.get(_SCALERS[kind]), Table):
        target: Any = spec[_SCALERS[kind]]
        yield kind, str(target.get("kind", "Deployment")), target.get("name")
    elif kind in ROUTES:
        for name, _, _ in backends(data):
            yield kind, "Service", name if "." not in str(name) else None
    elif kind == "InferenceService" and (runtimes := [each.get("runtime") for each in tables_in(spec)]):
        yield from ((kind, _RUNTIMES[0], each) for each in runtimes if each is not None)
    else:
        for table in tables_in(spec):
            claim = table.get("persistentVolumeClaim")
            if isinstance(claim, Table):
                yield kind, "PersistentVolumeClaim", claim.get("claimName")


def are_one(name: str, other: str) -> bool:
    """True for two names that differ by what such a thing is called, or by a letter or two; never by a number."""
    words, theirs = ({*re.split(r"[-_.]", each.lower())} for each in (name, other))
    if words ^ theirs <= _CALLED and (words & theirs):
        return True
    digits = [re.findall(r"\d+", each) for each in (name, other)]
    return digits[0] == digits[1] and len(words) == len(theirs) and SequenceMatcher(None, name, other).ratio() >= _ALIKE


def _name(data: Any) -> str:
    metadata = data.get("metadata")
    return str(metadata.get("name")) if isinstance(metadata, Table) else ""
