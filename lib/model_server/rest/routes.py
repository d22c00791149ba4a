"""Which resource a REST path names (http_rest_api_handler.cc)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from model_server.errors import invalid
from model_server.models.core import ModelSpec

_INFERENCE = re.compile(
    r"/v1/models/([^/:]+)(?:/versions/(\d+)|/labels/([^/:]+))?:(classify|regress|predict)", re.I | re.A
)
_MODEL = re.compile(r"/v1/models(?:/([^/:]+))?(?:/versions/(\d+)|/labels/([^/:]+))?(/metadata)?", re.I | re.A)
INFERENCE = ("classify", "regress", "predict")
_MOST = 1 << 63


@dataclass(frozen=True)
class Route:
    """A parsed path: the verb (`predict`, `classify`, `regress`, `status`, `metadata`) and the model it is for."""

    verb: str
    spec: ModelSpec


def parse(method: str, path: str) -> Route:
    """The route of a request under /v1/.

    Raises:
        ServingError: INVALID_ARGUMENT `Malformed request: ...` for everything that is no route.
    """
    match = _INFERENCE.fullmatch(path) if method == "POST" else _MODEL.fullmatch(path) if method == "GET" else None
    if match is None:
        raise invalid(f"Malformed request: {method} {path}")
    name, digits, label, last = match.groups()
    if name is None:
        raise invalid("Missing model name in request.")
    if digits is not None and int(digits) >= _MOST:
        raise invalid(f"Failed to convert version: {digits} to numeric.")
    spec = ModelSpec(unquote(name), None if digits is None else int(digits), unquote(label or ""))
    if method == "POST":
        return Route(last.lower(), spec)
    return Route("metadata" if last else "status", spec)
