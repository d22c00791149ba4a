"""Strict schemas of the objects that operators know and Kubernetes does not: what the bundle uses of them.

Written from the field tables of the operators' API references; a field that is not named here is refused, so that a
misspelt one is found without a cluster. Names of required fields end in `__`.
"""

from __future__ import annotations

from typing import Any

import jsonschema

from playbook.errors import BundleBroken

TEXT = {"type": "string"}
NUMBER = {"type": "integer"}
TEXTS = {"type": "array", "items": TEXT}
LABELS = {"type": "object", "additionalProperties": TEXT}
DURATION = {"type": "string", "pattern": r"^(\d+(ms|[smhd]))+$"}
ANYTHING: dict[str, Any] = {}


def fields(**names: Any) -> dict[str, Any]:
    """An object with these fields and no other; `name__` is required."""
    plain = {name.removesuffix("__"): schema for name, schema in names.items()}
    required = [name.removesuffix("__") for name in names if name.endswith("__")]
    return {"type": "object", "properties": plain, "required": required, "additionalProperties": False}


def many(schema: Any) -> dict[str, Any]:
    """A list with at least one item."""
    return {"type": "array", "items": schema, "minItems": 1}


_SELECTOR = fields(matchLabels=LABELS, matchExpressions=ANYTHING)
_ALERT = {"for": DURATION, "alert": TEXT, "expr": TEXT, "labels": LABELS, "annotations": LABELS}
_RULE = {"type": "object", "properties": _ALERT, "required": ["alert", "expr"], "additionalProperties": False}
_BACKEND = fields(name__=TEXT, port__=NUMBER, weight=NUMBER)
_PARENT = fields(name__=TEXT, namespace=TEXT, sectionName=TEXT)
_WINDOW = fields(stabilizationWindowSeconds=NUMBER)
_TRIGGER = fields(type__=TEXT, metricType=TEXT, metadata__=fields(serverAddress__=TEXT, query__=TEXT, threshold__=TEXT))

# By apiVersion and kind: the schema of `spec`.
SPECS: dict[tuple[str, str], dict[str, Any]] = {
    ("monitoring.coreos.com/v1", "ServiceMonitor"): fields(
        selector__=_SELECTOR,
        jobLabel=TEXT,
        endpoints__=many(fields(port=TEXT, path=TEXT, interval=DURATION, scrapeTimeout=DURATION)),
    ),
    ("monitoring.coreos.com/v1", "Probe"): fields(
        jobName=TEXT,
        interval=DURATION,
        module=TEXT,
        prober__=fields(url__=TEXT, path=TEXT, scheme=TEXT),
        targets__=fields(staticConfig=fields(static__=TEXTS, labels=LABELS)),
    ),
    ("monitoring.coreos.com/v1", "PrometheusRule"): fields(
        groups__=many(fields(name__=TEXT, interval=DURATION, rules__=many(_RULE)))
    ),
    ("keda.sh/v1alpha1", "ScaledObject"): fields(
        scaleTargetRef__=fields(name__=TEXT, kind=TEXT, apiVersion=TEXT),
        pollingInterval=NUMBER,
        cooldownPeriod=NUMBER,
        minReplicaCount=NUMBER,
        maxReplicaCount=NUMBER,
        advanced=fields(horizontalPodAutoscalerConfig=fields(behavior=fields(scaleUp=_WINDOW, scaleDown=_WINDOW))),
        triggers__=many(_TRIGGER),
    ),
    ("gateway.networking.k8s.io/v1", "GRPCRoute"): fields(
        parentRefs__=many(_PARENT),
        rules__=many(
            fields(matches=many(fields(method__=fields(service=TEXT, method=TEXT))), backendRefs__=many(_BACKEND))
        ),
    ),
    ("gateway.networking.k8s.io/v1", "HTTPRoute"): fields(
        parentRefs__=many(_PARENT), rules__=many(fields(backendRefs__=many(_BACKEND)))
    ),
    ("serving.kserve.io/v1alpha1", "ServingRuntime"): fields(
        supportedModelFormats__=many(fields(name__=TEXT, version=TEXT, autoSelect={"type": "boolean"})),
        protocolVersions=TEXTS,
        containers__=ANYTHING,  # of a pod: validated as one
        volumes=ANYTHING,
    ),
    ("serving.kserve.io/v1beta1", "InferenceService"): fields(
        predictor__=fields(
            minReplicas=NUMBER,
            maxReplicas=NUMBER,
            scaleMetric={"enum": ["cpu", "memory", "concurrency", "rps"]},
            scaleTarget=NUMBER,
            terminationGracePeriodSeconds=NUMBER,
            model__=fields(runtime=TEXT, modelFormat__=fields(name__=TEXT), storageUri=TEXT),
        )
    ),
    ("kustomize.config.k8s.io/v1beta1", "Kustomization"): ANYTHING,  # kustomize itself refuses unknown fields
    ("kustomize.config.k8s.io/v1alpha1", "Component"): ANYTHING,
}


def known(document: dict[str, Any]) -> bool:
    """Whether this object is an operator's, and so none of Kubernetes' own schemas knows it."""
    return (document.get("apiVersion"), document.get("kind")) in SPECS


def validate(document: dict[str, Any], shown: str) -> None:
    """Check an operator's object, unknown fields refused.

    Raises:
        BundleBroken: it is not valid; names the file, the object and the field.
    """
    kind, name = document.get("kind"), (document.get("metadata") or {}).get("name")
    spec = SPECS[str(document.get("apiVersion")), str(kind)]
    try:
        jsonschema.validate(document.get("spec") or {}, spec)
    except jsonschema.ValidationError as wrong:
        where = ".".join(str(part) for part in wrong.absolute_path)
        raise BundleBroken(f"{shown}: {kind} {name} is not valid at spec.{where}: {wrong.message}") from wrong
