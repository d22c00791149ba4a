"""Reference rows: inputs and the model's own answers, left by export for every later check."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from playbook.errors import RecordUnreadable
from playbook.records import record, whole_file
from playbook.tfserving import ragged

Arrays = dict[str, np.ndarray]


Rows = np.ndarray | slice  # which rows: their numbers, or from where to where


@dataclass(frozen=True)
class Reference:
    """Rows of one signature with the answers the model itself gave; axis 0 is the row everywhere.

    Rows may differ in shape (`ragged`). `fixed_rows` is the number that every request must have, where the model says
    so. `ignored` names outputs that no check compares: they answer the same request differently each time.
    """

    signature: str
    inputs: Arrays
    outputs: Arrays
    fixed_rows: int | None = None
    ignored: tuple[str, ...] = ()

    def __len__(self) -> int:
        return ragged.count(self.inputs)

    @property
    def compared(self) -> Arrays:
        """The outputs that checks compare."""
        return {alias: array for alias, array in self.outputs.items() if alias not in self.ignored}

    def slice(self, start: int, stop: int) -> Reference:
        """Rows `start` to `stop`, as another reference."""
        return self._picked(slice(start, stop))

    def take(self, rows: np.ndarray) -> Reference:
        """The rows of these numbers, as another reference."""
        return self._picked(rows)

    def requests(self, rows: int, most_rows: int | None = None) -> Iterator[Reference]:
        """The first `most_rows` rows as requests of at most `rows`, or of `fixed_rows`, each of rows alike in shape."""
        part = self.slice(0, most_rows or len(self))
        for numbers in ragged.parts(part.inputs, rows, self.fixed_rows):
            yield part.take(numbers)

    def joined(self, others: Sequence[Reference]) -> Reference:
        """These rows and those of others of the same signature."""
        sides = [
            {alias: _joined([getattr(one, side)[alias] for one in (self, *others)]) for alias in getattr(self, side)}
            for side in ("inputs", "outputs")
        ]
        return replace(self, inputs=sides[0], outputs=sides[1])

    def save(self, run_dir: Path, beside: bool = False) -> Path:
        """Write `data/reference.npz`, without pickles: strings are kept as bytes and their lengths.

        Args:
            run_dir: The run folder.
            beside: Of a signature beside the measured one: `data/reference-<signature>.npz`.
        """
        path = record.data_dir(run_dir) / _file(self.signature if beside else "")
        parts: dict[str, Any] = {"signature": np.array(self.signature), "fixed_rows": np.array(self.fixed_rows or 0)}
        parts["ignored"] = np.array(self.ignored, dtype=np.str_)
        for side, arrays in (("inputs", self.inputs), ("outputs", self.outputs)):
            for alias, array in arrays.items():
                parts.update(_pack(f"{side}/{alias}", np.asarray(array)))
        with whole_file.writing(path) as part, part.open("wb") as file:  # a path would get another ending
            np.savez_compressed(file, allow_pickle=False, **parts)
        return path

    def _picked(self, rows: Rows) -> Reference:
        return replace(self, inputs=ragged.pick(self.inputs, rows), outputs=ragged.pick(self.outputs, rows))

    @classmethod
    def load(cls, run_dir: Path, signature: str = "") -> Reference:
        """Read what export kept: of the measured signature, or of another one that `request_mix` names.

        Raises:
            RecordUnreadable: no reference in this run, or none of that signature.
        """
        path = Path(run_dir) / "data" / _file(signature)
        if signature and not path.exists() and (measured := cls.load(run_dir)).signature == signature:
            return measured
        if not path.exists():
            why = f" with signature {signature!r} in request_mix" if signature else ""
            raise RecordUnreadable(f"{path} was expected and is not there. Run the 'export' notebook first{why}.")
        with np.load(path, allow_pickle=False) as parts:
            fixed = int(parts["fixed_rows"]) if "fixed_rows" in parts.files else 0
            ignored = tuple(parts["ignored"].tolist()) if "ignored" in parts.files else ()
            inputs, outputs = (_unpack(parts, side) for side in ("inputs", "outputs"))
            return cls(str(parts["signature"]), inputs, outputs, fixed or None, ignored)


def _file(signature: str) -> str:
    return f"reference-{quote(signature, safe='')}.npz" if signature else "reference.npz"


def _joined(arrays: Sequence[np.ndarray]) -> np.ndarray:
    if not any(map(ragged.is_ragged, arrays)) and len({array.shape[1:] for array in arrays}) == 1:
        return np.concatenate(arrays)
    return ragged.column([np.asarray(row) for array in arrays for row in array])


def _pack(key: str, array: np.ndarray) -> Arrays:
    """NumPy's own bytes type drops trailing zero bytes, which a PNG or a tensor may well have.

    Rows of different shapes are kept one after the other, with their shapes.
    """
    if ragged.is_ragged(array):
        flat = np.concatenate([row.ravel() for row in array])
        return _pack(key, flat) | {f"{key}@rows": np.array(ragged.shapes(array), dtype=np.int64)}
    if array.dtype.kind not in "OSU":
        return {key: array}
    rows = [item if isinstance(item, bytes) else str(item).encode() for item in array.ravel()]
    return {
        f"{key}@bytes": np.frombuffer(b"".join(rows), dtype=np.uint8),
        f"{key}@lengths": np.array([len(row) for row in rows], dtype=np.int64),
        f"{key}@shape": np.array(array.shape, dtype=np.int64),
    }


def _unpack(parts: np.lib.npyio.NpzFile, side: str) -> Arrays:
    arrays: Arrays = {}
    for key in parts.files:
        if not key.startswith(f"{side}/"):
            continue
        alias, _, kind = key[len(side) + 1 :].partition("@")
        if not kind:
            arrays[alias] = parts[key]
        elif kind == "bytes":
            base = f"{side}/{alias}"
            arrays[alias] = _strings(parts[key].tobytes(), parts[f"{base}@lengths"], parts[f"{base}@shape"])
    for key in (f"{side}/{alias}@rows" for alias in arrays):
        if key in parts.files:
            alias = key[len(side) + 1 : -len("@rows")]
            arrays[alias] = _rows(arrays[alias], parts[key])
    return arrays


def _rows(flat: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    ends = np.cumsum(np.prod(shapes, axis=1, dtype=np.int64))[:-1]
    pieces = np.split(flat, ends)
    return ragged.column([piece.reshape(shape) for piece, shape in zip(pieces, map(tuple, shapes), strict=True)])


def _strings(joined: bytes, lengths: np.ndarray, shape: np.ndarray) -> np.ndarray:
    ends = np.cumsum(lengths)
    rows = np.empty(len(lengths), dtype=object)
    rows[:] = [joined[end - length : end] for end, length in zip(ends, lengths, strict=True)]
    return rows.reshape(tuple(shape))
