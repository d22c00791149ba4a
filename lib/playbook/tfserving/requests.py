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

from playbook.errors import ParameterError
from playbook.tfserving import ragged
from playbook.tfserving.messages import MESSAGES, to_tensor_proto
from playbook.tfserving.reference import Reference

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

    Writes `NNNNN.body`, `NNNNN.expect` and `check.json` (tolerances). The rows of a request are alike in shape: rows of
    different shapes are grouped, those of a group that is too small are taken over again. Where outputs are left out of
    checks by name, the load generator has nothing to compare a whole answer with: no `.expect` is written.

    Raises:
        ParameterError: the model takes another number of rows a request, and only that.
    """
    if reference.fixed_rows not in (None, rows_per_request):
        raise ParameterError(
            f"Signature {reference.signature!r} takes requests of {reference.fixed_rows} rows and no others; "
            f"rows_per_request is {rows_per_request}. Set rows_per_request: {reference.fixed_rows}."
        )
    folder.mkdir(parents=True, exist_ok=True)
    for number, rows in enumerate(_turns(reference, rows_per_request)[:count]):
        part = reference.take(rows)
        if protocol == "rest":
            body, expect = rest_body(part.inputs, part.signature), _rest_answer(part)
        else:
            body, expect = grpc_body(part.inputs, part.signature, model_name), _grpc_answer(part)
        (folder / f"{number:05d}.body").write_bytes(body)
        if not reference.ignored:
            (folder / f"{number:05d}.expect").write_bytes(expect)
    (folder / "check.json").write_text(json.dumps(TOLERANCE))
    return folder


def _turns(reference: Reference, rows: int) -> list[np.ndarray]:
    """The row numbers of each request, in the order in which their first rows stand in the reference."""
    turns = []
    for group in ragged.alike(reference.inputs):
        whole = [group[start : start + rows] for start in range(0, len(group) - rows + 1, rows)]
        turns += whole or [np.resize(group, rows)]
    return sorted(turns, key=lambda numbers: int(numbers[0]))


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
