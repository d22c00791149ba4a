"""The gain of the winner over the default flags: one number, the figures it was computed from, and what it may claim.

The winner of several noisy trials is likely a lucky one, so the gain comes from repeats that were measured afterwards,
default and winner in turns. Figures told beside it are those repeats' own, and their quotient is the gain.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
from scipy.special import stdtrit

Measured = Mapping[str, Any]
Pair = tuple[Measured, Measured]  # default, winner
NEVER = ("the default flags do not keep the limit, so there is no ratio", "the winner did not keep the limit again")


@dataclass(frozen=True)
class Gain:
    """Best over default. `ratio` is None where nothing may be claimed; `why_not` says why no gain is shown."""

    ratio: float | None
    low: float | None
    high: float | None
    used: Sequence[Pair]  # what it was computed from
    why_not: str = ""

    @property
    def shown(self) -> bool:
        """Whether the winner was shown to be better: VALID measurements, and an interval, if any, without 1."""
        return self.ratio is not None and not self.why_not

    def scores(self) -> tuple[float, float] | None:
        """Default's and winner's score: geometric means of the repeats, whose quotient is the ratio."""
        if self.ratio is None:
            return None
        default, best = (math.exp(np.mean([math.log(pair[side]["score"]) for pair in self.used])) for side in (0, 1))
        return default, best

    def middle(self, side: int, name: str) -> float | None:
        """The median of a figure over the repeats of default (0) or winner (1); None where it was not measured."""
        values = [pair[side].get(name) for pair in self.used]
        known = [float(value) for value in values if value is not None]
        return median(known) if known and len(known) == len(values) else None


def gain_of(default: Measured, best: Measured, repeats: Sequence[Pair]) -> Gain:
    """The gain, from the repeats in turns; without repeats from the two measurements there are.

    Args:
        default: The default flags as measured, with `score`, `valid`, `kept`.
        best: The winner as measured in its trial.
        repeats: Both measured again in turns. Those with an INVALID window are left out where two others remain.
    """
    pairs: list[Pair] = list(repeats) or [(default, best)]
    for side, who in ((1, "the winner"), (0, "the default flags")):
        kept = sum(bool(pair[side]["score"]) for pair in pairs)
        if kept < len(pairs):
            times = f"{who} kept the limit in {kept} of {len(pairs)} measurements"
            return _none(pairs, times if kept else NEVER[side])
    sound = [pair for pair in pairs if all(one.get("valid", True) for one in pair)]
    if len(sound) < min(2, len(pairs)):
        return _none(pairs, f"{len(pairs) - len(sound)} of {len(pairs)} measurements had an INVALID window")
    ratio_, low, high = ratio([(a["score"], b["score"]) for a, b in sound])
    includes_1 = low is not None and high is not None and low <= 1 <= high
    why_not = "the interval contains 1" if includes_1 else ""
    if not why_not and ratio_ is not None and ratio_ <= 1:
        why_not = "the winner of the trials was no better when it was measured again"
    return Gain(ratio_, low, high, sound, why_not)


def lost_again(repeats: Sequence[Pair]) -> bool:
    """Whether the winner, measured again in turns, kept the limit less often than the default, or was no faster."""
    kept = [sum(bool(pair[side]["score"]) for pair in repeats) for side in (0, 1)]
    if kept[0] != kept[1]:
        return kept[1] < kept[0]
    both = [(a["score"], b["score"]) for a, b in repeats if a["score"] and b["score"]]
    again = ratio(both)[0]
    return again is not None and again <= 1


def words(gain: Gain, figure: str) -> str:
    """The gain in words; `figure` is the default's, as in `4,650 requests/s at p99 12 ms`."""
    if gain.ratio is None:
        return f"no gain shown: {gain.why_not}"
    known = gain.low is not None and gain.high is not None
    interval = f"95 %: {gain.low:.3g} to {gain.high:.3g}" if known else "each measured once, no interval"
    sentence = f"{gain.ratio:.3g} × the default flags' {figure} ({interval})"
    return sentence if gain.shown else f"no gain shown: {sentence}, {gain.why_not}"


def ratio(pairs: Sequence[tuple[float, float]]) -> tuple[float | None, float | None, float | None]:
    """Geometric mean of second over first, and its 95 % interval (Student's t on the logarithms, pairs in turns).

    None where it does not exist: a score of 0 has no ratio, one pair has no interval.
    """
    if not pairs or any(a <= 0 or b <= 0 for a, b in pairs):
        return None, None, None
    logs = np.log([b / a for a, b in pairs])
    middle = float(logs.mean())
    if len(logs) < 2:
        return math.exp(middle), None, None
    half = float(stdtrit(len(logs) - 1, 0.975) * logs.std(ddof=1) / math.sqrt(len(logs)))
    return math.exp(middle), math.exp(middle - half), math.exp(middle + half)


def _none(pairs: Sequence[Pair], why_not: str) -> Gain:
    return Gain(None, None, None, pairs, why_not)
