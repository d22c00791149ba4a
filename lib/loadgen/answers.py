"""Are the replies right, and not just quick? A share of them is compared with the expected answers.

While load runs, a checked reply is only looked up among those already seen for the same request: a server that answers
one request always alike costs a dictionary lookup. The comparison itself comes after the window, once per distinct
reply. REST: JSON values, numbers within `atol + rtol * |expected|`. gRPC: see `loadgen.protocols.tensor_replies`.
"""

from __future__ import annotations

import json
import math
import random
from array import array
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from loadgen.rows import KIND_SHIFT, WORDS, WRONG, Recorder

KEEP_BYTES = 64 << 20  # distinct replies held back for comparison, at most


class Checker:
    """Chooses replies to check, keeps the distinct ones, and judges them after the window."""

    def __init__(self, expected: Sequence[bytes | None], share: float, seed: int = 0) -> None:
        self._expected, self._share = expected, share if any(e is not None for e in expected) else 0.0
        self._random = random.Random(seed)
        self._seen: dict[tuple[int, bytes], int] = {}
        self._rows, self._which = array("q"), array("q")
        self._kept_bytes = self.unkept = 0
        self.skip = self._gap()

    def _gap(self) -> int:
        """Replies to let pass before the next one is checked: geometric, so no pattern in the bodies is missed."""
        if self._share >= 1.0:
            return 0
        if self._share <= 0.0:
            return 1 << 62
        return int(math.log(1.0 - self._random.random()) / math.log(1.0 - self._share))

    def keep(self, body: int, reply: bytes, row: int) -> None:
        """Keep the reply to request number `body`, recorded in row number `row`, and choose the next to be kept.

        A connection counts `skip` down by one at each good reply and calls this when it is 0.
        """
        self.skip = self._gap()
        if self._expected[body] is None:
            return
        known = self._seen.get((body, reply))
        if known is None:
            if self._kept_bytes + len(reply) > KEEP_BYTES:
                self.unkept += 1
                return
            self._kept_bytes += len(reply)
            known = self._seen[(body, reply)] = len(self._seen)
        self._rows.append(row)
        self._which.append(known)

    def judge(self, recorder: Recorder, same: Callable[[bytes, bytes], bool]) -> dict[str, int]:
        """Compare what was kept; rows with a wrong answer become errors. Returns counts checked, wrong, unkept."""
        verdict = [same(reply, self._expected[body]) for body, reply in self._seen]  # type: ignore[arg-type]
        wrong = 0
        for row, which in zip(self._rows, self._which, strict=True):
            if not verdict[which]:
                recorder.rows[row * WORDS + 3] |= WRONG << KIND_SHIFT
                wrong += 1
        return {"checked": len(self._rows), "wrong": wrong, "unkept": self.unkept}


def json_comparer(rtol: float, atol: float) -> Callable[[bytes, bytes], bool]:
    """A function that says whether two JSON texts mean the same within the tolerances."""

    def same(got: bytes, expected: bytes) -> bool:
        try:
            return _alike(json.loads(got), json.loads(expected), rtol, atol)
        except ValueError:
            return False

    return same


def close(got: np.ndarray, expected: np.ndarray, rtol: float, atol: float) -> bool:
    """Same shape and the same numbers within the tolerances; other values must be equal."""
    if got.shape != expected.shape:
        return False
    if got.dtype.kind == expected.dtype.kind == "f":
        return bool(np.allclose(got.astype(float), expected.astype(float), rtol=rtol, atol=atol, equal_nan=True))
    return bool(np.array_equal(got, expected))


def _alike(got: Any, expected: Any, rtol: float, atol: float) -> bool:
    if isinstance(expected, dict):
        return (
            isinstance(got, dict)
            and got.keys() == expected.keys()
            and all(_alike(got[key], value, rtol, atol) for key, value in expected.items())
        )
    if isinstance(expected, list):
        return (
            isinstance(got, list)
            and len(got) == len(expected)
            and all(_alike(g, e, rtol, atol) for g, e in zip(got, expected, strict=True))
        )
    if isinstance(expected, (int, float)) and not isinstance(expected, bool):
        return isinstance(got, (int, float)) and bool(np.isclose(got, expected, rtol=rtol, atol=atol, equal_nan=True))
    return bool(got == expected)
