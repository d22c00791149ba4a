"""What Kubernetes refuses in the objects that lead to a server, or that scale it: each in the shape of its version."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from playbook.lint.checks.refused import QUANTITY
from playbook.lint.forms.text import is_unknown
from playbook.lint.forms.walking import tables_in
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.rules.findings import Finding, finding

_PATH_TYPES = ("Exact", "Prefix", "ImplementationSpecific")
_TARGET = "nginx.ingress.kubernetes.io/rewrite-target"
_PATTERN = re.compile(r"[()|*\[\]^]|\$\)|\$$")
_OLD_BACKEND = ("serviceName", "servicePort")
_OLD_TARGETS = ("targetAverageUtilization", "targetAverageValue", "targetValue")


def check_shape(data: Any, shown: str) -> Iterator[Finding]:
    """An Ingress or a scaler whose fields are those of an older version."""
    version, kind, spec = str(data.get("apiVersion", "")), str(data.get("kind", "")), data.get("spec")
    if not isinstance(spec, Table) or is_unknown(version):
        return
    if (version, kind) == ("networking.k8s.io/v1", "Ingress"):
        yield from _ingress(spec, shown)
        yield from _patterns(data, spec, shown)
    elif kind == "HorizontalPodAutoscaler" and version in ("autoscaling/v2", "autoscaling/v2beta2"):
        yield from _scaler(spec, shown)
    elif (version, kind) == ("autoscaling/v1", "HorizontalPodAutoscaler") and "metrics" in spec:
        yield _refused(shown, spec.at("metrics"), "autoscaling/v1 has no field metrics", "Write autoscaling/v2.")


def _patterns(data: Any, spec: Table, shown: str) -> Iterator[Finding]:
    """Paths that are patterns under another pathType, and a target that loses all that a request asks for."""
    metadata = data.get("metadata")
    hints = metadata.get("annotations") if isinstance(metadata, Table) else None
    target = str(hints.get(_TARGET) or "") if isinstance(hints, Table) else ""
    for table in tables_in(spec):
        path, kind = str(table.get("path", "")), table.get("pathType")
        if kind in ("Prefix", "Exact") and not is_unknown(path.replace("$)", "")) and _PATTERN.search(path):
            yield finding("route-pattern", shown, table.at("path"), path=path, kind=kind)
        elif target and "$" not in target and kind == "Prefix" and path.startswith("/"):
            where = (shown, hints.at(_TARGET) if isinstance(hints, Table) else None)
            yield finding("route-rewritten", *where, target=target, path=path.rstrip("/"))


def _ingress(spec: Table, shown: str) -> Iterator[Finding]:
    for table in tables_in(spec):
        old = next((key for key in _OLD_BACKEND if key in table), "")
        if old:
            right = "Write service: {name: ..., port: {number: ...}}."
            yield _refused(shown, table.at(old), f"a backend of networking.k8s.io/v1 has no field {old}", right)
    for http in (each.get("http") for each in spec.get("rules") or [] if isinstance(each, Table)):
        for path in http.get("paths") or [] if isinstance(http, Table) else []:
            kind = path.get("pathType") if isinstance(path, Table) else ""
            if kind is None:
                yield _refused(shown, path.line, "a path of an Ingress tells no pathType", "Write pathType: Prefix.")
            elif kind and kind not in _PATH_TYPES and not is_unknown(str(kind)):
                right = f"Use {', '.join(_PATH_TYPES[:2])} or {_PATH_TYPES[2]}."
                yield _refused(shown, path.at("pathType"), f"{kind} is no pathType", right)


def _scaler(spec: Table, shown: str) -> Iterator[Finding]:
    for table in tables_in(spec.get("metrics")):
        old = next((key for key in _OLD_TARGETS if key in table), "")
        if old:
            right = "Write target: {type: Utilization, averageUtilization: ...}."
            yield _refused(shown, table.at(old), f"a metric of autoscaling/v2 has no field {old}", right)
        for key in ("averageValue", "value"):
            text = str(table.get(key, "0"))
            if "type" in table and not (QUANTITY.fullmatch(text) or is_unknown(text)):
                yield _refused(
                    shown, table.at(key), f"{key} {text} is no quantity", "Write a number, such as 100 or 200m."
                )
    if "targetCPUUtilizationPercentage" in spec:
        what = "autoscaling/v2 has no field targetCPUUtilizationPercentage"
        yield _refused(shown, spec.at("targetCPUUtilizationPercentage"), what, "Write autoscaling/v1, or metrics.")


def _refused(shown: str, line: int | None, what: str, right: str) -> Finding:
    return finding("kubernetes-refuses", shown, line, what=what, right=right)
