"""The plan of an export: which batch sizes fit into the time asked for, told before the measuring begins.

No TensorFlow. One run is timed first, of one row and of a few; what a larger batch would take is read off the line
through both. What does not fit is left out and named.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from playbook.export import curve
from playbook.export.curve import Runner
from playbook.export.differences import TRAINED
from playbook.export.weights import MANY_BYTES
from playbook.stage_plan import StagePlan

PROBE_ROWS = 8
PROBE_S = 1.0  # the second probe has fewer rows where these would take longer
WARMUP_S = 10.0  # replaying the warm-up requests; a server needs as long at every load
WARMUP_BYTES = 64 << 20  # of one record
ROUNDS = 5  # the forms take turns, so that a busy moment of the machine meets all of them
# Seconds of processor time, fitted to graphs of 107 to 8,000 operations (TensorFlow 2.21): freezing once; building,
# loading and first running a form; what XLA takes for each batch size and TFLite for its conversion.
FREEZE_S, FREEZE_S_PER_NODE, FREEZE_S_PER_MB = 0.1, 0.0005, 0.0035
FORM_S, FORM_S_PER_NODE, FORM_S_PER_MB = 0.1, 0.00003, 0.004
XLA_S_PER_ROOT = 0.025  # times the square root of the operations
INT8_S, INT8_S_PER_MB = 0.2, 0.07
CONVERTING = 10  # times the size of a model, that TFLite's converter takes of memory (3.1 GB for 307 MB)
TOLD_GB = 0.5  # of memory, from which on that is said before it is taken
CALIBRATING = 8.0  # a row in TFLite's interpreter while it calibrates, beside one in a session


@dataclass(frozen=True)
class Cost:
    """What a batch of n rows takes, `fixed_s + row_s · n` seconds, how large the model is (MB, operations), its load.

    `stretch` is how many times as long things take here as they have the processor.
    """

    fixed_s: float
    row_s: float
    mb: float = 0.0  # of its files; Keras writes the weights into them twice
    weights_mb: float = 0.0
    nodes: int = 0
    stretch: float = 1.0
    load_s: float = 0.0  # of the model as trained
    first_s: float = 0.0  # of a signature's first run in a session beyond a later one: TensorFlow optimizes its graph
    lists: bool = False  # loops gather results in lists, of which there is no int8 form

    def of(self, rows: int) -> float:
        """Seconds of one batch."""
        return self.fixed_s + self.row_s * rows


@dataclass(frozen=True)
class ExportPlan:
    """Batch sizes of the curve, the forms and the warm-up; seconds expected for each; what was left out, in words."""

    curve_sizes: tuple[int, ...]
    variant_sizes: tuple[int, ...]
    warmup_sizes: tuple[int, ...]
    compared_rows: int
    variants: tuple[str, ...]
    curve_s: float
    variant_s: float
    building_s: float
    warmup_s: float
    left_out: tuple[str, ...]
    cost: Cost
    began: float = field(default_factory=time.monotonic)

    @property
    def apart(self) -> bool:
        """Whether the model is so large that forms are open one at a time, each beside the model as trained."""
        return _apart(self.cost, self.variants)

    @property
    def expected_s(self) -> float:
        """Seconds from here to the published version."""
        return self.curve_s + self.variant_s + self.building_s + self.warmup_s


def probe(run: Runner, rows: Mapping[str, np.ndarray], fixed: int | None) -> Cost:
    """Time one row, the first time and later on, and a few."""
    least = fixed or 1
    began = time.perf_counter()
    run(curve.take(rows, least))
    first_s, one_s = time.perf_counter() - began, _once(run, rows, least)
    first_s = max(0.0, first_s - one_s)
    more = least if fixed else int(np.clip(PROBE_S / max(one_s, 1e-6), 1, PROBE_ROWS))
    if more == least:
        return Cost(0.0, one_s / least, first_s=first_s)
    few_s = _once(run, rows, more)
    row_s = max((few_s - one_s) / (more - least), few_s / more / 10)
    return Cost(max(0.0, one_s - row_s * least), row_s, first_s=first_s)


def make(
    cost: Cost, settings: Mapping[str, Any], fixed: int | None, reference_rows: int, signatures: int = 1
) -> ExportPlan:
    """The plan for the notebook's parameters.

    Args:
        cost: Of one batch.
        settings: `curve_batch_sizes`, `curve_s`, `variants`, `variant_batch_sizes`, `variant_s` and `warmup_sizes`.
        fixed: The only number of rows a request may have.
        reference_rows: Rows that a form can be compared on.
        signatures: How many get warm-up requests.
    """
    names = tuple(settings["variants"])
    rounds = len(names) * (ROUNDS + 1)
    if _apart(cost, names):  # a form's, and in two parts those of the model as trained beside it
        rounds = (len(names) - 1) * (2 * ROUNDS + 3)
    wanted = {
        "batch curve": (settings["curve_batch_sizes"], settings["curve_s"], curve.UNCOUNTED + curve.MIN_RUNS),
        "forms": (settings["variant_batch_sizes"], settings["variant_s"], rounds),
        "warm-up": (settings["warmup_sizes"], WARMUP_S, signatures),
    }
    kept, spent, left_out = {}, {}, []
    for part, (sizes, budget_s, runs) in wanted.items():
        sizes = [fixed] if fixed else sorted(set(sizes))
        kept[part] = _within(cost, sizes, budget_s, runs)
        least_s = runs * sum(map(cost.of, kept[part]))
        spent[part] = least_s if part == "warm-up" else max(budget_s, least_s) if runs and kept[part] else 0.0
        left_out += _named(part, [size for size in sizes if size not in kept[part]], cost, least_s, budget_s)
    spent["batch curve"] += cost.load_s + cost.first_s  # each opens the model anew
    spent["warm-up"] += cost.load_s + signatures * cost.first_s
    compared = _compared(cost, settings["variant_s"], len(names), reference_rows, fixed)
    comparing_s = len(names) * cost.of(compared)
    return ExportPlan(
        tuple(kept["batch curve"]), tuple(kept["forms"]) if names else (), tuple(kept["warm-up"]), compared, names,
        spent["batch curve"], spent["forms"] + comparing_s if names else 0.0,
        building_s(names, cost, len(kept["forms"]), compared), spent["warm-up"], tuple(left_out if names else
        [one for one in left_out if "forms" not in one]), cost,
    )  # fmt: skip


def building_s(names: Sequence[str], cost: Cost, sizes: int, rows: int = 0) -> float:
    """About how long building and loading these forms takes: by the size of the graph and of its weights.

    Args:
        names: The forms.
        cost: Of the model.
        sizes: Batch sizes, each of which XLA compiles.
        rows: On which int8 is calibrated.
    """
    if not names:
        return 0.0
    made = [name for name in names if name != TRAINED]
    seconds = len(made) * (FORM_S + FORM_S_PER_NODE * cost.nodes + FORM_S_PER_MB * cost.weights_mb)
    if made:
        seconds += FREEZE_S + FREEZE_S_PER_NODE * cost.nodes + FREEZE_S_PER_MB * cost.weights_mb
    if "xla" in made:
        seconds += (sizes + 1) * XLA_S_PER_ROOT * cost.nodes**0.5
    opened = (TRAINED in names) + (2 * len(made) if _apart(cost, names) else 0)  # as trained: before and after a form
    opened_s = opened * (cost.load_s + cost.first_s)
    if "int8" not in made or cost.lists:
        return opened_s + cost.stretch * seconds
    seconds += INT8_S + INT8_S_PER_MB * cost.weights_mb
    return opened_s + cost.stretch * seconds + CALIBRATING * rows * cost.row_s


def stage(plan: ExportPlan) -> StagePlan:
    """The plan of the stage, for the notebook and the progress line."""
    forms = f"{len(plan.variants)} forms at {_list(plan.variant_sizes)} rows{_converting(plan)}"
    parts = [
        (forms, plan.variant_s + plan.building_s if plan.variants else 0.0),
        (f"warm-up requests of {_list(plan.warmup_sizes)} rows", plan.warmup_s),
        (f"batch curve at {_list(plan.curve_sizes)} rows", plan.curve_s),
    ]
    return StagePlan.of(parts, plan.left_out)


def _converting(plan: ExportPlan) -> str:
    """What TFLite will take of memory, where that is much."""
    needs_gb = CONVERTING * plan.cost.weights_mb / 1e3
    if "int8" not in plan.variants or plan.cost.lists or needs_gb < TOLD_GB:
        return ""
    return f" (int8 with up to {needs_gb:.1f} GB of memory, and only where twice that is free)"


def held(plan: ExportPlan) -> dict[str, Any]:
    """What export.json keeps: seconds expected and taken since the plan was made, what was left out, what was timed."""
    took_s, cost = time.monotonic() - plan.began, plan.cost
    told = {"expected_s": round(plan.expected_s, 1), "took_s": round(took_s, 1), "left_out": list(plan.left_out)}
    timed = {"load_s": round(cost.load_s, 3), "first_run_s": round(cost.first_s, 3)}
    return told | timed | {"operations": cost.nodes, "weights_mb": round(cost.weights_mb, 1)}


def _apart(cost: Cost, names: Sequence[str]) -> bool:
    return cost.mb * 1e6 >= MANY_BYTES and len(names) > 1 and TRAINED in names


def _once(run: Runner, rows: Mapping[str, np.ndarray], size: int) -> float:
    batch = curve.take(rows, size)
    lasted_s: list[float] = []
    run(batch)
    end = time.perf_counter() + 0.1
    while not lasted_s or (time.perf_counter() < end and len(lasted_s) < curve.MIN_RUNS):
        began = time.perf_counter()
        run(batch)
        lasted_s.append(time.perf_counter() - began)
    return float(np.median(lasted_s))


def _within(cost: Cost, sizes: Sequence[int], budget_s: float, runs: int) -> list[int]:
    """The smallest sizes whose least number of runs fits; the first one is always in."""
    kept: list[int] = []
    for size in sizes:
        if kept and runs * (sum(map(cost.of, kept)) + cost.of(size)) > budget_s:
            break
        kept.append(size)
    return kept


def _named(part: str, missing: Sequence[int], cost: Cost, least_s: float, budget_s: float) -> list[str]:
    remarks = []
    if missing:
        one_s = _seconds(cost.of(missing[0]))
        remarks.append(f"{part} at {_list(missing)} rows: one batch of {missing[0]} takes {one_s}")
    if least_s > budget_s * 1.25:
        remarks.append(f"no more of {part}, whose least takes {_seconds(least_s)} instead of {_seconds(budget_s)}")
    return remarks


def _compared(cost: Cost, budget_s: float, forms: int, rows: int, fixed: int | None) -> int:
    """Rows on which each form is compared: a quarter of the budget, at least 8 of them."""
    fits = int(budget_s / 4 / max(1, forms) / max(cost.row_s, 1e-9))
    count = min(rows, max(8, fits))
    return max(fixed, count // fixed * fixed) if fixed else count


def _list(sizes: Sequence[int]) -> str:
    return ", ".join(map(str, sizes)) or "no"


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 0.1 else f"{seconds * 1e3:.2g} ms"
