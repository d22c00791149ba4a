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
_EXPONENTS = range(-38, 6)  # of the numbers that are rounded together: normal ones, up to what %.6g writes in full
_FIXED = -4  # below this exponent %g writes e-05 and so on
_POWERS = np.array([float(f"1e{exponent}") for exponent in _EXPONENTS])
_SUFFIXES = ["", *("" if exponent >= _FIXED else f"e-{-exponent:02d}" for exponent in _EXPONENTS), ""]
_FIRST_FIXED = 1 + _EXPONENTS.index(_FIXED)
# Six digits read back as a float32 that is nearer to them than half the spacing there, which is between 2**-25 and
# 2**-24 of the number.
_NEAR, _FAR = 2.9e-8, 6.0e-8


def _scales(digits: int, lowest: int) -> np.ndarray:
    """What makes a number of each exponent, or of `lowest` where its own is lower, an integer of so many digits."""
    shifts = [digits - 1 - (exponent if exponent >= lowest else 0) for exponent in _EXPONENTS]
    return np.array([1.0, *(float(f"1e{shift}") for shift in shifts), 1.0])


_UP = {digits: _scales(digits, _EXPONENTS[0]) for digits in (6, 9)}
_DOWN = {digits: _scales(digits, _FIXED) for digits in (6, 9)}


def _many_texts(values: np.ndarray) -> list[str]:
    """The texts of many 32 bit floats, rounded together to integers of 6 and of 9 digits.

    An integer over a power of ten is the double whose shortest text shows just its digits. What is out of range or too
    near to a tie is written by itself.
    """
    wide = values.astype(np.float64)
    size = np.abs(wide)
    place = np.searchsorted(_POWERS, size, side="right")  # 0 below all powers, then one more than the exponent's index
    with np.errstate(invalid="ignore"):  # infinities
        short, exact = size * _UP[6][place], size * _UP[9][place]
        six, nine = np.rint(short), np.rint(exact)
        away = np.abs(short - six)
        long = away > _FAR * short
        shown = np.copysign(np.where(long, nine / _DOWN[9][place], six / _DOWN[6][place]), wide)
        unsure = np.where(long, np.abs(exact - nine) > 0.499999, away > _NEAR * short)
    small = (place < _FIRST_FIXED) & (wide != 0)
    odd = unsure | (small & ((shown == np.rint(shown)) | (place == 0))) | (place == len(_POWERS))
    texts = orjson.dumps(shown, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].decode().split(",")
    if small.any():
        texts = [text + _SUFFIXES[index] for text, index in zip(texts, place.tolist(), strict=True)]
    places = np.flatnonzero(odd).tolist()
    for index, text in zip(places, float_texts(values[places].tolist(), "f") if places else (), strict=True):
        texts[index] = text
    return texts


def number_texts(values: np.ndarray) -> list[str]:
    """The texts of a flat array of numbers or booleans."""
    kind = values.dtype.kind
    if kind == "f":
        many = values.size >= _MANY and values.dtype.char == "f"
        return _many_texts(values) if many else float_texts(values.tolist(), values.dtype.char)
    if kind == "b":
        return ["true" if value else "false" for value in values.tolist()]
    return [str(value) for value in values.tolist()]
