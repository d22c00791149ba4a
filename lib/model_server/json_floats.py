"""Numbers as rapidjson's writer in TensorFlow Serving prints them: 6 digits where they suffice, else 9 (or 17)."""

from __future__ import annotations

import functools
import math
import struct
from collections.abc import Sequence

import numpy as np
import orjson


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


def _long_texts(values: np.ndarray, numbers: Sequence[float]) -> list[str] | None:
    """The texts where every number needs more than 6 digits and has a point (scores usually do); else None.

    orjson prints the shortest text that reads back as the same number, so its digits tell.
    """
    shortest = orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]
    if b"e" in shortest or b"n" in shortest or b".0," in shortest or shortest.endswith(b".0"):
        return None
    if min([len(text.lstrip(b"-0")) for text in shortest.replace(b".", b"").split(b",")]) < 7:
        return None
    text = ("%.9g " if values.dtype.itemsize == 4 else "%.17g ") * len(numbers) % tuple(numbers)
    return text.split() if text.count(".") == len(numbers) else None


def number_texts(values: np.ndarray) -> list[str]:
    """The texts of a flat array of numbers or booleans."""
    kind, numbers = values.dtype.kind, values.tolist()
    if kind == "f":
        return _long_texts(values, numbers) or float_texts(numbers, values.dtype.char)
    if kind == "b":
        return ["true" if value else "false" for value in numbers]
    return [str(value) for value in numbers]
