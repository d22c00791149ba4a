"""Bodies of inference requests as tensors: what needs nothing of a server, and so can be done in another process."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np

from model_server.errors import invalid
from model_server.json import fast, text
from model_server.json.text import debug_string
from model_server.models.servable import DEFAULT_SIGNATURE
from model_server.rest.inputs import plain_numbers, read_inputs

MOST_INFLATED = 100 << 20
Types = Mapping[str, Mapping[str, int]]  # signature -> input alias -> DataType number


def inflated(sent: bytes, most: int) -> bytes | None:
    """A gzip body's text; empty where it is not gzip, as TensorFlow Serving sees it, and None above `most` bytes."""
    try:
        inflater = zlib.decompressobj(31)
        data = inflater.decompress(sent, most)
        if inflater.eof:
            return data
        return None if len(data) >= most else b""
    except zlib.error:
        return b""


def predict_inputs(body: bytes, types: Types) -> tuple[bool, str, dict[str, np.ndarray]]:
    """Row format or not, the signature's name, and its tensors by alias.

    Raises:
        ServingError: in the order of TensorFlow Serving's checks: JSON, signature, tensors.
    """
    default = types.get(DEFAULT_SIGNATURE, {})
    if len(default) == 1:
        ((alias, dtype),) = default.items()
        plain = fast.read(body, dtype)
        if plain is not None:
            return plain[0], DEFAULT_SIGNATURE, {alias: plain[1]}
    document = as_object(text.parse(body))
    signature_name = read_signature_name(document) or DEFAULT_SIGNATURE
    row_format, tensors = read_inputs(document, _input_types(types, signature_name), plain_numbers(body))
    return row_format, signature_name, tensors


def check_document(body: bytes) -> None:
    """What is complained of before an unknown model.

    Raises:
        ServingError: the body is no JSON object, or the signature's name no string.
    """
    read_signature_name(text.parse(body))


def as_object(document: object) -> dict:
    """The root of a body.

    Raises:
        ServingError: INVALID_ARGUMENT when it is no object.
    """
    if not isinstance(document, dict):
        raise invalid(f"JSON Value: {debug_string(document)} Is not object")
    return document


def read_signature_name(document: object) -> str:
    """The request's signature name, "" when it has none.

    Raises:
        ServingError: the root is no object, or the name no string.
    """
    name = as_object(document).get("signature_name", "")
    if not isinstance(name, (str, bytes)):
        raise invalid(
            f"JSON Value: {debug_string(document)} not formatted correctly. 'signature_name' key must be a string "
            "value."
        )
    return name if isinstance(name, str) else name.decode("utf-8", "replace")


def _input_types(types: Types, signature_name: str) -> Mapping[str, int]:
    if signature_name not in types:
        raise invalid(f'Serving signature name: "{signature_name}" not found in signature def')
    if not types[signature_name]:
        shown = "DEFAULT" if signature_name == DEFAULT_SIGNATURE else signature_name
        raise invalid(f"Failed to get input map for signature: {shown}")
    return types[signature_name]
