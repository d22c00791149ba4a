"""Deploy: from the winning configuration to a bundle that ships, and to what it costs."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playbook import record
from playbook.deploying import bundle, bundle_check, deploy_words, manifest_numbers, replica, sizing
from playbook.deploying.cited import Cited, Records
from playbook.errors import ParameterError
from playbook.serving.containers import IMAGE
from playbook.serving.spec import METRICS_PATH

PROMETHEUS_IMAGE = "prom/prometheus:v2.55.1"
GRAFANA_IMAGE = "grafana/grafana:11.6.0"


@dataclass(frozen=True)
class Plan:
    """What is to be deployed: the replica that was measured, the fleet of it, and the names of things."""

    run_dir: Path
    image: str
    model_name: str
    version: Cited
    fingerprint: str
    models: Path
    replica: replica.Replica
    demand: sizing.Demand
    sizing: sizing.Sizing
    protocol: str
    rows_per_request: int

    @property
    def name(self) -> str:
        """The model's name as Kubernetes and image names allow it."""
        return re.sub(r"[^a-z0-9]+", "-", self.model_name.lower()).strip("-")[:40] or "model"

    @property
    def local_image(self) -> str:
        """The name the image is built under."""
        return f"{self.name}-serving:{re.sub(r'[^A-Za-z0-9_.-]', '-', self.run_dir.resolve().name)}"

    @property
    def max_batch_size(self) -> int:
        """The most rows one request may have, as far as batching limits it."""
        batching = self.replica.config.get("enable_batching")
        size = self.replica.config.get("max_batch_size")
        return (size.value if size else 0) or 1000 if batching and batching.value else 1000

    @property
    def configuration(self) -> str:
        """The knobs that are set, in words."""
        told = {
            name: cited.value
            for name, cited in self.replica.config.items()
            if cited.value not in (0, -1, [], (), False)
        }
        return ", ".join(f"{name} {value}" for name, value in told.items()) or "TensorFlow Serving's default flags"


def plan(run_dir: Path, image: str, demand: sizing.Demand) -> Plan:
    """Read what was measured, and size the fleet for the demand.

    Raises:
        RecordUnreadable: export, or both tune and stress, were not run.
        SizingRefused: nothing that was measured kept the limit.
        ParameterError: the image's name is not one.
    """
    if not re.fullmatch(r"[a-z0-9][\w./-]*(:\d+/[\w./-]+)?(:[\w.-]+)?(@sha256:[0-9a-f]{64})?", image):
        raise ParameterError(f"image is {image!r}; a name such as {IMAGE} is awaited.")
    run_dir, records = Path(run_dir), Records(run_dir)
    one = replica.of_run(run_dir)
    requests = (records.of("tune" if one.tuned else "stress") or {}).get("params", {})
    protocol = records.get("tune", "best.config.protocol") if one.tuned else None
    return Plan(
        run_dir=run_dir,
        image=image,
        model_name=records.need("export", "model_name").value,
        version=records.need("export", "version"),
        fingerprint=records.need("export", "fingerprint").value,
        models=run_dir / records.need("export", "base_path").value,
        replica=one,
        demand=demand,
        sizing=sizing.size(one, demand),
        protocol=protocol.value if protocol else requests.get("protocol", "rest"),
        rows_per_request=int(requests.get("rows_per_request", 1)),
    )


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
        "verdict": deploy_words.verdict(made),
        "warnings": made.sizing.warnings,
        "promises": deploy_words.promises(made),
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
    return {"files": files, "image": made.image, "winner": winner, "sizing": made.sizing.results(), **more}


def save(run_dir: Path, params: Mapping[str, Any], made: Plan, kept: Mapping[str, Any]) -> dict[str, Any]:
    """Write deploy.json; checks that failed and requests that failed in the rehearsal lead verdict and warnings."""
    faults = bundle_check.failed(kept.get("checks", []))
    seen = kept.get("rehearsal") or {}
    if errors := seen.get("errors"):
        kinds = ", ".join(f"{count} {kind}" for kind, count in (seen.get("errors_by_kind") or {}).items())
        faults.append(f"{errors} requests of the rehearsal failed ({kinds}); see logs/deploy.log in the run folder")
    told = deploy_words.verdict(made)
    if faults:
        told = f"BROKEN: {faults[0]}. {told}"
    warnings = [*faults, *made.sizing.warnings]
    return record.save(run_dir, "deploy", params=params, results=kept, verdict=told, warnings=warnings)
