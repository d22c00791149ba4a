"""GPUs of a compose service: one that is reserved for an image for CPUs, an image for GPUs that is given none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from playbook.lint.checks.containers import for_cpus, for_gpus
from playbook.lint.forms.text import Word
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.rules.findings import Finding, finding

_OTHERWISE = re.compile(r"NVIDIA_|'(runtime|devices|privileged|env_file|extends|<<)'")  # ways beside compose's own


def check_gpus(service: Any, image: Word, base: str, shown: str, loose: bool) -> Iterator[Finding]:
    """Findings of one service; `base` is what its image is made of, `loose` as for the whole service."""
    wants = _wants_gpu(service)
    if wants and for_cpus(base):
        yield finding("gpu-image-missing", shown, image.line, image=base)
    whole = shown.endswith((".yaml", ".yml")) and not loose  # not a part that a document shows
    if whole and for_gpus(image) and not (wants or _OTHERWISE.search(str(service))):
        yield finding("gpu-not-given", shown, image.line, image=image, how="deploy.resources.reservations.devices")


def _wants_gpu(service: Any) -> bool:
    """True where a service reserves a GPU or runs under NVIDIA's runtime."""
    resources = (service.get("deploy") or {}).get("resources") or {}
    devices = (resources.get("reservations") or {}).get("devices") or []
    named = any("gpu" in (device.get("capabilities") or []) for device in devices if isinstance(device, Table))
    return named or bool(service.get("gpus")) or service.get("runtime") == "nvidia"
