"""The fields that Kubernetes' own objects have, as deep as a server's are read: any other is refused by kubectl."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from playbook.lint.forms.text import is_unknown
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.rules.findings import Finding, finding

# name of a shape -> its fields; behind a colon the shape of what a field holds, or of each of its items
_SHAPES = {
    "object": "apiVersion kind metadata:metadata spec status",
    "template": "metadata:metadata spec:pod",
    "metadata": "annotations clusterName creationTimestamp deletionGracePeriodSeconds deletionTimestamp finalizers "
    "generateName generation labels managedFields name namespace ownerReferences resourceVersion selfLink uid",
    "Deployment": "minReadySeconds paused progressDeadlineSeconds replicas revisionHistoryLimit selector:selector "
    "strategy template:template",
    "ReplicaSet": "minReadySeconds replicas selector:selector template:template",
    "DaemonSet": "minReadySeconds revisionHistoryLimit selector:selector template:template updateStrategy",
    "StatefulSet": "minReadySeconds ordinals persistentVolumeClaimRetentionPolicy podManagementPolicy replicas "
    "revisionHistoryLimit selector:selector serviceName template:template updateStrategy volumeClaimTemplates",
    "Job": "activeDeadlineSeconds backoffLimit backoffLimitPerIndex completionMode completions managedBy "
    "manualSelector maxFailedIndexes parallelism podFailurePolicy podReplacementPolicy selector successPolicy suspend "
    "template:template ttlSecondsAfterFinished",
    "CronJob": "concurrencyPolicy failedJobsHistoryLimit jobTemplate:jobTemplate schedule startingDeadlineSeconds "
    "successfulJobsHistoryLimit suspend timeZone",
    "jobTemplate": "metadata:metadata spec:Job",
    "selector": "matchExpressions matchLabels",
    "pod": "activeDeadlineSeconds affinity automountServiceAccountToken containers:container dnsConfig dnsPolicy "
    "enableServiceLinks ephemeralContainers hostAliases hostIPC hostNetwork hostPID hostUsers hostname "
    "hostnameOverride imagePullSecrets initContainers:container nodeName nodeSelector os overhead preemptionPolicy "
    "priority priorityClassName readinessGates resourceClaims resources restartPolicy runtimeClassName schedulerName "
    "schedulingGates securityContext serviceAccount serviceAccountName setHostnameAsFQDN shareProcessNamespace "
    "subdomain terminationGracePeriodSeconds tolerations topologySpreadConstraints volumes:volume workloadRef",
    "container": "args command env:env envFrom:envFrom image imagePullPolicy lifecycle livenessProbe:probe name "
    "ports:port readinessProbe:probe resizePolicy resources:resources restartPolicy restartPolicyRules "
    "securityContext startupProbe:probe stdin stdinOnce terminationMessagePath terminationMessagePolicy tty "
    "volumeDevices volumeMounts:mount workingDir",
    "env": "name value valueFrom:valueFrom",
    "valueFrom": "configMapKeyRef fieldRef fileKeyRef resourceFieldRef secretKeyRef",
    "envFrom": "configMapRef prefix secretRef",
    "probe": "exec:exec failureThreshold grpc:grpc httpGet:httpGet initialDelaySeconds periodSeconds successThreshold "
    "tcpSocket:tcpSocket terminationGracePeriodSeconds timeoutSeconds",
    "exec": "command",
    "grpc": "port service",
    "httpGet": "host httpHeaders path port scheme",
    "tcpSocket": "host port",
    "port": "containerPort hostIP hostPort name protocol",
    "resources": "claims limits requests",
    "mount": "mountPath mountPropagation name readOnly recursiveReadOnly subPath subPathExpr",
    "volume": "awsElasticBlockStore azureDisk azureFile cephfs cinder configMap:configMap csi downwardAPI "
    "emptyDir:emptyDir ephemeral fc flexVolume flocker gcePersistentDisk gitRepo glusterfs hostPath:hostPath image "
    "iscsi name nfs:nfs persistentVolumeClaim:claim photonPersistentDisk portworxVolume projected quobyte rbd scaleIO "
    "secret:secret storageos vsphereVolume",
    "configMap": "defaultMode items name optional",
    "secret": "defaultMode items optional secretName",
    "emptyDir": "medium sizeLimit",
    "hostPath": "path type",
    "nfs": "path readOnly server",
    "claim": "claimName readOnly",
    "Service": "allocateLoadBalancerNodePorts clusterIP clusterIPs externalIPs externalName externalTrafficPolicy "
    "healthCheckNodePort internalTrafficPolicy ipFamilies ipFamilyPolicy loadBalancerClass loadBalancerIP "
    "loadBalancerSourceRanges ports:servicePort publishNotReadyAddresses selector sessionAffinity "
    "sessionAffinityConfig trafficDistribution type",
    "servicePort": "appProtocol name nodePort port protocol targetPort",
    "HorizontalPodAutoscaler": "behavior maxReplicas metrics minReplicas scaleTargetRef targetCPUUtilizationPercentage",
    "PodDisruptionBudget": "maxUnavailable minAvailable selector:selector unhealthyPodEvictionPolicy",
}
_FIELDS = {
    name: {field.partition(":")[0]: field.partition(":")[2] for field in fields.split()}
    for name, fields in _SHAPES.items()
}
# fields that hold lists, whatever their shape
_LISTS = {"args", "command", "containers", "env", "envFrom", "initContainers", "ports", "tolerations", "volumeMounts",
          "volumes"}  # fmt: skip
_MAPPINGS = ("annotations", "labels", "matchLabels")  # empty, as what belongs into them stands beside them
_KINDS = {
    **dict.fromkeys(("Deployment", "ReplicaSet", "DaemonSet", "StatefulSet"), "apps/v1"),
    **dict.fromkeys(("Job", "CronJob"), "batch/v1"),
    **dict.fromkeys(("Pod", "Service"), "v1"),
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "PodDisruptionBudget": "policy/v1",
}


def check_fields(data: Any, shown: str) -> Iterator[Finding]:
    """Fields of an object that its kind does not have, and where they belong if that can be told."""
    kind = str(data.get("kind", ""))
    if data.get("apiVersion"):  # every object of whatever kind has the same metadata
        yield from _fields(data.get("metadata"), "metadata", shown)
    if _KINDS.get(kind) != str(data.get("apiVersion", "")):
        return
    yield from _unknown(data, "object", "" if kind == "Pod" else kind, shown)
    spec = data.get("spec")
    if isinstance(spec, Table):
        yield from _fields(spec, "pod" if kind == "Pod" else kind, shown)


def _fields(node: Any, shape: str, shown: str) -> Iterator[Finding]:
    for table in node if isinstance(node, list) else [node]:
        if not isinstance(table, Table):
            continue
        yield from _unknown(table, shape, shape, shown)
        for field, held in _FIELDS[shape].items():
            if held and table.get(field) is not None:
                yield from _fields(table[field], held, shown)


def _unknown(table: Table, shape: str, called: str, shown: str) -> Iterator[Finding]:
    name = _NAMES.get(shape, called)
    for key, value in table.items():
        if not isinstance(key, str) or is_unknown(f"{key}{value if isinstance(value, str) else ''}"):
            continue
        if key in _FIELDS[shape]:
            if key in _LISTS and value is not None and not isinstance(value, list):
                what = f"{key} of {name} is {'a mapping' if isinstance(value, dict) else 'one value'}, and no list"
                right = "Write each as an item of its own, with a dash in front."
                yield finding("kubernetes-refuses", shown, table.at(key), what=what, right=right)
        elif not key.startswith((".", "[", "x-")):
            near = get_close_matches(key, _FIELDS[shape], n=1, cutoff=0.8)
            above = next(
                (name for name in _MAPPINGS if name in _FIELDS[shape] and name in table and not table[name]), ""
            )
            others = sorted(_NAMES[other] for other in _HOLDERS.get(key, ()) if other in _NAMES)
            right = (
                f"Indent it: it belongs below {above}."
                if above
                else f"Write {near[0]}."
                if near
                else f"It belongs to {others[0]}."
                if others
                else "Drop it."
            )
            yield finding("kubernetes-refuses", shown, table.at(key), what=f"{name} has no field {key}", right=right)


# what a shape is called, and which shapes have a field
_NAMES = {"object": "an object", "metadata": "metadata",
          "pod": "a pod's spec", "container": "a container", "env": "a variable",
          "probe": "a probe", "httpGet": "httpGet", "tcpSocket": "tcpSocket", "grpc": "grpc", "exec": "exec",
          "port": "a container's port", "resources": "resources", "mount": "a volumeMount", "volume": "a volume",
          "configMap": "a configMap volume", "secret": "a secret volume", "servicePort": "a Service's port",
          "claim": "persistentVolumeClaim", "hostPath": "hostPath", "emptyDir": "emptyDir", "nfs": "nfs",
          "template": "a pod template", "selector": "a selector", "valueFrom": "valueFrom", "envFrom": "envFrom",
          **{kind: f"the spec of a {kind}" for kind in _KINDS if kind != "Pod"}}  # fmt: skip
_HOLDERS: dict[str, list[str]] = {}
for _shape, _known in _FIELDS.items():
    for _field in _known:
        _HOLDERS.setdefault(_field, []).append(_shape)
