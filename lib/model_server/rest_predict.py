"""Predict over REST: `instances` (row format) or `inputs` (columnar) in, `predictions` or `outputs` out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np

from model_server import fast_json, json_reply, json_tensors, json_text
from model_server.core import Core, ModelSpec
from model_server.errors import ServingError, invalid
from model_server.executors import in_thread
from model_server.json_text import debug_string
from model_server.predict import DEFAULT_SIGNATURE
from model_server.servable import Plan, Servable

LONG = 1 << 20


async def predict(core: Core, spec: ModelSpec, body: bytes, deadline_ns: int) -> bytes:
    """Answer one predict request's body.

    Raises:
        ServingError: in the order of TensorFlow Serving's checks: JSON, model, signature, tensors, run.
    """
    servable = find_after_parsing(core, spec, body)
    try:
        long = len(body) > LONG
        reading = await _in_thread(lambda: _read(servable, body)) if long else _read(servable, body)
        row_format, signature_name, tensors = reading
        plan = _plan(servable, signature_name)
        arrays = [tensors[alias] for alias in plan.inputs]
        outputs = await servable.run(plan, arrays, deadline_ns, "Predict", spec.name)
        named = dict(zip(plan.outputs, outputs, strict=True))
        write = json_reply.row_reply if row_format else json_reply.column_reply
        long = 8 * sum(array.size for array in outputs) > LONG
        return await _in_thread(lambda: write(named)) if long else write(named)
    finally:
        servable.release()


async def _in_thread(work: Callable[[], object]) -> object:
    """Reading or writing more than LONG bytes of JSON, away from the loop: others must not wait for it."""
    return await in_thread(asyncio.get_running_loop(), work)


def find_after_parsing(core: Core, spec: ModelSpec, body: bytes) -> Servable:
    """The servable, acquired; a body that is no JSON object is complained of before an unknown model.

    Raises:
        ServingError: of the body, else of the model.
    """
    try:
        return core.find(spec)
    except ServingError:
        read_signature_name(json_text.parse(body))
        raise


def _read(servable: Servable, body: bytes) -> tuple[bool, str, dict[str, np.ndarray]]:
    """Row format or not, the signature's name, and the tensors by alias."""
    quick = _read_quickly(servable, body)
    if quick is not None:
        return quick
    document = json_text.parse(body)
    signature_name = read_signature_name(document) or DEFAULT_SIGNATURE
    infos = _input_infos(servable, signature_name)
    row_format, tensors = read_inputs(document, infos, _plain_numbers(body))
    return row_format, signature_name, tensors


def _read_quickly(servable: Servable, body: bytes) -> tuple[bool, str, dict[str, np.ndarray]] | None:
    """The same for plain numbers to the default signature with one float input; None where that does not fit."""
    if servable.only_input is None:
        return None
    alias, dtype = servable.only_input
    quick = fast_json.read(body, dtype)
    return None if quick is None else (quick[0], DEFAULT_SIGNATURE, {alias: quick[1]})


def read_signature_name(document: object) -> str:
    """The request's signature name, "" when it has none.

    Raises:
        ServingError: the root is no object, or the name no string.
    """
    if not isinstance(document, dict):
        raise invalid(f"JSON Value: {debug_string(document)} Is not object")
    name = document.get("signature_name", "")
    if not isinstance(name, (str, bytes)):
        raise invalid(
            f"JSON Value: {debug_string(document)} not formatted correctly. 'signature_name' key must be a string "
            "value."
        )
    return name if isinstance(name, str) else name.decode("utf-8", "replace")


def _plain_numbers(body: bytes) -> bool:
    """Whether a body holds one string only (the key) and neither true, false nor null: no letter of theirs occurs."""
    first = body.find(b'"')
    second = body.find(b'"', first + 1)
    return second > 0 and body.find(b'"', second + 1) < 0 and b"u" not in body[second:] and b"l" not in body[second:]


def _input_infos(servable: Servable, signature_name: str) -> dict:
    signature = servable.signatures.get(signature_name)
    if signature is None:
        raise invalid(f'Serving signature name: "{signature_name}" not found in signature def')
    if not signature.inputs:
        shown = "DEFAULT" if signature_name == DEFAULT_SIGNATURE else signature_name
        raise invalid(f"Failed to get input map for signature: {shown}")
    return signature.inputs


def _plan(servable: Servable, signature_name: str) -> Plan:
    key = ("predict", signature_name, ())
    plan = servable.known_plan(key)
    if plan is None:
        signature = servable.signatures[signature_name]
        inputs = {alias: info.name for alias, info in signature.inputs.items()}
        outputs = {alias: info.name for alias, info in signature.outputs.items()}
        plan = servable.plan(key, signature_name, inputs, outputs)
    return plan


