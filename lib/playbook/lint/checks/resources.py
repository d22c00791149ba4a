"""What a container asks of its node: extended resources, CPU and memory against their limits, a GPU for its image."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from playbook.lint.checks.containers import GPU, for_cpus, for_gpus, quantity
from playbook.lint.forms.text import is_unknown, line_of
from playbook.lint.rules.findings import Finding, finding

_GPUS = re.compile(r"gpu|nvidia|claims|/mig-|\$|\{\{", re.IGNORECASE)  # ways to a GPU, and what is filled in


def check_resources(container: Any, image: str, shown: str) -> Iterator[Finding]:
    """Findings of a container's `resources`; `image` decides whether a GPU is of use ("" where it is not known)."""
    resources: Any = container.get("resources") or {}
    requests: Any = resources.get("requests") or {}
    limits: Any = resources.get("limits") or {}
    for name in [key for key in {**requests, **limits} if "/" in str(key)]:
        asked, most = requests.get(name), limits.get(name)
        if name in requests and str(asked) != str(most) and not is_unknown(f"{asked}{most}"):
            line = limits.at(name) if name in limits else requests.at(name)
            words = {"resource": name, "requests": asked, "limits": "none" if most is None else most}
            yield finding("gpu-requests", shown, line, **words)
    for name in ("cpu", "memory"):
        asked, most = quantity(requests.get(name)), quantity(limits.get(name))
        if asked is not None and most is not None and asked > most:
            words = {"resource": name, "requests": requests[name], "limits": limits[name]}
            yield finding("request-above-limit", shown, requests.at(name), **words)
    wants = str(limits.get(GPU, requests.get(GPU, "0")))
    if wants.isdigit() and int(wants) and for_cpus(image):
        line = limits.at(GPU) if GPU in limits else requests.at(GPU)
        yield finding("gpu-image-missing", shown, line, image=image)
    whole = shown.endswith((".yaml", ".yml", ".json")) and "image" in container  # not a part that a document shows
    if whole and for_gpus(image) and not _GPUS.search(f"{[*requests, *limits, *resources]}{container.get('env')}"):
        yield finding("gpu-not-given", shown, line_of(container.get("image")), image=image, how=f"limits: {GPU}: 1")
