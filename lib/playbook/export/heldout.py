"""Held-out rows: what a model is asked, for each of its signatures, and the right answers where they are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from playbook.errors import ModelError
from playbook.export import inputs, rows_file
from playbook.tfserving import examples
from playbook.tfserving.reference import Arrays
from playbook.tfserving.signatures import Signature

GENERATED_ROWS = 64


@dataclass(frozen=True)
class HeldOut:
    """Rows by signature and alias. `labels` belong to the rows of every signature alike, in order.

    `metric` is "accuracy" or "r2". `image_rows` are the raw pixels (n, h, w) where the graph itself prepares images.
    """

    rows: Mapping[str, Arrays]
    labels: np.ndarray | None = None
    metric: str | None = None
    image_rows: np.ndarray | None = None
    warnings: Sequence[str] = field(default_factory=list)

    def quality(self, answers: Arrays) -> dict[str, Any] | None:
        """How good the answers to the first rows are: accuracy, or R². None without labels or without decimals."""
        seen = judged(answers)
        if self.labels is None or seen is None:
            return None
        labels = self.labels[: len(seen)]
        metric = self.metric or ("accuracy" if labels.dtype.kind in "iu" and seen.ndim == 2 else "r2")
        if metric == "accuracy":
            value = float((seen.argmax(axis=1) == labels).mean())
        else:
            spread = float(((labels - labels.mean()) ** 2).sum())
            value = 1 - float(((seen.reshape(len(labels), -1)[:, 0] - labels) ** 2).sum()) / spread if spread else 0.0
        return {"metric": metric, "value": round(value, 5), "rows": len(labels)}


def judged(answers: Arrays) -> np.ndarray | None:
    """The output that holds scores or values: the first one of decimals."""
    return next((array for _, array in sorted(answers.items()) if array.dtype.kind == "f"), None)


def collect(found: Sequence[Signature], chosen: Signature, graph: Any, settings: Mapping[str, Any]) -> HeldOut:
    """Rows for a model that brings none: the user's file where it fits, generated ones elsewhere.

    Args:
        found: All signatures of the model.
        chosen: The one that is measured: for it, rows there must be.
        graph: The model's MetaGraphDef, asked for the features it parses.
        settings: `rows_file`, `input_shapes`, `open_size` and `seed` of the notebook.

    Raises:
        ModelError: no rows for `chosen`; says what to give.
    """
    spec = examples.parsing_spec(graph)
    path = rows_file.find(settings.get("rows_file", ""))
    openings = inputs.Openings(settings.get("input_shapes") or {}, settings.get("open_size", 16))
    own = rows_file.read(path, chosen, spec) if path else None
    rows, warnings = {}, []
    for signature in sorted(found, key=lambda one: one.name != chosen.name):
        try:
            taken = _from(path, signature, spec) if path else None
            rows[signature.name] = taken or inputs.generate(signature, GENERATED_ROWS, openings, settings["seed"], spec)
        except ModelError as error:
            if signature.name == chosen.name:
                raise
            warnings.append(f"Signature {signature.name!r} has no rows, so no warm-up requests either: {error}")
    if fixed := inputs.fixed_rows(chosen):
        warnings.append(
            f"Signature {chosen.name!r} takes {fixed} rows a request, no other number: set rows_per_request: {fixed}. "
            "Requests cannot be batched; export it with an open first dimension (None) if they should be."
        )
    if own is None:
        warnings.append("Rows were generated from the signature. Real rows in `rows_file` make every number truer.")
    return HeldOut(rows, own.labels if own else None, warnings=warnings)


def _from(path: Path, signature: Signature, spec: Mapping[str, examples.Feature]) -> Arrays | None:
    """The file's rows when they fit this signature too."""
    try:
        return rows_file.read(path, signature, spec).arrays
    except ModelError:
        return None
