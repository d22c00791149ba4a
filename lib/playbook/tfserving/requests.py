"""Bodies: real rows encoded as requests with their expected answers, as the load generator reads them."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from playbook.tfserving.messages import MESSAGES, to_tensor_proto
from playbook.tfserving.reference import Arrays, Reference

DEFAULT_SIGNATURE = "serving_default"
# Batching changes the order of sums in a matrix product, so answers agree to rounding, not to the bit.
TOLERANCE = {"rtol": 1e-3, "atol": 1e-5}


def rest_body(inputs: Mapping[str, np.ndarray], signature: str = DEFAULT_SIGNATURE) -> bytes:
    """One Predict request in JSON's row format; bytes travel as `{"b64": …}`, the default signature goes unsaid."""
    columns = {alias: _json_rows(np.asarray(array)) for alias, array in inputs.items()}
    if len(columns) == 1:
        instances = next(iter(columns.values()))
    else:
        instances = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    named = {} if signature == DEFAULT_SIGNATURE else {"signature_name": signature}
    return orjson.dumps({**named, "instances": instances}, option=orjson.OPT_SERIALIZE_NUMPY)


def grpc_body(inputs: Mapping[str, np.ndarray], signature: str, model_name: str) -> bytes:
    """One serialized PredictRequest; numbers as `tensor_content`."""
    request = MESSAGES["PredictRequest"]()
    request.model_spec.name = model_name
    request.model_spec.signature_name = signature
    for alias, array in inputs.items():
        request.inputs[alias].CopyFrom(to_tensor_proto(array))
    return request.SerializeToString(deterministic=True)


def write_bodies(
    folder: Path,
    reference: Reference,
    protocol: str = "rest",
    rows_per_request: int = 1,
    count: int = 256,
    model_name: str = "",
) -> Path:
    """Encode real rows as request bodies with their expected answers, as the load generator reads them.

    Writes `NNNNN.body`, `NNNNN.expect` and `check.json` (tolerances); rows are taken in turn, over again at the end.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = min(count, max(1, len(reference) // rows_per_request))
    for number in range(wanted):
        start = number * rows_per_request
        part = _turn(reference, start, rows_per_request)
        if protocol == "rest":
            body, expect = rest_body(part.inputs, part.signature), _rest_answer(part)
        else:
            body, expect = grpc_body(part.inputs, part.signature, model_name), _grpc_answer(part)
        (folder / f"{number:05d}.body").write_bytes(body)
        (folder / f"{number:05d}.expect").write_bytes(expect)
    (folder / "check.json").write_text(json.dumps(TOLERANCE))
    return folder


def _turn(reference: Reference, start: int, rows: int) -> Reference:
    take = np.arange(start, start + rows) % len(reference)
    return Reference(reference.signature, _pick(reference.inputs, take), _pick(reference.outputs, take))


def _pick(arrays: Arrays, take: np.ndarray) -> Arrays:
    return {alias: array[take] for alias, array in arrays.items()}


def _rest_answer(part: Reference) -> bytes:
    columns = {alias: _json_rows(array, as_text=not alias.endswith("_bytes")) for alias, array in part.outputs.items()}
    rows: Any = next(iter(columns.values()))
    if len(columns) > 1:
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return orjson.dumps({"predictions": rows}, option=orjson.OPT_SERIALIZE_NUMPY)


def _grpc_answer(part: Reference) -> bytes:
    response = MESSAGES["PredictResponse"]()
    for alias, array in part.outputs.items():
        response.outputs[alias].CopyFrom(to_tensor_proto(array))
    return response.SerializeToString(deterministic=True)


def _json_rows(array: np.ndarray, as_text: bool = False) -> Any:
    if array.dtype.kind not in "OSU":
        return np.ascontiguousarray(array) if array.dtype != np.float16 else array.astype(np.float32)
    return [
        _json_string(item, as_text) if not isinstance(item, np.ndarray) else _json_rows(item, as_text) for item in array
    ]


def _json_string(item: object, as_text: bool) -> Any:
    raw = item if isinstance(item, bytes) else str(item).encode()
    if as_text:
        with contextlib.suppress(UnicodeDecodeError):
            return raw.decode()
    return {"b64": base64.b64encode(raw).decode()}
