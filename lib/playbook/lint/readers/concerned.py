"""Which objects belong to a server: those in its own file, and those of other files that lead to it or act on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from playbook.lint.checks.keys_twice import check_twice
from playbook.lint.checks.known_fields import check_fields
from playbook.lint.checks.refused_routes import check_shape
from playbook.lint.checks.removed import check_version
from playbook.lint.checks.start import is_called_so
from playbook.lint.forms.text import is_unknown
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.readers.pods import Pod, selects
from playbook.lint.readers.routes import ROUTES, backends
from playbook.lint.rules.findings import Finding

SCALERS = ("HorizontalPodAutoscaler", "ScaledObject")  # KEDA's makes one of the former
_SELECTORS = {"PodDisruptionBudget": "selector", "NetworkPolicy": "podSelector"}
_PROSE = (".md", ".rst", ".ipynb", ".adoc", ".py", ".tf")


def check_concerned(objects: list[tuple[Any, str]], pods: list[Pod]) -> Iterator[Finding]:
    """Findings of objects around a server that Kubernetes refuses by their version or their shape."""
    served = {name_of(data) for data, _ in objects if data.get("kind") == "Service"
              for pod in pods if selects(data, pod)}  # fmt: skip
    files = {pod.shown for pod in pods if not pod.shown.endswith(_PROSE)}
    for data, shown in objects:
        alone = not pods and any(map(is_called_so, _asked(data)))
        if shown in files or alone or leads_to(data, served) or any(acts_on(data, pod) for pod in pods):
            yield from check_version(data, shown)
            yield from check_shape(data, shown)
        if (data.get("kind") in SCALERS and any(targets(data, pod) for pod in pods)) or name_of(data) in served:
            yield from check_fields(data, shown) if "kind" in data else ()
        if leads_to(data, served) or any(acts_on(data, pod) or _sends_to(data, pod) for pod in pods):
            yield from check_twice(data, shown) if not _is_open(data) else ()


def targets(scaler: Any, pod: Pod) -> bool:
    """True for a scaler of this pod's workload."""
    target = (scaler.get("spec") or {}).get("scaleTargetRef") or {}
    name, kind = str(target.get("name", "")), str(target.get("kind", "Deployment"))
    made = kind == "Deployment" and pod.kind == "SeldonDeployment" and name.startswith(f"{pod.name}-")
    return made or (name, kind) == (pod.name, pod.kind)


def _asked(data: Any) -> Iterator[str]:
    """The names of workloads and Services that an object acts on, where a text shows no server of such a name."""
    kind, spec = str(data.get("kind", "")), data.get("spec")
    if kind in SCALERS and isinstance(spec, Table) and isinstance(spec.get("scaleTargetRef"), Table):
        yield str(spec["scaleTargetRef"].get("name", ""))
    elif kind in ROUTES:
        yield from (str(name).partition(".")[0] for name, _, _ in backends(data))


def leads_to(data: Any, served: set[str]) -> bool:
    """True for a route to one of these Services."""
    routes = data.get("kind") in ROUTES
    return routes and any(str(name).partition(".")[0] in served for name, _, _ in backends(data))


def acts_on(data: Any, pod: Pod) -> bool:
    """True for what scales, guards or shuts off this pod."""
    kind, spec = str(data.get("kind", "")), data.get("spec")
    if kind in SCALERS:
        return targets(data, pod)
    selector: Any = spec.get(_SELECTORS[kind]) if kind in _SELECTORS and isinstance(spec, Table) else None
    wanted = _texts(selector.get("matchLabels")) if isinstance(selector, Table) else {}
    return bool(wanted) and wanted.items() <= _texts(pod.labels).items()


def _sends_to(data: Any, pod: Pod) -> bool:
    return data.get("kind") == "Service" and selects(data, pod)


def _is_open(data: Any) -> bool:
    """True for a chart's template, whose branches stand side by side."""
    return is_unknown(str(data.get("metadata")))


def _texts(value: Any) -> dict[str, str]:
    return {str(key): str(each) for key, each in value.items()} if isinstance(value, Mapping) else {}


def name_of(data: Any) -> str:
    """An object's name, "" for one without."""
    metadata = data.get("metadata")
    return str(metadata.get("name")) if isinstance(metadata, Table) else ""
