"""Are the replies right, and not just quick? All of them are compared with the expected answers, or a share.

While load runs a reply is only told from others byte by byte: most are the same as the first reply to the same request,
which costs one comparison of memory; the rest are looked up among those seen before. The comparison by meaning comes
after the window, once per distinct reply. REST: JSON values, numbers within `atol + rtol * |expected|`. gRPC: see
`loadgen.protocols.tensor_replies`.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from loadgen.rows import KIND_SHIFT, UNCHECKED, WORDS, WRONG, Recorder

KEEP_BYTES = 64 << 20  # distinct replies held back for comparison, at most
MOST_DISTINCT = 100_000  # and so many; comparing them takes a second or two
SHOWN = 240  # characters of a wrong reply that are told
NEVER = 1 << 62


class Checker:
    """Gives each distinct reply a number while load runs, and judges them after the window.

    A connection counts `skip` down by one at each good reply; when it is 0 the reply is checked: the same as
    `first[body]` has the number `body`, any other that which `number` gives it.
    """

    def __init__(self, expected: Sequence[bytes | None], share: float, seed: int = 0, prefix: int = 0) -> None:
        self._prefix = prefix  # bytes before each reply that its protocol leaves there
        self._expected, self._share = expected, share if any(e is not None for e in expected) else 0.0
        self._random = random.Random(seed)
        self.first: list[bytes | None] = [None] * len(expected)
        self._later: dict[tuple[int, bytes], int] = {}
        self._kept_bytes = self.unkept = 0
        self.broken: tuple[int, bytes, int] | None = None  # to which request, what came, when: the first that was none
        self.skip = self._gap()

    def _gap(self) -> int:
        """Replies to let pass before the next one is checked: geometric, so no pattern in the bodies is missed."""
        if self._share >= 1.0:
            return 0
        if self._share <= 0.0:
            return NEVER
        return int(math.log(1.0 - self._random.random()) / math.log(1.0 - self._share))

    def number(self, body: int, reply: bytes) -> int:
        """The number of a reply to request number `body` that is not `first[body]`; UNCHECKED where it is not kept."""
        self.skip = self._gap()
        if self._expected[body] is None:
            return UNCHECKED
        known = self._later.get((body, reply))
        if known is not None:
            return known
        if self._kept_bytes + len(reply) > KEEP_BYTES or len(self._later) >= MOST_DISTINCT:
            self.unkept += 1
            return UNCHECKED
        self._kept_bytes += len(reply)
        if self._share >= 1.0 and self.first[body] is None:
            self.first[body] = reply
            return body
        known = self._later[(body, reply)] = len(self.first) + len(self._later)
        return known

    def note_broken(self, body: int, came: bytes, done_ns: int) -> None:
        """Keep the first reply that broke the protocol: to request number `body` these bytes came."""
        if self.broken is None:
            self.broken = body, came[: 4 * SHOWN], done_ns

    def first_broken(self, words: Callable[[bytes], str] = bytes.decode) -> dict[str, Any] | None:
        """The first reply that broke the protocol, as `judge` tells the first wrong one; None where none did."""
        if self.broken is None:
            return None
        body, came, done_ns = self.broken
        return {
            "body": body,
            "expected": shortened(words(self._expected[body] or b""), "")["expected"],
            "got": shortened("", plain_text(came))["got"],
            "done_ns": done_ns,
        }

    def judge(
        self,
        recorder: Recorder,
        same: Callable[[bytes, bytes], bool],
        words: Callable[[bytes], str] = bytes.decode,
    ) -> dict[str, Any]:
        """Compare what was kept; rows with a wrong answer become errors.

        Args:
            same: Whether a reply means the same as the expected one.
            words: A reply as text, for the first wrong one.

        Returns `checked`, `wrong` and `unkept` (numbers of replies), and `first_wrong` (`body`, `expected`, `got`,
        `done_ns`; None where none was).
        """
        distinct = [*enumerate(self.first), *((body, reply) for body, reply in self._later)]
        wrong_ones = [reply is not None and not self._right(body, reply, same) for body, reply in distinct]
        numbers = np.frombuffer(recorder.replies, dtype=np.intc)
        checked = numbers != UNCHECKED
        wrong_rows = np.flatnonzero(checked & np.array([*wrong_ones, False])[numbers])
        for row in wrong_rows.tolist():
            recorder.rows[row * WORDS + 3] |= WRONG << KIND_SHIFT
        counts = {"checked": int(np.count_nonzero(checked)), "wrong": len(wrong_rows), "unkept": self.unkept}
        if not len(wrong_rows):
            return counts | {"first_wrong": None}
        row = int(wrong_rows[0])
        body, reply = distinct[numbers[row]]
        texts = shortened(words(self._expected[body] or b""), words((reply or b"")[self._prefix :]))
        return counts | {"first_wrong": {"body": body, **texts, "done_ns": recorder.rows[row * WORDS + 2]}}

    def _right(self, body: int, reply: bytes, same: Callable[[bytes, bytes], bool]) -> bool:
        return same(reply[self._prefix :], self._expected[body] or b"")


def shortened(expected: str, got: str) -> dict[str, str]:
    """Both texts, cut to what surrounds their first difference."""
    apart = next((i for i, (one, other) in enumerate(zip(expected, got, strict=False)) if one != other), 0)
    start = max(0, apart - SHOWN // 3) if max(len(expected), len(got)) > SHOWN else 0

    def cut(text: str) -> str:
        shown = text[start : start + SHOWN]
        return "…" * (start > 0) + shown + "…" * (len(text) > start + SHOWN)

    return {"expected": cut(expected), "got": cut(got)}


def plain_text(reply: bytes) -> str:
    """A reply as text; bytes that are none are shown as such."""
    return reply.decode(errors="backslashreplace")


def json_comparer(rtol: float, atol: float) -> Callable[[bytes, bytes], bool]:
    """A function that says whether two texts mean the same: as JSON within the tolerances, else byte for byte."""
    meaning = lru_cache(maxsize=1)(json.loads)  # distinct replies to one request come one after the other

    def same(got: bytes, expected: bytes) -> bool:
        if got == expected:
            return True
        try:
            return _alike(json.loads(got), meaning(expected), rtol, atol)
        except (ValueError, RecursionError):
            return False

    return same


def close(got: np.ndarray, expected: np.ndarray, rtol: float, atol: float) -> bool:
    """Same shape and the same floats within the tolerances; integers and other values must be equal."""
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
    if isinstance(expected, bool) or isinstance(got, bool) or not isinstance(expected, (int, float)):
        return type(got) is type(expected) and bool(got == expected)
    return isinstance(got, (int, float)) and _near(got, expected, rtol, atol)


def _near(got: float, expected: float, rtol: float, atol: float) -> bool:
    """Two numbers within the tolerances; not a number equals itself, infinity only itself."""
    if got == expected or (got != got and expected != expected):
        return True
    return math.isfinite(expected) and abs(got - expected) <= atol + rtol * abs(expected)
