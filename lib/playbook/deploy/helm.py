"""A Helm chart that is the same manifests: the base templates, filled with Helm's names in place of the numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from playbook.deploy import bundle
from playbook.deploy.sizing import Sizing
from playbook.records.cited import Cited

MANIFESTS = ("deployment", "service", "autoscaler", "disruption", "network")


def render(context: Mapping[str, Any]) -> dict[str, str]:
    """The chart's templates by their paths in the bundle; values.yaml and Chart.yaml are templates of `docker/`."""
    names = {**context, **_names(context["sizing"])}
    if names["tls"]:
        names["tls"] = replace(names["tls"], secret="{{ .Values.grpcTlsSecret }}")
    return {f"helm/templates/{name}.yaml": bundle.render_one(f"kubernetes/base/{name}.yaml.j2", names)
            for name in MANIFESTS}  # fmt: skip


def _names(sizing: Sizing) -> dict[str, Any]:
    cpu, memory = _value("cpu"), _value("memoryMib")
    return {
        "name": "{{ .Values.name }}",
        "local_image": '"{{ .Values.image.repository }}:{{ .Values.image.tag }}"',
        "drain_s": _value("drainSeconds"),
        "grace_s": _value("graceSeconds"),
        "startup_failures": _value("startupFailures"),
        "sizing": replace(
            sizing,
            min_replicas=_value("minReplicas"),
            max_replicas=_value("maxReplicas"),
            cpu_target_percent=_value("cpuTargetPercent"),
            cpu_request=cpu,
            cpu_limit=cpu,
            memory_request_mib=memory,
            memory_limit_mib=memory,
        ),
    }


def _value(name: str) -> Cited:
    return Cited(f"{{{{ .Values.{name} }}}}", "see values.yaml")
