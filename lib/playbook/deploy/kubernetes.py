"""Kubernetes manifests checked offline: kustomize builds every overlay, and every object is valid, strictly."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from playbook.deploy import operator_schemas
from playbook.errors import BundleBroken
from playbook.imports import GRAMMARS, without

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's is ten times as fast, and not everywhere


def objects(text: str) -> Iterator[dict[str, Any]]:
    """The objects of a manifest."""
    for document in yaml.load_all(text, Loader=_LOADER):
        if document is not None:
            yield document


def library() -> Any:
    """The package kubernetes_validate; load it before threads ask for it.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    if loaded := sys.modules.get("kubernetes_validate"):
        return loaded
    with without(GRAMMARS):  # touches what all threads import
        return importlib.import_module("kubernetes_validate")


def validate(text: str, shown: str) -> int:
    """Check every object against Kubernetes' newest schemas or its operator's, unknown fields refused; counts them.

    Raises:
        BundleBroken: an object is not valid; names the file, the object and the field.
        ModuleNotFoundError: kubernetes-validate is not installed.
    """
    kubernetes_validate, checked = library(), 0
    for document in objects(text):
        if operator_schemas.known(document):
            operator_schemas.validate(document, shown)
            checked += 1
            continue
        try:
            kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)
        except kubernetes_validate.ValidationError as wrong:
            where = ".".join(str(part) for part in wrong.path)
            name = f"{document.get('kind')} {(document.get('metadata') or {}).get('name')}"
            raise BundleBroken(f"{shown}: {name} is not valid at {where or 'its root'}: {wrong.message}") from wrong
        checked += 1
    return checked


def overlays(bundle: Path) -> list[Path]:
    """What is applied from a bundle, by path: the canary, and its overlays."""
    places = [*(bundle / "kubernetes" / "overlays").glob("*/kustomization.yaml")]
    return sorted(path.parent for path in [*places, bundle / "kubernetes" / "canary" / "kustomization.yaml"])


def can_build() -> bool:
    """True when kubectl is here to build with."""
    return shutil.which("kubectl") is not None


def build(overlay: Path) -> str:
    """What `kubectl apply -k` would send for an overlay.

    Raises:
        BundleBroken: kustomize refuses; its message is kept.
    """
    done = subprocess.run(["kubectl", "kustomize", str(overlay)], capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise BundleBroken(f"kubectl kustomize {overlay}: {done.stderr.strip()}")
    return done.stdout
