"""Held-out rows: what a model is asked, for each of its signatures, and the right answers where they are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from playbook.errors import ModelError
from playbook.export import hints, inputs, rows_file
from playbook.tfserving import examples
from playbook.tfserving.reference import Arrays
from playbook.tfserving.signatures import Signature

GENERATED_ROWS = 64


@dataclass(frozen=True)
class HeldOut:
    """Rows by signature and alias. `labels` belong to the rows of every signature alike, in order.

    `metric` is "accuracy" or "r2"; None: labels and answers tell which. `image_rows` are the raw pixels (n, h, w) where
    the graph itself prepares images.
    """

    rows: Mapping[str, Arrays]
    labels: np.ndarray | None = None
    metric: str | None = None
    image_rows: np.ndarray | None = None
    warnings: Sequence[str] = field(default_factory=list)

    def quality(self, answers: Arrays) -> dict[str, Any] | None:
        """How good the answers to the first rows are: accuracy, or R². None without labels or without decimals."""
        scores = judged(answers)
        if self.labels is None or scores is None:
            return None
        labels = self.labels[: len(scores)]
        metric = self.metric or ("accuracy" if labels.dtype.kind in "iu" and scores.ndim == 2 else "r2")
        if metric == "accuracy":
            value = float((scores.argmax(axis=1) == labels).mean())
        else:
            spread = float(((labels - labels.mean()) ** 2).sum())
            value = 1 - float(((scores.reshape(len(labels), -1)[:, 0] - labels) ** 2).sum()) / spread if spread else 0.0
        return {"metric": metric, "value": round(value, 5), "rows": len(labels)}


def judged(answers: Arrays) -> np.ndarray | None:
    """The output that holds scores or values: the first one of decimals."""
    return next((array for _, array in sorted(answers.items()) if array.dtype.kind == "f"), None)


Refusal = Callable[[Signature, Arrays], str | None]


def collect(
    known: Sequence[Signature], chosen: Signature, graph: Any, path: Path, settings: Mapping[str, Any], refuses: Refusal
) -> HeldOut:
    """Rows for a model that brings none: the user's file where it fits, generated ones elsewhere.

    Args:
        known: All signatures of the model.
        chosen: The one that is measured: for it, rows there must be.
        graph: The model's MetaGraphDef, asked for what its inputs are.
        path: The SavedModel, whose assets may hold a vocabulary.
        settings: `rows_file`, `input_shapes`, `open_size` and `seed` of the notebook.
        refuses: The model's own words where it does not take some of these rows, else None.

    Raises:
        ModelError: no rows for `chosen`; says what to give.
    """
    file = rows_file.find(settings.get("rows_file", ""))
    rows, warnings, labels = {}, [], None
    for signature in sorted(known, key=lambda one: one.name != chosen.name):
        hinted = hints.of_signature(graph, signature, path)
        spec = next((hint.example for hint in hinted.values() if hint.example), {})
        try:
            own = _own(file, signature, spec, signature.name == chosen.name)
            if own is None:
                rows[signature.name], remarks = _generated(signature, settings, hinted, refuses)
                warnings += remarks
            else:
                rows[signature.name] = own.arrays
                labels = own.labels if signature.name == chosen.name else labels
                if signature.name != chosen.name and (words := refuses(signature, own.arrays)):
                    raise ModelError(words)
        except ModelError as error:
            if signature.name == chosen.name:
                raise
            rows.pop(signature.name, None)
            warnings.append(f"No warm-up requests for signature {signature.name!r}: {error}")
    return HeldOut(rows, labels, warnings=[*warnings, *_remarks(chosen, file is None)])


def _own(
    file: Path | None, signature: Signature, spec: Mapping[str, examples.Feature], needed: bool
) -> rows_file.OwnRows | None:
    """The file's rows; None when there is no file, or when it does not fit a signature beside the chosen one."""
    try:
        return rows_file.read(file, signature, spec) if file else None
    except ModelError:
        if needed:
            raise
        return None


def _generated(
    signature: Signature, settings: Mapping[str, Any], hinted: Mapping[str, hints.Hint], refuses: Refusal
) -> tuple[Arrays, list[str]]:
    """Rows made up as boldly as the model takes them; where narrower ones were needed, that is remarked.

    Raises:
        ModelError: it takes none; its words to the first.
    """
    openings = inputs.Openings(settings.get("input_shapes") or {}, settings.get("open_size", 16))
    first = ""
    for manner in inputs.MANNERS:
        rows = inputs.generate(signature, GENERATED_ROWS, openings, settings["seed"], hinted, manner)
        words = refuses(signature, rows)
        if words is None:
            remark = f"Signature {signature.name!r} refused generated rows ({first}); those in use are {manner.name}."
            return rows, [remark] if first else []
        first = first or words
    raise ModelError(first)


def _remarks(chosen: Signature, generated: bool) -> list[str]:
    remarks = []
    fixed = inputs.fixed_rows(chosen)
    if fixed:
        remarks.append(
            f"Signature {chosen.name!r} takes {fixed} rows a request, no other number, so the load sends that many. "
            "Requests cannot be batched; export it with an open first dimension (None) if they should be."
        )
    if generated:
        remarks.append("Rows were generated from the signature. Real rows in `rows_file` make every number truer.")
    return remarks
