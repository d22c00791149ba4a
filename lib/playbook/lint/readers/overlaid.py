"""What kustomize's patches make of a server's container: each is read over the object that it changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from playbook.lint.checks.probes import check_probes
from playbook.lint.checks.refused import check_container
from playbook.lint.checks.resources import check_resources
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.readers.pods import Pod
from playbook.lint.rules.findings import Finding

_KINDS = ("requests", "limits")


def check_patches(objects: list[tuple[Any, str]], pods: list[Pod]) -> Iterator[Finding]:
    """Findings of patches of a server's object: mappings of its kind and name, in whose container no image stands."""
    known = {(pod.kind, pod.name, str(pod.container.get("name"))): pod for pod in pods if pod.name}
    for data, shown in objects:
        who = str(data.get("kind", "")), str((data.get("metadata") or {}).get("name", ""))
        for template in pod_templates(data) if any(who == each[:2] for each in known) else ():
            for container in (each for each in template["spec"]["containers"] or [] if isinstance(each, Table)):
                pod = known.get((*who, str(container.get("name"))))
                if "image" not in container and pod is not None:
                    yield from check_container(container, data, shown)
                    yield from _resources(container, pod, shown)
                    yield from _probes(container, pod, shown)


def pod_templates(node: Any) -> Iterator[Any]:
    """Pods and pod templates of an object: mappings whose spec holds containers."""
    if isinstance(node, Table) and isinstance(node.get("spec"), Table) and "containers" in node["spec"]:
        yield node
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from pod_templates(value)


def _probes(container: Any, pod: Pod, shown: str) -> Iterator[Finding]:
    """Probes that a patch gives a server whose flags it leaves as they are."""
    if {"args", "command"} & {*container}:
        return
    over = Table({"ports": pod.container.get("ports"), **container})
    over.line = container.line
    yield from (hit for hit in check_probes(over, pod.command, shown) if hit.severity == "error")


def _resources(container: Any, pod: Pod, shown: str) -> Iterator[Finding]:
    """What a patch makes of requests and limits that were right without it."""
    given: Any = container.get("resources") or Table()
    before: Any = pod.container.get("resources") or Table()
    tables = {kind: (before.get(kind) or Table(), given.get(kind) or Table()) for kind in _KINDS}
    over = {kind: Table({**old, **new}) for kind, (old, new) in tables.items()}
    wrong = {(hit.rule, hit.message) for hit in check_resources(pod.container, "", pod.shown)}
    for hit in check_resources(Table(resources=Table(over)), "", shown) if given else ():
        if (hit.rule, hit.message) not in wrong:
            lines = [new.at(key) for _, new in tables.values() for key in new if f"{key}:" in hit.message]
            yield replace(hit, line=next(iter(lines), None) or container.at("resources"))
