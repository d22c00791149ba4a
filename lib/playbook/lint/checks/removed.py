"""Versions of Kubernetes' own kinds that clusters of today no longer have (Kubernetes: deprecation guide)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from playbook.lint.forms.text import is_unknown
from playbook.lint.rules.findings import Finding, finding

_WORKLOADS = ("Deployment", "DaemonSet", "ReplicaSet", "StatefulSet", "ControllerRevision", "Scale")
_SELECTOR = "apps/v1, which asks for a selector"
_RBAC = ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
_REVIEWS = ("LocalSubjectAccessReview", "SelfSubjectAccessReview", "SubjectAccessReview", "SelfSubjectRulesReview")
_WEBHOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_FLOW = ("FlowSchema", "PriorityLevelConfiguration")
_STORAGE = ("CSIDriver", "CSINode", "StorageClass", "VolumeAttachment")
_INGRESS = "networking.k8s.io/v1, whose paths have a pathType and whose backends a service"
# apiVersion, its kinds, the release that no longer has them, what took their place
_REMOVED = (
    ("extensions/v1beta1", _WORKLOADS, "1.16", _SELECTOR),
    ("extensions/v1beta1", ("NetworkPolicy",), "1.16", "networking.k8s.io/v1"),
    ("extensions/v1beta1", ("PodSecurityPolicy",), "1.16", ""),
    ("extensions/v1beta1", ("Ingress",), "1.22", _INGRESS),
    ("apps/v1beta1", _WORKLOADS, "1.16", _SELECTOR),
    ("apps/v1beta2", _WORKLOADS, "1.16", "apps/v1"),
    ("networking.k8s.io/v1beta1", ("Ingress",), "1.22", _INGRESS),
    ("networking.k8s.io/v1beta1", ("IngressClass",), "1.22", "networking.k8s.io/v1"),
    ("rbac.authorization.k8s.io/v1beta1", _RBAC, "1.22", "rbac.authorization.k8s.io/v1"),
    ("rbac.authorization.k8s.io/v1alpha1", _RBAC, "1.22", "rbac.authorization.k8s.io/v1"),
    ("apiextensions.k8s.io/v1beta1", ("CustomResourceDefinition",), "1.22", "apiextensions.k8s.io/v1"),
    ("apiregistration.k8s.io/v1beta1", ("APIService",), "1.22", "apiregistration.k8s.io/v1"),
    ("admissionregistration.k8s.io/v1beta1", _WEBHOOKS, "1.22", "admissionregistration.k8s.io/v1"),
    ("authentication.k8s.io/v1beta1", ("TokenReview",), "1.22", "authentication.k8s.io/v1"),
    ("authorization.k8s.io/v1beta1", _REVIEWS, "1.22", "authorization.k8s.io/v1"),
    ("certificates.k8s.io/v1beta1", ("CertificateSigningRequest",), "1.22", "certificates.k8s.io/v1"),
    ("coordination.k8s.io/v1beta1", ("Lease",), "1.22", "coordination.k8s.io/v1"),
    ("scheduling.k8s.io/v1beta1", ("PriorityClass",), "1.22", "scheduling.k8s.io/v1"),
    ("storage.k8s.io/v1beta1", _STORAGE, "1.22", "storage.k8s.io/v1"),
    ("batch/v1beta1", ("CronJob",), "1.25", "batch/v1"),
    ("discovery.k8s.io/v1beta1", ("EndpointSlice",), "1.25", "discovery.k8s.io/v1"),
    ("events.k8s.io/v1beta1", ("Event",), "1.25", "events.k8s.io/v1"),
    ("autoscaling/v2beta1", ("HorizontalPodAutoscaler",), "1.25", "autoscaling/v2, whose metrics have a target"),
    ("policy/v1beta1", ("PodDisruptionBudget",), "1.25", "policy/v1"),
    ("policy/v1beta1", ("PodSecurityPolicy",), "1.25", ""),
    ("node.k8s.io/v1beta1", ("RuntimeClass",), "1.25", "node.k8s.io/v1"),
    ("autoscaling/v2beta2", ("HorizontalPodAutoscaler",), "1.26", "autoscaling/v2"),
    ("storage.k8s.io/v1beta1", ("CSIStorageCapacity",), "1.27", "storage.k8s.io/v1"),
    ("flowcontrol.apiserver.k8s.io/v1beta1", _FLOW, "1.26", "flowcontrol.apiserver.k8s.io/v1"),
    ("flowcontrol.apiserver.k8s.io/v1beta2", _FLOW, "1.29", "flowcontrol.apiserver.k8s.io/v1"),
    ("flowcontrol.apiserver.k8s.io/v1beta3", _FLOW, "1.32", "flowcontrol.apiserver.k8s.io/v1"),
)
_BY_KIND = {(version, kind): (release, right) for version, kinds, release, right in _REMOVED for kind in kinds}
# the group of each kind that is often written under another's: apiVersion `v1` of a Deployment
_GROUPS = {
    **dict.fromkeys(("Deployment", "DaemonSet", "ReplicaSet", "StatefulSet"), "apps"),
    **dict.fromkeys(("Job", "CronJob"), "batch"),
    **dict.fromkeys(("Ingress", "NetworkPolicy"), "networking.k8s.io"),
    "HorizontalPodAutoscaler": "autoscaling",
    "PodDisruptionBudget": "policy",
    **dict.fromkeys(("Pod", "ConfigMap", "Secret", "PersistentVolumeClaim", "PersistentVolume", "Namespace"), ""),
}
_KNOWN = {"apps", "batch", "extensions", "networking.k8s.io", "autoscaling", "policy", "core", ""}


def check_version(data: Any, shown: str) -> Iterator[Finding]:
    """An object under an apiVersion that no longer has its kind, or that never had it."""
    version, kind = str(data.get("apiVersion", "")), str(data.get("kind", ""))
    if (version, kind) in _BY_KIND:
        release, right = _BY_KIND[version, kind]
        what = f"{version} has had no {kind} since Kubernetes {release}"
        remedy = f"Write {right}." if right else "Drop it: Pod Security admission took its place."
        yield finding("kubernetes-refuses", shown, data.at("apiVersion"), what=what, right=remedy)
        return
    group, own = version.rpartition("/")[0], _GROUPS.get(kind)
    if version and own is not None and group in _KNOWN and group != own and not is_unknown(version):
        right = f"{own}/v1" if own else "v1"
        what = f"{version} has no {kind}"
        yield finding("kubernetes-refuses", shown, data.at("apiVersion"), what=what, right=f"Write {right}.")
