"""Numbers as rapidjson's writer in TensorFlow Serving prints them: 6 digits where they suffice, else 9 (or 17)."""

from __future__ import annotations

import functools
import math
import struct
from collections.abc import Sequence

import numpy as np


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
# A decimal of six digits reads back as a float32 that is nearer to it than half the spacing there, which is between
# 2**-25 and 2**-24 of the number; float64 has 2**-54 to 2**-53, too near to what the look itself can tell.
_LOOK = {"f": ("%.9g", 2.9e-8, 6.0e-8), "d": ("%.17g", -1.0, 1e-14)}


def _many_texts(values: np.ndarray) -> list[str]:
    """The texts of many floats: one look sorts them, a format for each kind writes them, the odd ones go one by one."""
    digits, near, far = _LOOK[values.dtype.char]
    away = _distance_to_six_digits(values)
    texts, numbers = [""] * values.size, values.tolist()
    kinds = (away > far, _spaced(digits)), (away < near, _spaced("%.6g"))
    odd = ~(kinds[0][0] | kinds[1][0])
    for chosen, write in (*kinds, (odd, lambda some: float_texts(some, values.dtype.char))):
        places = np.flatnonzero(chosen).tolist()
        for place, text in zip(places, write([numbers[place] for place in places]) if places else (), strict=True):
            texts[place] = text
    return texts


def _spaced(digits: str):
    return lambda some: ((digits + " ") * len(some) % tuple(some)).split()


def _distance_to_six_digits(values: np.ndarray) -> np.ndarray:
    """How far the nearest decimal of six digits lies, as a share of the number.

    NaN for what needs care: whole numbers (they get a `.0`), infinities, NaN and subnormal numbers.
    """
    wide = values.astype(np.float64)
    with np.errstate(all="ignore"):
        size = np.abs(wide)
        scale = 10.0 ** (5 - np.floor(np.log10(size)))
        away = np.abs(np.rint(wide * scale) / scale - wide) / size
        away[(wide == np.rint(wide)) | (size < np.finfo(values.dtype).tiny)] = np.nan
        return away


def number_texts(values: np.ndarray) -> list[str]:
    """The texts of a flat array of numbers or booleans."""
    kind = values.dtype.kind
    if kind == "f":
        return _many_texts(values) if values.size >= _MANY else float_texts(values.tolist(), values.dtype.char)
    if kind == "b":
        return ["true" if value else "false" for value in values.tolist()]
    return [str(value) for value in values.tolist()]
