"""The user's own rows, from a .npz or a .jsonl file, checked against the signature they are for. No TensorFlow."""

from __future__ import annotations

import base64
import binascii
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from playbook.errors import ModelError
from playbook.tfserving import examples, ragged
from playbook.tfserving.reference import Arrays
from playbook.tfserving.signatures import Signature, Tensor

LABELS = ("labels", "label")


@dataclass(frozen=True)
class OwnRows:
    """Rows of one signature; `labels` where the user gave the right answers."""

    arrays: Arrays
    labels: np.ndarray | None = None


def find(name: str) -> Path | None:
    """The file as given, or seen from the directory above (notebooks run in `notebooks/`); None for no name."""
    if not name:
        return None
    here, above = Path(name), Path("..") / name
    return above if not here.exists() and not here.is_absolute() and above.exists() else here


def read(path: Path, signature: Signature, spec: Mapping[str, examples.Feature] | None = None) -> OwnRows:
    """The user's own rows from a .npz or a .jsonl file.

    `.npz`: an array an input alias. `.jsonl`: a row a line, an object of aliases or, for a single input, the bare
    value; bytes as `{"b64": …}`; for models that take tf.Examples, an object of features. Rows may differ in length
    where the signature leaves it open. `labels` may come along.

    Raises:
        ModelError: names the file, the input, what was expected and what was seen.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(
            f"rows_file {path} was expected and is not there. Give a .npz or .jsonl file, or leave it empty."
        )
    readers = {".npz": _read_npz, ".jsonl": _read_jsonl}
    if path.suffix not in readers:
        raise ModelError(f"rows_file {path} must end in .npz or .jsonl.")
    columns = readers[path.suffix](path, signature, spec or {})
    wanted = {tensor.alias for tensor in signature.inputs}
    labels = next((columns.pop(name) for name in LABELS if name in columns and name not in wanted), None)
    if set(columns) != wanted:
        raise ModelError(
            f"{path} gives {', '.join(sorted(columns)) or 'nothing'}; signature {signature.name!r} takes "
            f"{', '.join(sorted(wanted))}. Rename or add the missing ones."
        )
    arrays = {tensor.alias: _fit(columns[tensor.alias], tensor, path) for tensor in signature.inputs}
    counts = {alias: len(array) for alias, array in arrays.items()} | (
        {} if labels is None else {"labels": len(labels)}
    )
    if len(set(counts.values())) != 1 or 0 in counts.values():
        raise ModelError(f"{path} has not the same number of rows, at least one, for each input: {counts}.")
    return OwnRows(arrays, labels)


def _read_npz(path: Path, signature: Signature, spec: object) -> Arrays:
    try:
        with np.load(path, allow_pickle=False) as parts:
            return {name: parts[name] for name in parts.files}
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path} is no .npz of plain arrays. Write it with numpy.savez, without objects.") from error


def _read_jsonl(path: Path, signature: Signature, spec: Mapping[str, examples.Feature]) -> Arrays:
    aliases = {tensor.alias for tensor in signature.inputs}
    columns: dict[str, list[Any]] = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = _row(json.loads(line), aliases, spec)
            for alias, value in row.items():
                columns.setdefault(alias, []).append(_decoded(value))
        except (ValueError, binascii.Error) as error:
            raise ModelError(f"{path} line {number} is no row: {error}. Write one JSON value a line.") from error
    return {alias: _column(values, alias, path) for alias, values in columns.items()}


def _row(value: Any, aliases: set[str], spec: Mapping[str, examples.Feature]) -> dict[str, Any]:
    """One line as alias → value: as given, the bare value of the only input, or the features of a tf.Example."""
    named = isinstance(value, dict) and set(value) != {"b64"}
    if named and (aliases & set(value) or not spec):
        return value
    only = next(iter(aliases))
    if not named:
        return {only: value}
    labels = {name: value.pop(name) for name in LABELS if name in value and name not in spec}
    return {only: examples.encode({name: _typed(value[name], spec[name]) for name in spec if name in value})} | labels


def _typed(value: Any, feature: examples.Feature) -> np.ndarray:
    return np.asarray(value, dtype=object if feature.dtype == "string" else feature.dtype)


def _decoded(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {"b64"}:
        return base64.b64decode(value["b64"], validate=True)
    return [_decoded(item) for item in value] if isinstance(value, list) else value


def _column(values: list[Any], alias: str, path: Path) -> np.ndarray:
    """The values as one column; rows of different lengths stay arrays of their own."""
    rows = [_array(value, alias, path) for value in values]
    kinds = {row.dtype == object for row in rows}
    if len(kinds) > 1:
        raise ModelError(f"{path}: some rows of {alias!r} are texts, others numbers. Give one kind.")
    return ragged.column(rows)


def _array(value: Any, alias: str, path: Path) -> np.ndarray:
    try:
        array = np.array(value)
        return np.array(value, dtype=object) if array.dtype.kind in "OSU" else array
    except ValueError as error:
        raise ModelError(f"{path}: a row of {alias!r} is not rectangular ({error}). Pad it.") from error


def _fit(array: np.ndarray, tensor: Tensor, path: Path) -> np.ndarray:
    """The rows in the input's own type, when their shape and kind agree with it."""
    if ragged.is_ragged(array):
        return ragged.column([_fit(row[None], tensor, path)[0] for row in array])
    given, wanted = array.shape, tensor.shape
    if wanted is not None and not _fits(given, wanted):
        raise ModelError(
            f"{path}: input {tensor.alias!r} takes rows of shape {_shown(wanted[1:])} (one more dimension in front "
            f"for the rows); the file holds {_shown(given)} in all. Reshape them."
        )
    if tensor.dtype == "string":
        return _as_bytes(array)
    try:
        decimals = array.dtype.kind == "f" and array.size > 0  # an empty list says nothing of its kind
        if array.dtype.kind not in "biuf" or (decimals and not tensor.dtype.startswith(("float", "bf"))):
            raise TypeError(f"{array.dtype} values")
        return array.astype(tensor.dtype)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{path}: input {tensor.alias!r} is {tensor.dtype}; the file holds {error}.") from error


def _fits(given: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    return len(given) == len(wanted) and all(b in (-1, a) for a, b in zip(given[1:], wanted[1:], strict=True))


def _as_bytes(array: np.ndarray) -> np.ndarray:
    rows = np.empty(array.size, dtype=object)
    rows[:] = [item if isinstance(item, bytes) else str(item).encode() for item in array.ravel().tolist()]
    return rows.reshape(array.shape)


def _shown(shape: tuple[int, ...]) -> str:
    return f"({', '.join(str(size) for size in shape)})"
