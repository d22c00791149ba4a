"""Every name that the templates of `docker/` may use, and its value for one plan."""

from __future__ import annotations

import re
import sys
from typing import Any

from playbook.deploy import bundle, manifest_numbers, server_flags, words
from playbook.deploy.plan import DeployPlan
from playbook.deploy.runbook import COMPONENTS, RUNBOOK
from playbook.deploy.sizing import FULL
from playbook.knobs import METRICS_PATH
from playbook.records.cited import Cited
from playbook.tfserving.reference import Reference
from playbook.tfserving.requests import rest_body

PROMETHEUS_IMAGE = "prom/prometheus:v2.55.1"
BLACKBOX_IMAGE = "prom/blackbox-exporter:v0.25.0"
GRAFANA_IMAGE = "grafana/grafana:11.6.0"
RCLONE_IMAGE = "rclone/rclone:1.68.2"
_BUCKET_START_US, _BUCKET_GROWTH, _BUCKETS = 10.0, 1.8, 33  # TensorFlow Serving's latency histogram
_GPU_MEMORY_MIB = 4096  # CUDA's and cuDNN's libraries in the host's memory


def of(plan: DeployPlan) -> dict[str, Any]:
    """The context of a plan's templates.

    Raises:
        SizingRefused: the record's flags cannot be carried into an image.
    """
    flags = [*server_flags.flags(plan.replica, plan.protocol), *([plan.tls.flag] if plan.tls else [])]
    numbers = {
        **manifest_numbers.lifetimes(plan.replica),
        **manifest_numbers.limits(
            plan.replica, plan.models, plan.demand.target_rate_rps, flags, plan.sizing.max_replicas
        ),
    }
    return {
        **_names(plan),
        **_images(plan),
        **_monitoring(plan, numbers["limit_ms"]),
        "flags": flags,
        "sizing": plan.sizing,
        "rate_rps": plan.replica.rate_rps,
        "full": FULL,
        "components": bundle.components(),
        "component_words": COMPONENTS,
        "runbook": RUNBOOK,
        "loadgen_requirements": manifest_numbers.loadgen_requirements(),
        "verdict": f"NOT REHEARSED: {words.carries(plan)}",  # `deploy.sign` says what came of it
        "tls": plan.tls,
        "grpc_protocol": "https" if plan.tls else "kubernetes.io/h2c",
        "warnings": words.doubts(plan),
        "promises": words.promises(plan),
        "gpu_memory_mib": plan.sizing.memory_limit_mib.as_(
            lambda mib: max(mib, _GPU_MEMORY_MIB), f"at least {_GPU_MEMORY_MIB} for CUDA's libraries, not measured"
        ),
        **numbers,
    }


def _names(plan: DeployPlan) -> dict[str, Any]:
    rest = plan.protocol == "rest"
    scheme, port = ("http", 8501) if rest else ("grpcs" if plan.tls else "grpc", 8500)
    path = f"/v1/models/{plan.model_name}:predict" if rest else ""
    return {
        "run_id": plan.run_dir.resolve().name,
        "name": plan.name,
        "model_name": plan.model_name,
        "version": plan.version,
        "fingerprint": plan.fingerprint,
        "protocol": plan.protocol,
        "load_url": f"{scheme}://{plan.name}-headless:{port}{path}",
        "labels": labels(plan),
    }


def labels(plan: DeployPlan) -> dict[str, str]:
    """Kubernetes' recommended labels."""
    return {
        "app.kubernetes.io/name": plan.name,
        "app.kubernetes.io/version": str(plan.version),
        "app.kubernetes.io/component": "model-server",
        "app.kubernetes.io/managed-by": "playbook",
    }


def _images(plan: DeployPlan) -> dict[str, Any]:
    name, _, tag = plan.local_image.partition(":")
    return {
        "image": plan.image,
        "gpu_image": gpu(plan.image),
        "local_image": plan.local_image,
        "local_name": name,
        "local_tag": tag,
        "gpu_local_image": f"{name}-gpu:{tag}",
        "loadtest_image": f"{name}-loadtest:{tag}",
        "prometheus_image": PROMETHEUS_IMAGE,
        "blackbox_image": BLACKBOX_IMAGE,
        "grafana_image": GRAFANA_IMAGE,
        "rclone_image": RCLONE_IMAGE,
        "python_image": f"python:{sys.version_info.major}.{sys.version_info.minor}-slim",
    }


def _monitoring(plan: DeployPlan, limit_ms: Cited) -> dict[str, Any]:
    first = Reference.load(plan.run_dir).slice(0, 1)
    return {
        "metrics_path": METRICS_PATH,
        "target": "serving:8501",
        "grpc_target": "serving:8500",
        "blackbox": "blackbox:9115",
        "probe_body": rest_body(first.inputs, first.signature).decode(),
        "limit_bucket": bucket_inside(limit_ms.value),
        "throttled_limit": manifest_numbers.THROTTLED,
    }


def bucket_inside(limit_ms: float) -> str:
    """The `le` of the last latency bucket that ends inside the limit, in microseconds, as the server prints it."""
    bounds = [_BUCKET_START_US * _BUCKET_GROWTH**power for power in range(_BUCKETS)]
    inside = [bound for bound in bounds if bound <= limit_ms * 1e3] or bounds[:1]
    return f"{inside[-1]:.6g}"


def gpu(image: str) -> str:
    """The GPU sibling of an official image's tag; a digest names the CPU's bytes and falls away."""
    if "-gpu" in image:
        return image
    name = image.partition("@")[0]
    return f"{name}-gpu" if re.search(r":[\w.-]+$", name) else f"{name}:latest-gpu"
