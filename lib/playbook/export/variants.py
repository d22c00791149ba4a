"""Variants: the same model in other forms, each measured and compared with it on its reference rows.

A form that cannot be built or run for a model is listed with the reason. TensorFlow is imported when a function
is called; everything runs on one thread.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from playbook.errors import ParameterError
from playbook.export import curve, export, freeze, lowering, publish, tensorflow_errors
from playbook.export.export import Staged
from playbook.tfserving import signatures
from playbook.tfserving.reference import Arrays

ROUNDS = 3  # the variants take turns, so that a busy moment of the machine meets all of them
TIE = 0.05  # within this share of the fastest, the smaller on disk is recommended
NEEDS = {"xla": "--xla_cpu_compilation_enabled=true", "int8": "--prefer_tflite_model=true"}


@dataclass(frozen=True)
class Built:
    """A variant on disk, ready to be called; `reason` says why it is not."""

    name: str
    path: Path | None = None
    run: Callable[[Mapping[str, np.ndarray]], Arrays] | None = None
    load_s: float | None = None
    reason: str | None = None


def measure(
    staged: Staged, names: Iterable[str], sizes: Sequence[int], budget_s: float, keep: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Build the variants and measure each: a row a variant, as kept in export.json.

    Args:
        staged: The model as trained.
        names: Of `FORMS`.
        sizes: Batch sizes of the latencies.
        budget_s: Seconds of measuring for all of them.
        keep: Signatures to keep beside the measured one; the others are pruned.

    Raises:
        ParameterError: an unknown name.
    """
    if unknown := [name for name in names if name not in FORMS]:
        raise ParameterError(f"variants names {', '.join(unknown)}; there are {', '.join(FORMS)}.")
    kept = list(dict.fromkeys((staged.signature.name, *keep)))
    with ExitStack() as open_sessions:
        built = [_build(staged, name, kept, open_sessions) for name in names]
        rows = {one.name: _row(staged, one) for one in built}
        _time(staged, [one for one in built if rows[one.name]["reason"] is None], rows, sizes, budget_s)
    return list(rows.values())


def recommend(rows: Sequence[Mapping[str, Any]], max_difference: float) -> str | None:
    """The fastest variant within the tolerance that a server runs without a further flag; None when none was measured.

    Fastest by the geometric mean over the batch sizes; of those within 5 % of it, the smallest on disk.
    """
    fit = [row for row in rows if row["latency_ms"] and row["needs"] is None and _agrees(row, max_difference)]
    if not fit:
        return None
    fastest = min(_mean_ms(row) for row in fit)
    return min((row for row in fit if _mean_ms(row) <= fastest * (1 + TIE)), key=lambda row: row["size_bytes"])["name"]


def choose(staged: Staged, rows: Sequence[Mapping[str, Any]], wanted: str, recommended: str | None) -> Staged:
    """The form to publish: "as_trained", "recommended" or a variant's name.

    Raises:
        ParameterError: that variant was not measured, or cannot be built.
    """
    name = recommended if wanted == "recommended" else wanted
    if name in (None, "as_trained"):
        return staged
    row = next((row for row in rows if row["name"] == name), None)
    if row is None or row["reason"]:
        why = row["reason"] if row else "it is not in `variants`"
        raise ParameterError(f"publish_variant {wanted!r} cannot be published: {why}. Name another, or as_trained.")
    return export.with_model(staged, staged.path.parent / name)


def _build(staged: Staged, name: str, kept: Sequence[str], open_sessions: ExitStack) -> Built:
    from playbook.export.savedmodel import Loaded

    path = staged.path if name == "as_trained" else staged.path.parent / name
    try:
        FORMS[name](staged, kept, path)
        began = time.perf_counter()
        if name == "int8":
            run = lowering.tflite_runner(path, staged.signature)
        else:
            loaded = open_sessions.enter_context(Loaded(path))
            run = loaded.runner(signatures.pick(loaded.signatures, staged.signature.name))
        return Built(name, path, run, time.perf_counter() - began)
    except Exception as error:  # TensorFlow raises anything here, and each is a finding about this model
        return Built(name, reason=tensorflow_errors.reason(error))


