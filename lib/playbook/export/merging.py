"""Can requests of different lengths share a batch? Padded as the server pads them, beside the answers without it.

A server joins requests of unequal shape only with `pad_variable_length_inputs`: then every input grows at its end, up
to the longest of the batch, filled with its own first element (TensorFlow Serving, batching_util.cc; serving#1279). A
mask whose first element is 1 says of such filling that it is text. What a model makes of it no graph tells; so its
answers are compared. No TensorFlow.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from playbook.errors import ModelError
from playbook.export import asked
from playbook.export.asked import Runner
from playbook.tfserving import ragged
from playbook.tfserving.reference import Arrays, Reference
from playbook.tfserving.requests import TOLERANCE
from playbook.tfserving.signatures import Signature

MOST_ROWS = 128
BUDGET_S = 5.0  # no further call begins after this
FEWEST_RANK, MOST_RANK = 1, 6  # of a tensor that the server pads, the row's dimension included
Merging = dict[str, Any]


def of(path: Path, signature: Signature, reference: Reference, model: str) -> Merging | None:
    """`check` on a staged SavedModel; `model` is what its errors call it."""
    from playbook.export.savedmodel import Loaded

    if len(ragged.alike(reference.inputs)) < 2 or reference.fixed_rows:
        return None
    with Loaded(path) as loaded:
        seen = check(lambda part: loaded.run(signature, part), reference)
    return seen and {**seen, "refused": seen["refused"] and seen["refused"].replace(str(path), model)}


def check(run: Runner, reference: Reference) -> Merging | None:
    """What merging requests of these rows does to their answers; None where all are alike or none can be merged.

    Args:
        run: Answers one batch.
        reference: Rows and the model's own answers to each without padding.

    Returns:
        `shapes`, `padded_rows` that were compared, `changed_rows` of them whose answer is another one, the `outputs`
        concerned, the largest difference `worst` (None where shapes or texts differ), `refused`: why such rows cannot
        be answered at all.
    """
    shapes = len(ragged.alike(reference.inputs))
    if shapes < 2 or reference.fixed_rows:
        return None
    seen: Merging = {"shapes": shapes, "padded_rows": 0, "changed_rows": 0, "outputs": [], "worst": 0.0}
    seen["refused"] = _unpaddable(reference.inputs)
    if seen["refused"] is None:
        _compare(run, reference, seen)
    return seen


def words(seen: Mapping[str, Any]) -> str:
    """What was found, as a doubt of export.json."""
    begins = (
        f"The rows have {seen['shapes']} different shapes. A server batches only requests of equal shape, and answers "
        "400 to others that meet in one batch, unless pad_variable_length_inputs is on."
    )
    if seen["refused"]:
        return f"{begins} Padded they cannot be answered ({seen['refused'].rstrip('.')}): leave batching off."
    if seen["changed_rows"]:
        return (
            f"{begins} That changes answers: it pads with the first element, and {seen['changed_rows']} of "
            f"{seen['padded_rows']} rows padded so are answered differently ({', '.join(seen['outputs'])}"
            f"{_by(seen['worst'])}). Leave batching off, or let clients pad to one length and mask it."
        )
    return (
        f"{begins} {seen['padded_rows']} rows padded so keep their answers: where batching is tuned, "
        "pad_variable_length_inputs goes with it."
    )


def _by(worst: float | None) -> str:
    return f" by up to {worst:.2g}" if worst else ""


def _unpaddable(columns: Arrays) -> str | None:
    for alias, array in columns.items():
        if not ragged.is_ragged(array):
            continue
        if not FEWEST_RANK < array[0].ndim + 1 <= MOST_RANK:
            return f"'{alias}' has {array[0].ndim + 1} dimensions, and only tensors of up to {MOST_RANK} can be padded"
        if any(row.size == 0 for row in array):
            return f"'{alias}' is empty in some rows, and the server pads no empty tensor"
    return None


def _compare(run: Runner, reference: Reference, seen: Merging) -> None:
    """Fill in what padding every shorter row to the longest length does."""
    grown = ragged.grown(reference.inputs)
    shorter = np.flatnonzero(_is_grown(reference.inputs, grown))
    chosen = shorter[np.unique(np.linspace(0, len(shorter) - 1, min(MOST_ROWS, len(shorter)), dtype=int))]
    size, end = asked.CALL_ROWS // 4, time.monotonic() + BUDGET_S
    changed: set[str] = set()
    for start in range(0, len(chosen), size):
        if start and time.monotonic() > end:
            break
        rows = chosen[start : start + size]
        try:
            answers = run(ragged.pick(grown, rows))
        except ModelError as error:
            seen["refused"] = str(error)
            return
        for number, row in enumerate(rows):
            names = _changed(reference, answers, int(row), number, seen)
            changed |= names
            seen["changed_rows"] += bool(names)
        seen["padded_rows"] += len(rows)
    seen["outputs"] = sorted(changed)


def _is_grown(before: Arrays, after: Arrays) -> np.ndarray:
    pairs = zip(*(zip(ragged.shapes(before[a]), ragged.shapes(after[a]), strict=True) for a in before), strict=True)
    return np.array([any(old != new for old, new in row) for row in pairs])


def _changed(reference: Reference, answers: Arrays, row: int, number: int, seen: Merging) -> set[str]:
    """The outputs that answer a padded row otherwise than without padding."""
    names = set()
    for alias, array in reference.compared.items():
        own, padded = np.asarray(array[row]), np.asarray(answers[alias][number])
        if own.shape != padded.shape or own.dtype.kind in "OSU":
            same = own.shape == padded.shape and own.tolist() == padded.tolist()
            seen["worst"] = seen["worst"] if same else None
        else:
            one, other = own.astype(np.float64), padded.astype(np.float64)
            same = bool(np.allclose(other, one, **TOLERANCE, equal_nan=True))
            if not same and seen["worst"] is not None:
                seen["worst"] = max(seen["worst"], float(np.nanmax(np.abs(other - one), initial=0.0)))
        names |= set() if same else {alias}
    return names
