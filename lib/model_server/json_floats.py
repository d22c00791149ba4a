"""Numbers as rapidjson's writer in TensorFlow Serving prints them: 6 digits where they suffice, else 9 (or 17)."""

from __future__ import annotations

import functools
import struct
from collections.abc import Sequence

import numpy as np


@functools.lru_cache(maxsize=256)
def _packer(letter: str, count: int) -> struct.Struct:
    return struct.Struct(f"{count}{letter}")


def float_texts(values: np.ndarray) -> list[str]:
    """The texts of a flat float32 or float64 array, `.0` appended where the number would look like an integer."""
    letter, digits = ("f", 9) if values.dtype.itemsize == 4 else ("d", 17)
    numbers = values.tolist()
    short = ("%.6g " * len(numbers) % tuple(numbers)).split()
    texts = []
    for text, back, number in zip(short, _rounded(short, letter), numbers, strict=True):
        if back != number:
            text = _special(number) or f"{number:.{digits}g}"
        if "." not in text and "e" not in text and "N" not in text and "I" not in text:
            text += ".0"
        texts.append(text)
    return texts


def _rounded(texts: Sequence[str], letter: str) -> tuple[float, ...]:
    """What a reader of this type would get back from the texts; NaN for values it cannot hold."""
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


def number_texts(values: np.ndarray) -> list[str]:
    """The texts of a flat array of numbers or booleans."""
    if values.dtype.kind == "f":
        texts = float_texts(values)
        if not np.isfinite(values).all():
            texts = [_special(number) or text for number, text in zip(values.tolist(), texts, strict=True)]
        return texts
    if values.dtype.kind == "b":
        return ["true" if value else "false" for value in values.tolist()]
    return [str(value) for value in values.tolist()]
