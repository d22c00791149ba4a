"""Variants: the same model in other forms, each measured and compared with it on its reference rows.

A form that cannot be built or run for a model is listed with the reason. TensorFlow is imported when a function
is called; everything runs on one thread.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from playbook import progress
from playbook.errors import ParameterError
from playbook.export import asked, curve, export, freeze, lowering, publish, tensorflow_errors, turns
from playbook.export.budget import ROUNDS, ExportPlan
from playbook.export.differences import TRAINED, largest
from playbook.export.export import Staged
from playbook.tfserving import ragged, signatures
from playbook.tfserving.reference import Arrays, Reference

NEEDS = {"xla": "--xla_cpu_compilation_enabled=true", "int8": "--prefer_tflite_model=true"}
LATE, LATE_S = 1.25, 3.0  # of the plan, and beyond it at least: a form that is not begun by then is left out
MOST_SHAPES = 3  # of the rows that forms are compared on
Frozen = Callable[[], freeze.Frozen]
Form = Callable[[Staged, Frozen, Path, int], None]  # the last: rows that there is time to run
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Built:
    """A variant on disk, ready to be called; `reason` says why it is not."""

    name: str
    path: Path | None = None
    run: Callable[[Mapping[str, np.ndarray]], Arrays] | None = None
    load_s: float | None = None
    reason: str | None = None


class _Freezing:
    """The frozen graph for all forms, made when the first one asks; where that fails, for the same reason for each."""

    def __init__(self, path: Path, kept: Sequence[str]) -> None:
        self._make = functools.partial(freeze.freeze, path, kept)
        self._made: freeze.Frozen | None = None
        self._error: Exception | None = None

    def __call__(self) -> freeze.Frozen:
        """The graph, or the error that there was."""
        if self._made is None and self._error is None:
            try:
                self._made = self._make()
            except Exception as error:  # TensorFlow raises anything here
                self._error = error
        if self._made is None:
            raise self._error or RuntimeError("nothing was frozen")
        return self._made

    def forget(self) -> None:
        """Remove what it left beside the model."""
        if self._made is not None:
            self._made.weights.forget()


Build = Callable[[str, ExitStack], tuple[Built, dict[str, Any]]]


def check_names(names: Iterable[str]) -> None:
    """Know every name.

    Raises:
        ParameterError: an unknown one.
    """
    if unknown := [name for name in names if name not in FORMS]:
        raise ParameterError(f"variants names {', '.join(unknown)}; there are {', '.join(FORMS)}.")


def measure(staged: Staged, plan: ExportPlan, budget_s: float, keep: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Build the variants and measure each: a row a variant, as kept in export.json.

    Args:
        staged: The model as trained.
        plan: Which forms, at which batch sizes, compared on how many rows.
        budget_s: Seconds of measuring for all of them.
        keep: Signatures to keep beside the measured one and those of the request mix; the others are pruned.

    Raises:
        ParameterError: an unknown name.
    """
    check_names(plan.variants)
    if not plan.variants:
        return []
    kept = list(dict.fromkeys((staged.signature.name, *staged.others, *keep)))
    frozen = _Freezing(staged.path, kept)
    fed = _compared(staged.reference, plan.compared_rows)
    planned_s = plan.building_s + plan.variant_s
    end = time.monotonic() + max(LATE * planned_s, planned_s + LATE_S)
    with progress.live("forms", len(plan.variants) + ROUNDS) as bar:

        def build(name: str, sessions: ExitStack) -> tuple[Built, dict[str, Any]]:
            bar.update(plan.variants.index(name), f"building {name}; about {plan.expected_s:.0f} s in all")
            late = time.monotonic() > end and name != TRAINED
            one = Built(name, reason=_late(plan)) if late else _build(staged, name, frozen, len(fed), sessions)
            return one, _row(staged, one, fed, plan.variant_sizes)

        try:
            if plan.apart:
                return _one_at_a_time(staged, plan, budget_s, build)
            return _all(staged, plan, budget_s, build, lambda done: bar.update(done + len(plan.variants), "timing"))
        finally:
            frozen.forget()


def _all(staged: Staged, plan: ExportPlan, budget_s: float, build: Build, progressed: Callable[[int], None]) -> Rows:
    """Every form is open, and all of them take turns."""
    with ExitStack() as sessions:
        forms = [build(name, sessions) for name in plan.variants]
        able = [(one.run, row) for one, row in forms if row["reason"] is None and one.run]
        turns.take(able, staged.reference.inputs, plan.variant_sizes, budget_s, progressed)
    return [row for _, row in forms]


