"""The tensors of a predict request's JSON: row format (`instances`) and columnar format (`inputs`) (json_tensor.cc)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from model_server.deep_array import shape_of, shaped
from model_server.errors import ServingError, invalid
from model_server.json.members import c_string, pairs
from model_server.json.tensors import check_rank, is_base64, tensor
from model_server.json.text import debug_string

Types = Mapping[str, int]


def plain_numbers(body: bytes) -> bool:
    """Whether a body holds one string only (the key) and neither true, false nor null: no letter of theirs occurs."""
    first = body.find(b'"')
    second = body.find(b'"', first + 1)
    return second > 0 and body.find(b'"', second + 1) < 0 and b"u" not in body[second:] and b"l" not in body[second:]


def read_inputs(document: dict, types: Types, plain_numbers: bool = False) -> tuple[bool, dict[str, np.ndarray]]:
    """Whether the request is in row format, and its tensors by alias.

    Args:
        types: Input alias -> DataType number.

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
        return True, _from_instances(document, types, plain_numbers)
    if columns:
        return False, _from_inputs(document["inputs"], types, plain_numbers)
    raise invalid("Missing 'inputs' or 'instances' key")


def _from_inputs(value: object, types: Types, plain_numbers: bool) -> dict[str, np.ndarray]:
    if not isinstance(value, dict) or is_base64(value):
        if len(types) > 1:
            raise invalid(
                "inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
                "tensorinfo_map"
            )
        alias = next(iter(types))
        return {alias: tensor(value, types[alias], plain_numbers)}
    tensors = {}
    for alias in sorted(types):
        if alias not in value:
            raise invalid(f"Missing named input: {alias} in 'inputs' object.")
        tensors[alias] = tensor(value[alias], types[alias])
    return tensors


def _from_instances(document: dict, types: Types, plain_numbers: bool) -> dict[str, np.ndarray]:
    instances = document["instances"]
    if not isinstance(instances, list):
        raise invalid(f"JSON Value: {debug_string(document)} Expecting 'instances' to be an list/array")
    if not instances:
        raise invalid(f"JSON Value: {debug_string(document)} No values in 'instances' array")
    if isinstance(instances[0], dict) and not is_base64(instances[0]):
        return _from_objects(instances, types)
    if len(types) > 1 and not isinstance(instances[0], dict):  # a b64 object is taken for the first input, and alone
        raise invalid(
            "instances is a plain list, but expecting list of objects as multiple input tensors required as per "
            "tensorinfo_map"
        )
    alias = min(types)
    dtype = types[alias]
    if len(instances) == 1 or plain_numbers:
        try:
            return {alias: tensor(instances, dtype, plain_numbers)}
        except ServingError:
            pass  # the row-by-row path below has the text for it
    return {alias: _stacked(_plain_rows(instances, dtype), len(instances))}


def _plain_rows(instances: list, dtype: int) -> list[np.ndarray]:
    rows: list[np.ndarray] = []
    for index, item in enumerate(instances):
        if isinstance(item, dict) and not is_base64(item):
            raise invalid(f"Expecting value/list but got object at item {index} of input list")
        try:
            rows.append(_row(item, dtype, rows[0] if rows else None))
        except ServingError as error:
            raise invalid(f"Failed to process element: {index} of 'instances' list. Error: {error}") from None
    return rows


def _row(item: object, dtype: int, first: np.ndarray | None) -> np.ndarray:
    row = tensor(item, dtype)
    if first is not None:
        if row.size != first.size:
            raise invalid(f"Expecting tensor size: {first.size} but got: {row.size}")
        if shape_of(row) != shape_of(first):
            raise invalid(f"Expecting shape {_shape_text(first)} but got: {_shape_text(row)}")
    return row


def _shape_text(array: np.ndarray) -> str:
    return "[" + ",".join(map(str, shape_of(array))) + "]"


def _stacked(rows: list[np.ndarray], count: int) -> np.ndarray:
    """The first `count` rows: where a name stood twice in an object there are more, which no tensor has room for."""
    shape = (count, *shape_of(rows[0]))
    check_rank(len(shape))
    stacked = shaped(np.empty(count * rows[0].size, rows[0].dtype), shape)
    for index, row in enumerate(rows[:count]):
        stacked[index] = row.reshape(stacked.shape[1:]) if row.ndim else row.item()
    return stacked


def _from_objects(instances: list, types: Types) -> dict[str, np.ndarray]:
    columns: dict[str, list[np.ndarray]] = {}
    for index, item in enumerate(instances):
        if not isinstance(item, dict):
            raise invalid(f"Expecting object but got list at item {index} of input list")
        names = set()
        for name, value in pairs(item):
            alias = c_string(name)
            names.add(alias)
            column = columns.setdefault(alias, [])
            try:
                if alias not in types:
                    raise invalid(f"JSON object: does not have named input: {alias}")
                column.append(_row(value, types[alias], column[0] if column else None))
            except ServingError as error:
                raise invalid(
                    f"Failed to process element: {index} key: {alias} of 'instances' list. Error: {error}"
                ) from None
        if len(names) != len(types):
            raise invalid(
                f"Failed to process element: {index} of 'instances' list. JSON object: {debug_string(item)} keys "
                f"must be equal to: {','.join(sorted(types))}"
            )
    return {alias: _stacked(rows, len(instances)) for alias, rows in columns.items()}
