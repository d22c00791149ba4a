"""How far two forms of a model are apart, and which form to recommend."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from playbook.tfserving import ragged
from playbook.tfserving.reference import Arrays

LEAST_GAIN = 0.05  # a smaller one is not worth another form of the model
TRAINED = "as_trained"


def largest(expected: Arrays, answers: Arrays) -> tuple[float | None, float | None]:
    """Largest absolute difference over all number outputs, and the largest relative to its output's own size.

    An output's size is the largest absolute value that was expected of it. Both are None when a text, a shape or the
    name of an output differs, or when only one of two values is finite.
    """
    if set(expected) != set(answers):
        return None, None
    worst, relative = 0.0, 0.0
    for alias, array in expected.items():
        apart = _apart(array, answers[alias])
        if apart is None:
            return None, None
        worst, relative = max(worst, apart[0]), max(relative, apart[1])
    return worst, relative


def _apart(expected: np.ndarray, answers: np.ndarray) -> tuple[float, float] | None:
    if ragged.is_ragged(expected):
        pairs = [_apart(np.asarray(a), np.asarray(b)) for a, b in zip(expected, answers, strict=True)]
        known = [pair for pair in pairs if pair is not None]
        return (max(a for a, _ in known), max(b for _, b in known)) if known and len(known) == len(pairs) else None
    if expected.shape != answers.shape:
        return None
    if expected.dtype.kind in "OSU":
        return (0.0, 0.0) if list(expected.ravel()) == list(answers.ravel()) else None
    a, b = expected.astype(np.float64), answers.astype(np.float64)
    if not np.array_equal(np.isfinite(a), np.isfinite(b)):
        return None
    finite = np.isfinite(a)
    worst = float(np.abs(a - b)[finite].max(initial=0.0))
    size = float(np.abs(a)[finite].max(initial=0.0))
    return worst, worst / size if size else (0.0 if worst == 0 else math.inf)


def recommend(rows: Sequence[Mapping[str, Any]], max_difference: float) -> str | None:
    """The form to serve, of those within the tolerance that need no further flag; None when none was measured.

    It stays the model as trained unless another is faster, by the geometric mean over the batch sizes, by more than 5 %
    in each round: less is what the same form differs from itself. Of those faster ones, the smallest on disk
    of all that are not slower than the fastest by as much.
    """
    fit = [row for row in rows if row["latency_ms"] and row["needs"] is None and agrees(row, max_difference)]
    if not fit:
        return None
    trained = next((row for row in fit if row["name"] == TRAINED), None)
    faster = [row for row in fit if trained is None or gains(trained, row)]
    if not faster:
        return TRAINED
    fastest = min(faster, key=lambda row: float(np.median(_rounds(row))))
    return min((row for row in faster if not gains(row, fastest)), key=lambda row: row["size_bytes"])["name"]


def gains(base: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether `other` is faster than `base` in every round, by more than is worth it."""
    return max(_ratios(base, other)) < 1 - LEAST_GAIN


def agrees(row: Mapping[str, Any], max_difference: float) -> bool:
    """Whether a form's answers are within the tolerance, as a share of each output's own size.

    So an output of 0.00001 is not met by a difference of 0.0005, nor one of 400 missed by 0.01. What is smaller than a
    millionth of the tolerance counts as nothing, whatever the size: an output may be zero all over.
    """
    if row["max_rel_diff"] is None:
        return False
    return row["max_rel_diff"] <= max_difference or row["max_abs_diff"] <= max_difference * 1e-6


def _ratios(base: Mapping[str, Any], other: Mapping[str, Any]) -> list[float]:
    """Latency of `other` over `base`, round by round: both met the same moment of the machine.

    Forms of a large model took turns with the model as trained alone, and are told as shares of what that took.
    """
    apart = bool(base.get("beside_ms") or other.get("beside_ms"))
    return [mine / theirs for mine, theirs in zip(_rounds(other, apart), _rounds(base, apart), strict=True)]


def _rounds(row: Mapping[str, Any], apart: bool | None = None) -> list[float]:
    """The mean over the batch sizes in each round, ms, or as a share of the model as trained."""
    rounds = [_mean_ms(each) for each in zip(*row["round_ms"].values(), strict=True)]
    if apart is False or (apart is None and not row.get("beside_ms")):
        return rounds
    beside = row.get("beside_ms") or row["round_ms"]  # the model as trained is its own measure
    trained = [_mean_ms(each) for each in zip(*beside.values(), strict=True)]
    return [mine / theirs for mine, theirs in zip(rounds, trained, strict=True)]


def _mean_ms(latencies: Any) -> float:
    return math.exp(float(np.mean(np.log(list(latencies)))))
