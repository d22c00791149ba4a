"""JSON text as rapidjson reads and prints it: NaN and Infinity allowed, the first of two equal keys wins."""

from __future__ import annotations

import json

import orjson

from model_server.errors import ServingError, invalid
from model_server.json_reply import quoted

_DEBUG_BYTES = 256


def parse(body: bytes) -> object:
    """The value of a request body.

    Raises:
        ServingError: INVALID_ARGUMENT `JSON Parse error: ...`.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _parse_error(body, error) from None


def _parse_error(body: bytes, error: Exception) -> ServingError:
    if not body:
        return invalid("JSON Parse error: The document is empty")
    return invalid(f"JSON Parse error: Invalid value. at offset: {getattr(error, 'pos', 0)}")


def debug_string(value: object) -> str:
    """A JSON value for an error message: pretty-printed, lists on one line, cut at about 256 bytes."""
    text = _pretty(value, 0).decode("utf-8", "replace")
    return text[:_DEBUG_BYTES]


def _pretty(value: object, level: int) -> bytes:
    if isinstance(value, dict):
        if not value:
            return b"{}"
        pad = b"    " * (level + 1)
        lines = [pad + quoted(_bytes(key)) + b": " + _pretty(item, level + 1) for key, item in value.items()]
        return b"{\n" + b",\n".join(lines) + b"\n" + b"    " * level + b"}"
    if isinstance(value, list):
        return b"[" + b", ".join(_pretty(item, level + 1) for item in value) + b"]"
    if isinstance(value, (str, bytes)):
        return quoted(_bytes(value))
    return json.dumps(value).encode()


def _bytes(text: str | bytes) -> bytes:
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
