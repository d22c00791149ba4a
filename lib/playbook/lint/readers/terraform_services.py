"""Terraform's resources that run a container elsewhere than in a cluster: docker's, and Cloud Run's services."""

from __future__ import annotations

from typing import Any

from playbook.lint.forms.hcl import LABELS
from playbook.lint.forms.text import Word
from playbook.lint.forms.yaml_lines import Items, Table

DOCKER = "docker_container"
CLOUD_RUN = ("google_cloud_run_service", "google_cloud_run_v2_service")


def as_service(block: Table) -> Table:
    """A `docker_container` under compose's names; what it does not mount is nowhere."""
    apart = (LABELS, "healthcheck", "env", "mounts")
    service = Table({name: value for name, value in block.items() if name not in apart})
    service.line = block.line
    health = blocks(block, "healthcheck")
    if health:
        service[Word("healthcheck", block.at("healthcheck"))] = health[0]
    if "env" in block:
        service[Word("environment", block.at("env"))] = block["env"]
    mounted = Items([*blocks(block, "volumes"), *blocks(block, "mounts")])
    if mounted:
        service[Word("volumes", mounted[0].line)] = mounted
    return service


def as_knative(spec: Any, name: str) -> Table:
    """A Cloud Run service, of which `spec` is the template in Kubernetes' spelling, as Knative writes one.

    Its quota is left out: there a container sees no more CPUs than it may use.
    """
    spec = spec if isinstance(spec, Table) else Table()
    inner = spec.get("spec") if isinstance(spec.get("spec"), Table) else spec
    for container in inner.get("containers") or []:
        resources = container.get("resources") if isinstance(container, Table) else None
        if isinstance(resources, Table) and isinstance(resources.get("limits"), Table):
            resources["limits"].pop("cpu", None)
    return Table(apiVersion="serving.knative.dev/v1", kind="Service", metadata=Table(name=name),
                 spec=Table(template=Table(spec=inner)))  # fmt: skip


def blocks(table: Table, name: str) -> list[Table]:
    """The blocks of this name in a block; empty for a value that is none."""
    found = table.get(name)
    return [each for each in found if isinstance(each, Table)] if isinstance(found, list) else []
