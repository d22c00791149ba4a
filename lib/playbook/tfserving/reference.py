"""Reference rows: inputs and the model's own answers, left by export for every later check."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from playbook.errors import RecordUnreadable
from playbook.records import record, whole_file

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Reference:
    """Rows of one signature with the answers the model itself gave; axis 0 is the row everywhere."""

    signature: str
    inputs: Arrays
    outputs: Arrays

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))

    def slice(self, start: int, stop: int) -> Reference:
        """Rows `start` to `stop`, as another reference."""
        return Reference(
            self.signature,
            {alias: array[start:stop] for alias, array in self.inputs.items()},
            {alias: array[start:stop] for alias, array in self.outputs.items()},
        )

    def save(self, run_dir: Path) -> Path:
        """Write `data/reference.npz`, without pickles: strings are kept as bytes and their lengths."""
        path = record.data_dir(run_dir) / "reference.npz"
        parts: Arrays = {"signature": np.array(self.signature)}
        for side, arrays in (("inputs", self.inputs), ("outputs", self.outputs)):
            for alias, array in arrays.items():
                parts.update(_pack(f"{side}/{alias}", np.asarray(array)))
        with whole_file.writing(path) as part, part.open("wb") as file:  # a path would get another ending
            np.savez_compressed(file, allow_pickle=False, **parts)
        return path

    @classmethod
    def load(cls, run_dir: Path) -> Reference:
        """Read what export kept.

        Raises:
            RecordUnreadable: no reference in this run.
        """
        path = Path(run_dir) / "data" / "reference.npz"
        if not path.exists():
            raise RecordUnreadable(f"{path} was expected and is not there. Run the 'export' notebook first.")
        with np.load(path, allow_pickle=False) as parts:
            return cls(str(parts["signature"]), _unpack(parts, "inputs"), _unpack(parts, "outputs"))


def _pack(key: str, array: np.ndarray) -> Arrays:
    """NumPy's own bytes type drops trailing zero bytes, which a PNG or a tensor may well have."""
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
    return arrays


def _strings(joined: bytes, lengths: np.ndarray, shape: np.ndarray) -> np.ndarray:
    ends = np.cumsum(lengths)
    rows = np.empty(len(lengths), dtype=object)
    rows[:] = [joined[end - length : end] for end, length in zip(ends, lengths, strict=True)]
    return rows.reshape(tuple(shape))
