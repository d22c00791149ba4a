"""Numbers as rapidjson's writer in TensorFlow Serving prints them: 6 digits where they suffice, else 9 (or 17)."""

from __future__ import annotations

import functools
import math
import operator
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
_SUFFIXES = np.array(["", *("" if e >= _FIXED else f"e-{-e:02d}" for e in _EXPONENTS), ""], object)
_FIRST_FIXED = 1 + _EXPONENTS.index(_FIXED)


def _scales(digits: int, lowest: int) -> np.ndarray:
    """What makes a number of each exponent, or of `lowest` where its own is lower, an integer of so many digits."""
    shifts = [digits - 1 - (exponent if exponent >= lowest else 0) for exponent in _EXPONENTS]
    return np.array([1.0, *(float(f"1e{shift}") for shift in shifts), 1.0])


_UP = {digits: _scales(digits, _EXPONENTS[0]) for digits in (6, 9)}
_DOWN = {digits: _scales(digits, _FIXED) for digits in (6, 9)}


class _Together:
    """Many 32 bit floats, rounded together to integers of 6 and of 9 digits.

    An integer over a power of ten is the double whose shortest text shows just its digits. Whether 6 digits read back
    as the number may be asked of that double: none of the 39,600,000 decimals of 6 digits lies within 8 steps of a
    double from the middle between two floats. `odd` numbers (out of range, or too near to a tie) are written alone.
    """

    def __init__(self, values: np.ndarray):
        self._values, wide = values, values.astype(np.float64)
        size = np.abs(wide)
        place = _POWERS.searchsorted(size, "right")  # 0 below all powers, then one more than the exponent's index
        self._small = bool(place.min() < _FIRST_FIXED)  # zeros are in there too
        up = _UP[9][place]
        with np.errstate(invalid="ignore"):  # infinities
            exact = size * up
            six, nine = np.rint(size * _UP[6][place]), np.rint(exact)
            short = six / _UP[6][place]
            long = short.astype(np.float32) != size
            if self._small:
                short, up = six / _DOWN[6][place], _DOWN[9][place]
            self._shown = np.copysign(np.where(long, nine / up, short), wide)
            odd = np.abs(exact - nine) > 0.499999
        self._place = place
        if self._small:
            small = (place < _FIRST_FIXED) & (wide != 0)
            odd |= small & ((self._shown == np.rint(self._shown)) | (place == 0))
        self._odd = np.flatnonzero(odd | (place == len(_POWERS))).tolist()

    def texts(self) -> list[str]:
        """The text of each number."""
        texts = self._json(self._shown)[1:-1].split(",")
        if self._small:
            texts = list(map(operator.add, texts, _SUFFIXES[self._place].tolist()))
        alone = float_texts(self._values[self._odd].tolist(), "f") if self._odd else ()
        for index, text in zip(self._odd, alone, strict=True):
            texts[index] = text
        return texts

    def rows(self, width: int) -> list[str]:
        """The JSON list of each `width` numbers."""
        if self._small or self._odd:
            return _rows(self.texts(), width)
        matrix = self._json(self._shown.reshape(-1, width))[2:-2].replace(",", ", ")
        return [f"[{row}]" for row in matrix.split("], [")]

    @staticmethod
    def _json(shown: np.ndarray) -> str:
        return orjson.dumps(shown, option=orjson.OPT_SERIALIZE_NUMPY).decode()


def _rows(texts: Sequence[str], width: int) -> list[str]:
    return ["[" + ", ".join(texts[start : start + width]) + "]" for start in range(0, len(texts), width)]


def _are_many(values: np.ndarray) -> bool:
    return values.size >= _MANY and values.dtype.char == "f"


def number_texts(values: np.ndarray) -> list[str]:
    """The texts of a flat array of numbers or booleans."""
    kind = values.dtype.kind
    if kind == "f":
        return _Together(values).texts() if _are_many(values) else float_texts(values.tolist(), values.dtype.char)
    if kind == "b":
        return ["true" if value else "false" for value in values.tolist()]
    return [str(value) for value in values.tolist()]


def number_rows(values: np.ndarray) -> list[str]:
    """The JSON list of each row of a matrix (rows, width ≥ 1) of numbers or booleans."""
    flat, width = values.ravel(), values.shape[1]
    return _Together(flat).rows(width) if _are_many(flat) else _rows(number_texts(flat), width)