def _one_at_a_time(staged: Staged, plan: ExportPlan, budget_s: float, build: Build) -> Rows:
    """One form is open, before and after it the model as trained: no more of a large model is in memory."""
    rows, inputs, sizes = dict[str, dict[str, Any]](), staged.reference.inputs, plan.variant_sizes
    for name in sorted(plan.variants, key=lambda name: name != TRAINED):
        turn = turns.Beside(inputs, sizes, budget_s / (len(plan.variants) - 1))
        if name != TRAINED:
            _trained(staged, turn, turns.BEFORE)
        with ExitStack() as sessions:
            one, rows[name] = build(name, sessions)
            timed = name != TRAINED and rows[name]["reason"] is None and one.run is not None
            if timed and one.run:
                turn.form((one.run, rows[name]))
            del one  # and what it holds in memory
        if timed:
            _trained(staged, turn, ROUNDS - turns.BEFORE)
            turn.keep(rows[name], rows[TRAINED])
    if not rows[TRAINED]["round_ms"]:
        turn = turns.Beside(inputs, sizes, 2 * budget_s)
        _trained(staged, turn, ROUNDS)
        turn.keep({}, rows[TRAINED])
    return [rows[name] for name in plan.variants]


def _trained(staged: Staged, turn: turns.Beside, rounds: int) -> None:
    from playbook.export.savedmodel import Loaded

    with Loaded(staged.path) as trained:
        turn.trained(trained.runner(staged.signature), rounds)


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


def _compared(reference: Reference, rows: int) -> Reference:
    """Rows of the most frequent shapes: XLA compiles each shape by itself."""
    groups = sorted(ragged.alike(reference.inputs), key=len, reverse=True)[:MOST_SHAPES]
    return reference.take(np.sort(np.concatenate(groups))[:rows])


def _late(plan: ExportPlan) -> str:
    return f"left out: the plan's {plan.building_s + plan.variant_s:.0f} s for all forms are over"


def _build(staged: Staged, name: str, frozen: Frozen, rows: int, open_sessions: ExitStack) -> Built:
    from playbook.export.savedmodel import Loaded

    path = staged.path if name == "as_trained" else staged.path.parent / name
    try:
        FORMS[name](staged, frozen, path, rows)
        began = time.perf_counter()
        if name == "int8":
            run = lowering.tflite_runner(path, staged.signature)
        else:
            loaded = open_sessions.enter_context(Loaded(path))
            run = loaded.runner(signatures.pick(loaded.signatures, staged.signature.name))
        return Built(name, path, run, time.perf_counter() - began)
    except Exception as error:  # TensorFlow raises anything here, and each is a finding about this model
        return Built(name, reason=tensorflow_errors.reason(error))


def _row(staged: Staged, built: Built, fed: Reference, sizes: Sequence[int]) -> dict[str, Any]:
    """Size, load time, first answer, differences and quality of one variant; its latencies are still to come."""
    row: dict[str, Any] = {"name": built.name, "needs": NEEDS.get(built.name), "reason": built.reason}
    row |= {"latency_ms": {}, "round_ms": {}, "beside_ms": {}, "compared_rows": None}
    row |= dict.fromkeys(("size_bytes", "load_s", "first_ms", "max_abs_diff", "max_rel_diff", "quality"))
    if built.run is None or built.path is None:
        return row
    size = max([size for size in sizes if size <= len(fed)], default=min(sizes))
    try:
        began = time.perf_counter()
        built.run(curve.take(fed.inputs, staged.batch_sizes([1])[0]))
        row["first_ms"] = round((time.perf_counter() - began) * 1e3, 3)
        answers = asked.run_all(built.run, fed.inputs, fed.fixed_rows or size, size)
    except Exception as error:
        return row | {"reason": tensorflow_errors.reason(error)}
    lite = built.path / lowering.TFLITE_FILE
    row["size_bytes"] = lite.stat().st_size if built.name == "int8" else publish.size_bytes(built.path)
    row["load_s"] = round(built.load_s or 0.0, 4)
    compared = {alias: array for alias, array in answers.items() if alias not in fed.ignored}
    row["max_abs_diff"], row["max_rel_diff"] = largest(fed.compared, compared)
    row["compared_rows"] = len(fed)
    row["quality"] = staged.held_out.quality(answers)
    return row


def _as_trained(staged: Staged, frozen: Frozen, path: Path, rows: int) -> None:
    """It is there."""


def _inference(staged: Staged, frozen: Frozen, path: Path, rows: int) -> None:
    freeze.write(frozen(), path)


def _half(dtype: str) -> Form:
    def build(staged: Staged, frozen: Frozen, path: Path, rows: int) -> None:
        freeze.write(lowering.halve_weights(frozen(), dtype), path)

    return build


def _xla(staged: Staged, frozen: Frozen, path: Path, rows: int) -> None:
    lowering.save_compiled(frozen(), path)


def _int8(staged: Staged, frozen: Frozen, path: Path, rows: int) -> None:
    lowering.save_int8(frozen(), path, staged.held_out.rows, rows)


FORMS: dict[str, Form] = {
    "as_trained": _as_trained,
    "inference": _inference,
    "bfloat16": _half("bfloat16"),
    "float16": _half("float16"),
    "xla": _xla,
    "int8": _int8,
}
