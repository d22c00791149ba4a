"""Which resource a REST path names (http_rest_api_handler.cc)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from model_server.errors import ServingError, invalid
from model_server.models.core import ModelSpec

_INFERENCE = re.compile(
    r"/v1/models/([^/:]+)(?:/versions/(\d+)|/labels/([^/:]+))?:(classify|regress|predict)", re.I | re.A
)
_MODEL = re.compile(r"/v1/models(?:/([^/:]+))?(?:/versions/(\d+)|/labels/([^/:]+))?(/metadata)?", re.I | re.A)
INFERENCE = ("classify", "regress", "predict")
_MOST = 1 << 63
_MOST_DIGITS = 19  # of a number that may be an int64; more of them are not worth reading


@dataclass(frozen=True)
class Route:
    """A parsed path: the verb (`predict`, `classify`, `regress`, `status`, `metadata`) and the model it is for.

    `refusal` is why a path that names a model leads nowhere all the same; it is counted under the model's name.
    """

    verb: str
    spec: ModelSpec
    refusal: ServingError | None = None


def parse(method: str, path: str) -> Route:
    """The route of a request under /v1/. Case does not matter for finding the model, only for what is done with it.

    Raises:
        ServingError: INVALID_ARGUMENT for everything that names no model: `Malformed request: ...`, or for the list of
            models `Missing model name in request.`
    """
    match = _INFERENCE.fullmatch(path) if method == "POST" else _MODEL.fullmatch(path) if method == "GET" else None
    if match is None:
        raise invalid(f"Malformed request: {method} {path}")
    name, digits, label, last = match.groups()
    spec = ModelSpec(unquote(name or ""), _version(digits), unquote(label or ""))
    if digits is not None and spec.version is None:
        return Route("", spec, invalid(f"Failed to convert version: {digits} to numeric."))
    if not name:
        raise invalid("Missing model name in request.")
    if method == "GET":
        return Route("metadata" if last == "/metadata" else "status", spec)
    if last in INFERENCE:
        return Route(last, spec)
    return Route("", spec, invalid(f"Malformed request: {method} {path}"))


def _version(digits: str | None) -> int | None:
    """The number these digits stand for, None where it is no int64."""
    digits = (digits or "").lstrip("0") or (digits and "0")
    if not digits or len(digits) > _MOST_DIGITS or int(digits) >= _MOST:
        return None
    return int(digits)