def _row(staged: Staged, built: Built) -> dict[str, Any]:
    """Size, load time, first answer, difference and quality of one variant; its latencies are still to come."""
    row = {"name": built.name, "needs": NEEDS.get(built.name), "reason": built.reason, "latency_ms": {}}
    row |= dict.fromkeys(("size_bytes", "load_s", "first_ms", "max_abs_diff", "quality"))
    if built.run is None or built.path is None:
        return row
    try:
        began = time.perf_counter()
        built.run(curve.take(staged.reference.inputs, staged.batch_sizes([1])[0]))
        row["first_ms"] = round((time.perf_counter() - began) * 1e3, 3)
        answers = built.run(staged.reference.inputs)
    except Exception as error:
        return row | {"reason": tensorflow_errors.reason(error)}
    lite = built.path / lowering.TFLITE_FILE
    row["size_bytes"] = lite.stat().st_size if built.name == "int8" else publish.size_bytes(built.path)
    row["load_s"] = round(built.load_s or 0.0, 4)
    row["max_abs_diff"] = largest_difference(staged.reference.outputs, answers)
    row["quality"] = staged.held_out.quality(answers)
    return row


def _time(
    staged: Staged, built: Sequence[Built], rows: Mapping[str, dict[str, Any]], sizes: Sequence[int], budget_s: float
) -> None:
    sizes = staged.batch_sizes(sizes)
    share_s = budget_s / max(1, ROUNDS * len(built) * len(sizes))
    for size in sizes:
        seen: dict[str, list[float]] = {one.name: [] for one in built}
        for _ in range(ROUNDS):
            for one in built:
                seen[one.name].append(curve.latency_ms(one.run, staged.reference.inputs, size, share_s))
        for name, latencies in seen.items():
            rows[name]["latency_ms"][str(size)] = round(float(np.median(latencies)), 5)


def largest_difference(expected: Arrays, seen: Arrays) -> float | None:
    """Largest absolute difference over all number outputs; None when a text output, or an output's name, differs."""
    if set(expected) != set(seen):
        return None
    worst = 0.0
    for alias, array in expected.items():
        if array.dtype.kind in "OSU":
            if list(array.ravel()) != list(seen[alias].ravel()):
                return None
        else:
            worst = max(worst, float(np.abs(array.astype(np.float64) - seen[alias].astype(np.float64)).max(initial=0)))
    return worst


def _mean_ms(row: Mapping[str, Any]) -> float:
    return math.exp(float(np.mean(np.log(list(row["latency_ms"].values())))))


def _agrees(row: Mapping[str, Any], max_difference: float) -> bool:
    return row["max_abs_diff"] is not None and row["max_abs_diff"] <= max_difference


def _as_trained(staged: Staged, kept: Sequence[str], path: Path) -> None:
    """It is there."""


def _inference(staged: Staged, kept: Sequence[str], path: Path) -> None:
    freeze.write(freeze.freeze(staged.path, kept), path)


def _half(dtype: str) -> Callable[[Staged, Sequence[str], Path], None]:
    def build(staged: Staged, kept: Sequence[str], path: Path) -> None:
        freeze.write(lowering.halve_weights(freeze.freeze(staged.path, kept), dtype), path)

    return build


def _xla(staged: Staged, kept: Sequence[str], path: Path) -> None:
    lowering.save_compiled(freeze.freeze(staged.path, kept), path)


def _int8(staged: Staged, kept: Sequence[str], path: Path) -> None:
    lowering.save_int8(freeze.freeze(staged.path, kept), path, staged.held_out.rows)


FORMS: dict[str, Callable[[Staged, Sequence[str], Path], None]] = {
    "as_trained": _as_trained,
    "inference": _inference,
    "bfloat16": _half("bfloat16"),
    "float16": _half("float16"),
    "xla": _xla,
    "int8": _int8,
}
