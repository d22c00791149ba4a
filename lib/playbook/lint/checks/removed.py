"""Versions of Kubernetes' own kinds that clusters of today no longer have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from playbook.lint.rules.findings import Finding, finding

_WORKLOADS = ("Deployment", "DaemonSet", "ReplicaSet", "StatefulSet")
# apiVersion -> its kinds, the release that no longer has them, what took their place (Kubernetes: deprecation guide)
_REMOVED = {
    "extensions/v1beta1": (_WORKLOADS, "1.16", "apps/v1, which asks for a selector"),
    "apps/v1beta1": (_WORKLOADS, "1.16", "apps/v1, which asks for a selector"),
    "apps/v1beta2": (_WORKLOADS, "1.16", "apps/v1"),
    "batch/v1beta1": (("CronJob",), "1.25", "batch/v1"),
    "autoscaling/v2beta1": (("HorizontalPodAutoscaler",), "1.25", "autoscaling/v2, whose metrics have a target"),
    "autoscaling/v2beta2": (("HorizontalPodAutoscaler",), "1.26", "autoscaling/v2"),
}


def check_version(data: Any, shown: str) -> Iterator[Finding]:
    """An object under an apiVersion that no longer has its kind."""
    version, kind = str(data.get("apiVersion", "")), str(data.get("kind", ""))
    kinds, release, right = _REMOVED.get(version, ((), "", ""))
    if kind in kinds:
        what = f"{version} has had no {kind} since Kubernetes {release}"
        yield finding("kubernetes-refuses", shown, data.at("apiVersion"), what=what, right=f"Write {right}.")
