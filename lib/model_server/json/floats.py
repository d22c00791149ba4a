"""Numbers as rapidjson's writer in TensorFlow Serving prints them: 6 digits where they suffice, else 9 (or 17).

Arrays of 32 bit floats are written by `float_writer`, compiled from C, where there was a compiler.
"""

from __future__ import annotations

import functools
import math
import struct
from collections.abc import Sequence

import numpy as np

from model_server.json.compiled import float_writer


@functools.lru_cache(maxsize=256)
def _packer(letter: str, count: int) -> struct.Struct:
    return struct.Struct(f"{count}{letter}")


def float_texts(values: Sequence[float], letter: str) -> list[str]:
    """The texts of numbers held as `f` (32 bit) or `d` (64 bit), `.0` appended where one would look like an integer."""
    count, arguments = len(values), tuple(values)
    short = ("%.6g " * count % arguments).split()
    back = _rounded(short, letter)
    if back == arguments:
        texts = short
    else:
        exact = (("%.9g " if letter == "f" else "%.17g ") * count % arguments).split()
        texts = [s if b == v else e for s, e, b, v in zip(short, exact, back, arguments)]  # noqa: B905
    if not math.isfinite(sum(values)):
        texts = [_special(number) or text for number, text in zip(values, texts, strict=True)]
    return [t if "." in t or "e" in t or "N" in t or "I" in t else t + ".0" for t in texts]


def _rounded(texts: Sequence[str], letter: str) -> tuple[float, ...]:
    """What a reader of this type would get back from the texts; infinity for numbers it cannot hold."""
    packer = _packer(letter, len(texts))
    try:
        return packer.unpack(packer.pack(*map(float, texts)))
    except OverflowError:
        return tuple(np.array([float(text) for text in texts]).astype(np.float32).tolist())


def _special(number: float) -> str | None:
    if number != number:
        return "NaN"
    if number in (float("inf"), float("-inf")):
        return "Infinity" if number > 0 else "-Infinity"
    return None


def _is_compiled(values: np.ndarray) -> bool:
    return float_writer is not None and values.dtype.char == "f"


def number_texts(values: np.ndarray) -> list[str]:
    """The texts of a flat array of numbers or booleans."""
    if _is_compiled(values):
        return float_writer.texts(values)
    kind = values.dtype.kind
    if kind == "f":
        return float_texts(values.tolist(), values.dtype.char)
    if kind == "b":
        return ["true" if value else "false" for value in values.tolist()]
    return [str(value) for value in values.tolist()]


def number_rows(values: np.ndarray) -> list[str]:
    """The JSON list of each row of a matrix (rows, width ≥ 1) of numbers or booleans."""
    flat, width = values.ravel(), values.shape[1]
    if _is_compiled(values):
        return float_writer.rows(flat, width)
    texts = number_texts(flat)
    return ["[" + ", ".join(texts[start : start + width]) + "]" for start in range(0, len(texts), width)]
