"""Deploy: from the winning configuration to a bundle that ships, and to what it costs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from playbook.deploy import bundle, manifest_numbers, refutation, words
from playbook.deploy.plan import Plan
from playbook.serve.spec import METRICS_PATH

PROMETHEUS_IMAGE = "prom/prometheus:v2.55.1"
GRAFANA_IMAGE = "grafana/grafana:11.6.0"


def write(plan: Plan) -> list[str]:
    """Write the bundle to `<run_dir>/deploy`; returns its files, relative to the run folder."""
    configs = manifest_numbers.config_files(plan.replica, plan.model_name)
    requests = {
        "protocol": plan.protocol,
        "rows_per_request": plan.rows_per_request,
        "model_name": plan.model_name,
        "count": 64,
    }
    return bundle.write(plan.run_dir, context(plan), configs, plan.models, requests)


def context(plan: Plan) -> dict[str, Any]:
    """Every name the templates may use."""
    flags = manifest_numbers.flags(plan.replica)
    rest = plan.protocol == "rest"
    host = f"{plan.name}:8501/v1/models/{plan.model_name}:predict" if rest else f"{plan.name}-headless:8500"
    return {
        "run_id": plan.run_dir.resolve().name,
        "name": plan.name,
        "model_name": plan.model_name,
        "version": plan.version,
        "fingerprint": plan.fingerprint,
        "image": plan.image,
        "gpu_image": gpu(plan.image),
        "local_image": plan.local_image,
        "prometheus_image": PROMETHEUS_IMAGE,
        "grafana_image": GRAFANA_IMAGE,
        "python_image": f"python:{sys.version_info.major}.{sys.version_info.minor}-slim",
        "flags": flags,
        "sizing": plan.sizing,
        "metrics_path": METRICS_PATH,
        "target": "serving:8501",
        "protocol": plan.protocol,
        "load_url": ("http://" if rest else "grpc://") + host,
        "loadgen_requirements": manifest_numbers.loadgen_requirements(),
        "verdict": words.carries(plan),
        "warnings": plan.sizing.warnings,
        "promises": words.promises(plan),
        **manifest_numbers.lifetimes(plan.replica),
        **manifest_numbers.limits(plan.replica, plan.models, plan.demand.target_rate_rps, flags),
    }


def gpu(image: str) -> str:
    """The GPU sibling of an official image's tag."""
    return image if "-gpu" in image else f"{image.partition('@')[0]}-gpu"


def results(plan: Plan, files: list[str], **more: Any) -> dict[str, Any]:
    """What deploy.json keeps: `files`, the winner, the sizing, what was `refuted`, and what checks and simulation add.

    Args:
        plan: What is deployed.
        files: The bundle's files, relative to the run folder.
        more: Further results; of them `checks` (rows of `bundle_check.files`) and `rehearsal` may refute the plan.
    """
    winner = {
        "tuned": plan.replica.tuned,
        "config": {name: cited.value for name, cited in plan.replica.config.items()},
        "rate_rps": plan.replica.rate_rps.value,
        "p99_ms": plan.replica.p99_ms.value if plan.replica.p99_ms else None,
        "server": plan.replica.server.value,
    }
    refuted = refutation.refuted(more.get("checks") or [], more.get("rehearsal"))
    doubts = [*plan.sizing.warnings, *refutation.doubts(more.get("rehearsal"))]
    claims = {"promise": words.carries(plan, bool(refuted)), "refuted": refuted, "doubts": doubts}
    return {"files": files, "image": plan.image, "winner": winner, "sizing": plan.sizing.results(), **claims, **more}


def sign(plan: Plan, kept: Mapping[str, Any]) -> None:
    """Write the bundle's README again, with the verdict that checks and rehearsal came to.

    Args:
        plan: What is deployed.
        kept: What `results` returned.
    """
    names = {**context(plan), "verdict": words.verdict(kept), "warnings": words.warnings(kept)}
    (plan.run_dir / "deploy" / "README.md").write_text(bundle.render_one("README.md.j2", names))
