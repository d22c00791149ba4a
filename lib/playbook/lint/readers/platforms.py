"""Objects of platforms that run the server themselves, by whatever text makes them: KServe, Seldon."""

from __future__ import annotations

from typing import Any

from playbook.lint.checks.reading import Document, Reading
from playbook.lint.readers.kserve import read_inference_service
from playbook.lint.readers.seldon import read_seldon


def is_platforms(data: Any) -> bool:
    """True for an object whose containers its platform makes."""
    misnamed = str(data.get("apiVersion", "")).startswith("serving.kserve.io/") and "predictor" in (
        data.get("spec") or {}
    )
    return str(data.get("kind", "")) in ("InferenceService", "SeldonDeployment") or misnamed


def read_platform(data: Any, document: Document) -> Reading:
    """What such an object serves; an empty reading for any other."""
    if str(data.get("kind", "")) == "SeldonDeployment":
        return read_seldon(data, document)
    return read_inference_service(data, document) if is_platforms(data) else Reading()
