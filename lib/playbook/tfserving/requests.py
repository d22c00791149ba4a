"""Bodies: real rows encoded as requests with their expected answers, as the load generator reads them."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from playbook.errors import ParameterError
from playbook.tfserving import ragged
from playbook.tfserving.messages import MESSAGES, to_tensor_proto
from playbook.tfserving.mix import Mix
from playbook.tfserving.reference import Reference

DEFAULT_SIGNATURE = "serving_default"
# Batching changes the order of sums in a matrix product, so answers agree to rounding, not to the bit.
TOLERANCE = {"rtol": 1e-3, "atol": 1e-5}


_NO_JSON = frozenset(("float16", "uint16", "bfloat16", "complex64", "complex128"))  # json_tensor.cc knows none of them


def without_json(arrays: Mapping[str, np.ndarray], what: str = "input") -> str:
    """Why these tensors travel over gRPC alone, in a sentence; "" where JSON carries them."""
    for alias, array in arrays.items():
        first = array[0] if len(array) and ragged.is_ragged(array) else array
        if (name := np.asarray(first).dtype.name) in _NO_JSON:
            return (
                f"The {what} {alias!r} is {name}, which TensorFlow Serving does not {_VERBS[what]} JSON: set protocol: "
                "grpc, or cast it inside the model."
            )
    return ""


_VERBS = {"input": "read from", "output": "write as"}


def rest_body(inputs: Mapping[str, np.ndarray], signature: str = DEFAULT_SIGNATURE) -> bytes:
    """One Predict request in JSON's row format; bytes travel as `{"b64": …}`, the default signature goes unsaid.

    Raises:
        ParameterError: an input of a type that JSON does not carry there.
    """
    if why := without_json(inputs):
        raise ParameterError(why)
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
        ParameterError: the model takes another number of rows a request, and only that; or its types travel over gRPC
            alone.
    """
    turns = _turns(reference, rows_per_request)[:count]
    _write(folder, 0, [reference.take(rows) for rows in turns], protocol, model_name)
    return folder


def write_mix(
    folder: Path, run_dir: Path, mix: Mix, protocol: str = "rest", model_name: str = "", count: int | None = None
) -> Path:
    """Encode the requests of a mix from the reference rows of a run, as `write_bodies` does those of one kind.

    Sent in turn, they are the mix: each part has as many as its weight says, its rows taken over again where needed.

    Args:
        folder: To write to.
        run_dir: The run folder, with the reference rows of every signature of the mix.
        mix: What to send.
        protocol: rest or grpc.
        model_name: Of the servable, for gRPC.
        count: Requests, about; at most so many where the mix is of one kind.

    Raises:
        ParameterError: as `write_bodies`.
        RecordUnreadable: export kept no rows of a signature.
    """
    if mix.is_plain:
        reference, rows = Reference.load(run_dir, mix.parts[0].signature), mix.parts[0].rows
        return write_bodies(folder, reference, protocol, rows, count or 256, model_name)
    number = 0
    for part, wanted in zip(mix.parts, mix.counts(count), strict=True):
        reference = Reference.load(run_dir, part.signature)
        turns = _turns(reference, part.rows)
        requests = [reference.take(turns[one % len(turns)]) for one in range(wanted)]
        number = _write(folder, number, requests, protocol, model_name)
    return folder


def _write(folder: Path, number: int, requests: Iterable[Reference], protocol: str, model_name: str) -> int:
    """Write each with its expected answer, from this number on; returns the next number."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in requests:
        if protocol == "rest":
            if why := without_json(part.outputs, "output"):
                raise ParameterError(why)
            body, expect = rest_body(part.inputs, part.signature), _rest_answer(part)
        else:
            body, expect = grpc_body(part.inputs, part.signature, model_name), _grpc_answer(part)
        (folder / f"{number:05d}.body").write_bytes(body)
        if not part.ignored:
            (folder / f"{number:05d}.expect").write_bytes(expect)
        number += 1
    (folder / "check.json").write_text(json.dumps(TOLERANCE))
    return number


def _turns(reference: Reference, rows: int) -> list[np.ndarray]:
    """The row numbers of each request, in the order in which their first rows stand in the reference.

    Raises:
        ParameterError: the model takes another number of rows a request, and only that.
    """
    if reference.fixed_rows not in (None, rows):
        raise ParameterError(
            f"Signature {reference.signature!r} takes requests of {reference.fixed_rows} rows and no others; "
            f"rows_per_request is {rows}. Set rows_per_request: {reference.fixed_rows}."
        )
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
