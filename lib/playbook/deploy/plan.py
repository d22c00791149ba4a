"""What is to be deployed, read from the records and sized for a demand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from playbook import knobs
from playbook.deploy import encryption, replica, sizing
from playbook.deploy.refutation import refuted
from playbook.records import names
from playbook.records.cited import Cited, Records
from playbook.tfserving.mix import Mix


@dataclass(frozen=True)
class DeployPlan:
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
    mix: Mix
    exported_by: str = ""  # the TensorFlow that wrote the model; "" where export did not say
    tls: encryption.Tls | None = None  # of the gRPC port; None: plain text

    @property
    def skew(self) -> list[str]:
        """What is to be said where the image's TensorFlow is older than the one that wrote the model."""
        exported, served = _release(self.exported_by), _release(self.image)
        if not exported or not served or exported <= served:
            return []
        return [
            f"The model was exported by TensorFlow {self.exported_by}, and {self.image} serves with an older one: an "
            "operation that is newer than the server fails when the model loads. Rehearse on that image."
        ]

    @property
    def name(self) -> str:
        """The model's name as Kubernetes and image names allow it."""
        return _plain(self.model_name)

    @property
    def local_image(self) -> str:
        """The name the image is built under."""
        return f"{self.name}-serving:{re.sub(r'[^A-Za-z0-9_.-]', '-', self.run_dir.resolve().name)}"

    @property
    def max_batch_size(self) -> int:
        """The most rows one request may have, as far as batching limits it."""
        batching = self.replica.config.get("enable_batching")
        size = self.replica.config.get("max_batch_size")
        asked = size.value if size and batching and batching.value else None
        return asked or knobs.default("max_batch_size")

    @property
    def configuration(self) -> str:
        """The knobs that are set, in words."""
        chosen = knobs.chosen({name: cited.value for name, cited in self.replica.config.items()})
        return knobs.in_words(chosen) or "TensorFlow Serving's default flags"


def _plain(model_name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", model_name.lower()).strip("-")[:40] or "model"


def _release(text: str) -> tuple[int, int] | None:
    """Major and minor of the first version number in a text; None without one."""
    match = re.search(r"(?:^|:)v?(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else None


def plan_of(run_dir: Path, image: str, demand: sizing.Demand, tls_secret: str = "") -> DeployPlan:
    """Read what was measured, and size the fleet for the demand.

    Args:
        run_dir: The run folder.
        image: What the bundle's image is built on.
        demand: What is to be carried.
        tls_secret: The Secret with the server's SSLConfig, where the run was served with one; "" names it.

    Raises:
        RecordUnreadable: export, or both tune and stress, were not run.
        SizingRefused: nothing that was measured kept the limit.
        ParameterError: the image's name is not one, or the Secret's.
    """
    names.check("image", image)
    run_dir, records = Path(run_dir), Records(run_dir)
    model_name = records.need("export", "model_name").value
    one = replica.of_run(run_dir)
    requests = (records.of("tune" if one.tuned else "stress") or {}).get("params", {})
    protocol = records.get("tune", "best.config.protocol") if one.tuned else None
    return DeployPlan(
        run_dir=run_dir,
        image=image,
        model_name=model_name,
        version=records.need("export", "version"),
        fingerprint=records.need("export", "fingerprint").value,
        models=run_dir / records.need("export", "base_path").value,
        replica=one,
        demand=demand,
        sizing=sizing.size(one, demand),
        protocol=protocol.value if protocol else requests.get("protocol", "rest"),
        mix=Mix.of(requests),
        exported_by=_exported_by(records),
        tls=encryption.of_run(run_dir, tls_secret, f"{_plain(model_name)}-grpc-tls"),
    )


def refined(plan: DeployPlan, rehearsal: Mapping[str, Any]) -> DeployPlan:
    """The plan with the cores and memory that the rehearsed server used, which is the one that ships.

    Where the rehearsal was not carried, or its server could not be watched, the plan stays as it was.

    Args:
        plan: What was rehearsed.
        rehearsal: What `rehearsal.run` returned.
    """
    used = {name: rehearsal.get(name) for name in ("cpu_cores", "rss_bytes")}
    if not all(used.values()) or refuted([], rehearsal):
        return plan
    where = "deploy.json results.rehearsal"
    measured = replace(
        plan.replica,
        planned_cpu_cores=Cited(used["cpu_cores"], f"{where}.cpu_cores"),
        memory_bytes=Cited(used["rss_bytes"], f"{where}.rss_bytes"),
    )
    return replace(plan, replica=measured, sizing=sizing.size(measured, plan.demand))


def _exported_by(records: Records) -> str:
    packages = ((records.of("export") or {}).get("environment") or {}).get("packages") or {}
    return packages.get("tensorflow") or ""
