"""Deploy: from the winning configuration to a bundle that ships, and to what it costs."""

from __future__ import annotations

import sys
from typing import Any

from playbook.deploy import bundle, manifest_numbers, words
from playbook.deploy.plan import Plan
from playbook.serve.spec import METRICS_PATH

PROMETHEUS_IMAGE = "prom/prometheus:v2.55.1"
GRAFANA_IMAGE = "grafana/grafana:11.6.0"


def write(made: Plan) -> list[str]:
    """Write the bundle to `<run_dir>/deploy`; returns its files, relative to the run folder."""
    configs = manifest_numbers.config_files(made.replica, made.model_name)
    requests = {
        "protocol": made.protocol,
        "rows_per_request": made.rows_per_request,
        "model_name": made.model_name,
        "count": 64,
    }
    return bundle.write(made.run_dir, context(made), configs, made.models, requests)


def context(made: Plan) -> dict[str, Any]:
    """Every name the templates may use."""
    flags = manifest_numbers.flags(made.replica)
    rest = made.protocol == "rest"
    host = f"{made.name}:8501/v1/models/{made.model_name}:predict" if rest else f"{made.name}-headless:8500"
    return {
        "run_id": made.run_dir.resolve().name,
        "name": made.name,
        "model_name": made.model_name,
        "version": made.version,
        "fingerprint": made.fingerprint,
        "image": made.image,
        "gpu_image": gpu(made.image),
        "local_image": made.local_image,
        "prometheus_image": PROMETHEUS_IMAGE,
        "grafana_image": GRAFANA_IMAGE,
        "python_image": f"python:{sys.version_info.major}.{sys.version_info.minor}-slim",
        "flags": flags,
        "sizing": made.sizing,
        "metrics_path": METRICS_PATH,
        "target": "serving:8501",
        "protocol": made.protocol,
        "load_url": ("http://" if rest else "grpc://") + host,
        "loadgen_requirements": manifest_numbers.loadgen_requirements(),
        "verdict": words.carries(made),
        "warnings": made.sizing.warnings,
        "promises": words.promises(made),
        **manifest_numbers.lifetimes(made.replica),
        **manifest_numbers.limits(made.replica, made.models, made.demand.target_rate_rps, flags),
    }


def gpu(image: str) -> str:
    """The GPU sibling of an official image's tag."""
    return image if "-gpu" in image else f"{image.partition('@')[0]}-gpu"


def results(made: Plan, files: list[str], **more: Any) -> dict[str, Any]:
    """What deploy.json keeps: `files`, the winner, the sizing, and what checks and simulation add."""
    winner = {
        "tuned": made.replica.tuned,
        "config": {name: cited.value for name, cited in made.replica.config.items()},
        "rate_rps": made.replica.rate_rps.value,
        "p99_ms": made.replica.p99_ms.value if made.replica.p99_ms else None,
        "server": made.replica.server.value,
    }
    told = {"promise": words.carries(made), "doubts": list(made.sizing.warnings)}
    return {"files": files, "image": made.image, "winner": winner, "sizing": made.sizing.results(), **told, **more}
