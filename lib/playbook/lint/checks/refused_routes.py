"""What Kubernetes refuses in the objects that lead to a server, or that scale it: each in the shape of its version."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from playbook.lint.forms.text import is_unknown
from playbook.lint.forms.walking import tables_in
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.rules.findings import Finding, finding

_PATH_TYPES = ("Exact", "Prefix", "ImplementationSpecific")
_OLD_BACKEND = ("serviceName", "servicePort")
_OLD_TARGETS = ("targetAverageUtilization", "targetAverageValue", "targetValue")


def check_shape(data: Any, shown: str) -> Iterator[Finding]:
    """An Ingress or a scaler whose fields are those of an older version."""
    version, kind, spec = str(data.get("apiVersion", "")), str(data.get("kind", "")), data.get("spec")
    if not isinstance(spec, Table) or is_unknown(version):
        return
    if (version, kind) == ("networking.k8s.io/v1", "Ingress"):
        yield from _ingress(spec, shown)
    elif (version, kind) == ("autoscaling/v2", "HorizontalPodAutoscaler"):
        yield from _scaler(spec, shown)
    elif (version, kind) == ("autoscaling/v1", "HorizontalPodAutoscaler") and "metrics" in spec:
        yield _refused(shown, spec.at("metrics"), "autoscaling/v1 has no field metrics", "Write autoscaling/v2.")


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
    if "targetCPUUtilizationPercentage" in spec:
        what = "autoscaling/v2 has no field targetCPUUtilizationPercentage"
        yield _refused(shown, spec.at("targetCPUUtilizationPercentage"), what, "Write autoscaling/v1, or metrics.")


def _refused(shown: str, line: int | None, what: str, right: str) -> Finding:
    return finding("kubernetes-refuses", shown, line, what=what, right=right)
