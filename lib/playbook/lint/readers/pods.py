"""A pod that serves, as the objects around it need to know it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from playbook.lint.checks.command import Command
from playbook.lint.forms.yaml_lines import Table


@dataclass
class Pod:
    """A pod template that serves, and what the objects around it need to know of it."""

    shown: str
    kind: str
    name: str
    labels: Mapping[str, str]
    owner: Any
    containers: int
    container: Any
    command: Command
    annotations: Mapping[str, str] = field(default_factory=dict)
    meant_by: list[Any] = field(default_factory=list)  # Services that are to lead here, by a selector that does not


def texts_of(value: Any) -> dict[str, Any]:
    """Labels and the like, their names as texts."""
    return {str(key): each for key, each in value.items()} if isinstance(value, dict) else {}


def selects(service: Any, pod: Pod) -> bool:
    """True for a Service whose selector these pods carry, or that is meant to."""
    if any(service is each for each in pod.meant_by):
        return True
    spec = service.get("spec")
    selector = spec.get("selector") if isinstance(spec, Table) else None
    items = {str(key): str(value) for key, value in selector.items()} if isinstance(selector, Table) else {}
    labels = {key: str(value) for key, value in pod.labels.items()}
    return bool(items) and items.items() <= labels.items()
