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


_MANY = 32  # numbers; below, looking at all of them at once costs more than it saves
# Powers of ten around what %g writes without an exponent. A float32 has 24 bits and 5**12 has 28: times 10**12 at most,
# which the nine digits of 0.0001 need, it is exact in a double, and so is the rounding to digits.
_POWERS = 10.0 ** np.arange(-4, 7)
_DIGITS = (6, 9)


def _many_texts(values: np.ndarray) -> list[str]:
    """The texts of many 32 bit floats: rounded together to 6 or 9 digits, which the shortest text of a double shows."""
    wide = values.astype(np.float64)
    above = np.searchsorted(_POWERS, np.abs(wide), side="right")  # index of the first power of ten above the number
    short, exact = (_rounded_to(wide, above, digits) for digits in _DIGITS)
    shown = np.where(short.astype(np.float32) == values, short, exact)
    texts = orjson.dumps(shown, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].decode().split(",")
    odd = np.flatnonzero(((above == 0) & (wide != 0)) | (above == len(_POWERS))).tolist()
    for place, text in zip(odd, float_texts(values[odd].tolist(), "f") if odd else (), strict=True):
        texts[place] = text
    return texts


def _rounded_to(wide: np.ndarray, above: np.ndarray, digits: int) -> np.ndarray:
    """The doubles next to the decimals of so many digits."""
    scale = _SCALES[digits][above]
    return np.rint(wide * scale) / scale


_SCALES = {digits: 10.0 ** (digits + 4 - np.arange(len(_POWERS) + 1)) for digits in _DIGITS}


def number_texts(values: np.ndarray) -> list[str]:
    """The texts of a flat array of numbers or booleans."""
    kind = values.dtype.kind
    if kind == "f":
        many = values.size >= _MANY and values.dtype.char == "f"
        return _many_texts(values) if many else float_texts(values.tolist(), values.dtype.char)
    if kind == "b":
        return ["true" if value else "false" for value in values.tolist()]
    return [str(value) for value in values.tolist()]
