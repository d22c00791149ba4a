"""Does a model take rows at all? Asked before anything is measured with them, in its own words where it refuses."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from playbook.errors import ModelError
from playbook.export import asked, inputs
from playbook.tfserving import ragged
from playbook.tfserving.reference import Arrays
from playbook.tfserving.signatures import Signature

if TYPE_CHECKING:
    from playbook.export.savedmodel import Loaded

ROWS, SHAPES = 4, 8  # rows of a request, and requests, that are tried first
ALL_S = 5.0  # all rows are tried where that takes less: one value that a model refuses may stand in any


def of(loaded: Loaded, model: str) -> Callable[[Signature, Arrays], str | None]:
    """A question of a model that is loaded: its words where it refuses some of these rows, else None.

    Args:
        loaded: The model.
        model: What its words call it, instead of the place where it is staged.
    """

    def refuses(signature: Signature, rows: Arrays) -> str | None:
        try:
            _try(loaded, signature, rows)
        except ModelError as error:
            return str(error).replace(str(loaded.path), model)
        return None

    return refuses


def _try(loaded: Loaded, signature: Signature, rows: Arrays) -> None:
    fixed, tried, began = inputs.fixed_rows(signature), 0, time.perf_counter()
    for group in ragged.alike(rows)[:SHAPES]:
        few = np.resize(group, fixed or min(len(group), ROWS))
        loaded.run(signature, ragged.pick(rows, few))
        tried += len(few)
    row_s = (time.perf_counter() - began) / max(1, tried)
    if row_s * ragged.count(rows) < ALL_S:
        for part in ragged.parts(rows, asked.call_rows(rows, row_s), fixed):
            loaded.run(signature, ragged.pick(rows, part))