def read_inputs(document: dict, infos, plain_numbers: bool = False) -> tuple[bool, dict[str, np.ndarray]]:
    """Whether the request is in row format, and its tensors by alias.

    Raises:
        ServingError: INVALID_ARGUMENT with TensorFlow Serving's text.
    """
    rows, columns = "instances" in document, "inputs" in document
    if rows and columns:
        raise invalid(
            f"JSON Value: {debug_string(document)} Not formatted correctly expecting only one of 'inputs' or "
            "'instances' keys to exist "
        )
    if rows:
        return True, _from_instances(document, infos, plain_numbers)
    if columns:
        return False, _from_inputs(document["inputs"], infos, plain_numbers)
    raise invalid("Missing 'inputs' or 'instances' key")


def _from_inputs(value: object, infos, plain_numbers: bool) -> dict[str, np.ndarray]:
    if not isinstance(value, dict) or json_tensors.is_base64(value):
        if len(infos) > 1:
            raise invalid(
                "inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
                "tensorinfo_map"
            )
        alias = next(iter(infos))
        return {alias: json_tensors.tensor(value, infos[alias].dtype, plain_numbers)}
    tensors = {}
    for alias in sorted(infos):
        if alias not in value:
            raise invalid(f"Missing named input: {alias} in 'inputs' object.")
        tensors[alias] = json_tensors.tensor(value[alias], infos[alias].dtype)
    return tensors


def _from_instances(document: dict, infos, plain_numbers: bool) -> dict[str, np.ndarray]:
    instances = document["instances"]
    if not isinstance(instances, list):
        raise invalid(f"JSON Value: {debug_string(document)} Expecting 'instances' to be an list/array")
    if not instances:
        raise invalid(f"JSON Value: {debug_string(document)} No values in 'instances' array")
    if isinstance(instances[0], dict) and not json_tensors.is_base64(instances[0]):
        return _from_objects(instances, infos)
    if len(infos) > 1:
        raise invalid(
            "instances is a plain list, but expecting list of objects as multiple input tensors required as per "
            "tensorinfo_map"
        )
    alias = next(iter(infos))
    dtype = infos[alias].dtype
    if len(instances) == 1 or plain_numbers:
        try:
            return {alias: json_tensors.tensor(instances, dtype, plain_numbers)}
        except ServingError:
            pass  # the row-by-row path below has the text for it
    return {alias: _stacked(_plain_rows(instances, dtype))}


def _plain_rows(instances: list, dtype: int) -> list[np.ndarray]:
    rows: list[np.ndarray] = []
    for index, item in enumerate(instances):
        if isinstance(item, dict) and not json_tensors.is_base64(item):
            raise invalid(f"Expecting value/list but got object at item {index} of input list")
        try:
            rows.append(_row(item, dtype, rows[0] if rows else None))
        except ServingError as error:
            raise invalid(f"Failed to process element: {index} of 'instances' list. Error: {error}") from None
    return rows


def _row(item: object, dtype: int, first: np.ndarray | None) -> np.ndarray:
    row = json_tensors.tensor(item, dtype)
    if first is not None:
        if row.size != first.size:
            raise invalid(f"Expecting tensor size: {first.size} but got: {row.size}")
        if row.shape != first.shape:
            raise invalid(f"Expecting shape {_shape_text(first)} but got: {_shape_text(row)}")
    return row


def _shape_text(array: np.ndarray) -> str:
    return "[" + ",".join(map(str, array.shape)) + "]"


def _stacked(rows: list[np.ndarray]) -> np.ndarray:
    stacked = np.empty((len(rows), *rows[0].shape), rows[0].dtype)
    for index, row in enumerate(rows):
        stacked[index] = row if row.ndim else row.item()
    return stacked


def _from_objects(instances: list, infos) -> dict[str, np.ndarray]:
    columns: dict[str, list[np.ndarray]] = {}
    for index, item in enumerate(instances):
        if not isinstance(item, dict):
            raise invalid(f"Expecting object but got list at item {index} of input list")
        for alias, value in item.items():
            column = columns.setdefault(alias, [])
            try:
                if alias not in infos:
                    raise invalid(f"JSON object: does not have named input: {alias}")
                column.append(_row(value, infos[alias].dtype, column[0] if column else None))
            except ServingError as error:
                raise invalid(
                    f"Failed to process element: {index} key: {alias} of 'instances' list. Error: {error}"
                ) from None
        if len(item) != len(infos):
            raise invalid(
                f"Failed to process element: {index} of 'instances' list. JSON object: {debug_string(item)} keys "
                f"must be equal to: {','.join(sorted(infos))}"
            )
    return {alias: _stacked(rows) for alias, rows in columns.items()}
