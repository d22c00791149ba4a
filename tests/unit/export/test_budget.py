"""The plan of an export fits into the seconds given, and names what does not."""

import time
from dataclasses import replace

import numpy as np
import pytest

from playbook.export import budget

WISHES = {
    "curve_batch_sizes": [1, 2, 4, 8, 16, 32, 64, 128],
    "curve_s": 1.0,
    "variants": ["as_trained", "inference"],
    "variant_batch_sizes": [1, 8, 32, 128],
    "variant_s": 3.0,
    "warmup_sizes": [1, 2, 4, 8],
}


def plan(row_s: float, fixed: int | None = None, **other) -> budget.ExportPlan:
    return budget.make(budget.Cost(0.0, row_s), WISHES | other, fixed, 64)


def test_a_quick_model_gets_everything() -> None:
    whole = plan(1e-5)
    assert whole.curve_sizes == (1, 2, 4, 8, 16, 32, 64, 128)
    assert whole.variant_sizes == (1, 8, 32, 128)
    assert whole.warmup_sizes == (1, 2, 4, 8)
    assert (whole.compared_rows, whole.left_out) == (64, ())
    assert "Left out" not in budget.stage(whole).words()


@pytest.mark.parametrize("row_s", [0.001, 0.01, 0.09, 1.0])
def test_the_least_number_of_runs_of_what_is_kept_fits(row_s: float) -> None:
    kept = plan(row_s)
    runs = budget.curve.UNCOUNTED + budget.curve.MIN_RUNS
    assert len(kept.curve_sizes) == 1 or runs * row_s * sum(kept.curve_sizes) <= 1.0
    assert len(kept.variant_sizes) == 1 or 2 * (budget.ROUNDS + 1) * row_s * sum(kept.variant_sizes) <= 3.0
    assert row_s * sum(kept.warmup_sizes) <= budget.WARMUP_S
    assert kept.compared_rows >= 8


def test_what_is_left_out_is_named_with_what_it_would_take() -> None:
    slow = plan(0.07)
    assert any(one.startswith("batch curve at 4, 8, 16, 32, 64, 128 rows: one batch of 4 takes 0.3 s") for one in
               slow.left_out)  # fmt: skip
    assert "About " in budget.stage(slow).words()
    hopeless = plan(9.0)
    assert hopeless.curve_sizes == (1,)
    assert any("whose least takes 36.0 s instead of 1.0 s" in one for one in hopeless.left_out)
    assert hopeless.expected_s > 36


def test_a_fixed_number_of_rows_is_the_only_size() -> None:
    assert plan(0.001, fixed=8).curve_sizes == plan(0.001, fixed=8).warmup_sizes == (8,)
    assert plan(0.001, fixed=8).compared_rows % 8 == 0


def test_the_probe_finds_the_fixed_cost_and_the_cost_of_a_row() -> None:
    def run(inputs: dict) -> dict:
        time.sleep(0.02 + 0.01 * len(inputs["x"]))
        return {}

    cost = budget.probe(run, {"x": np.zeros((64, 2))}, None)
    assert cost.of(32) == pytest.approx(0.34, rel=0.5)
    assert cost.of(1) == pytest.approx(0.03, rel=0.5)


def test_forms_that_nobody_asked_for_cost_nothing() -> None:
    assert plan(0.001, variants=[]).variant_s == plan(0.001, variants=[]).building_s == 0


def test_the_first_run_is_timed_apart_and_counted_wherever_the_model_is_opened_anew() -> None:
    asked: list[int] = []

    def run(inputs: dict) -> dict:
        asked.append(len(inputs["x"]))
        time.sleep(0.4 if len(asked) == 1 else 0.01)
        return {}

    cost = budget.probe(run, {"x": np.zeros((64, 2))}, None)
    assert cost.first_s > 0.1
    slow = replace(budget.Cost(0.0, 0.01), load_s=2.0, first_s=1.0)
    opened, quick = (budget.make(one, WISHES, None, 64, 2) for one in (slow, budget.Cost(0.0, 0.01)))
    assert opened.curve_s - quick.curve_s == pytest.approx(2.0 + 1.0)
    assert opened.warmup_s - quick.warmup_s == pytest.approx(2.0 + 2 * 1.0)  # two signatures
    assert budget.held(opened)["first_run_s"] == 1.0


def test_what_int8_takes_of_memory_is_said_before_where_it_is_much() -> None:
    large, small = (budget.Cost(0.0, 0.01, mb=mb, weights_mb=mb) for mb in (300.0, 20.0))
    said = [budget.stage(budget.make(cost, WISHES | {"variants": ["as_trained", "int8"]}, None, 64)).words()
            for cost in (large, small, replace(large, lists=True))]  # fmt: skip
    assert ["3.0 GB of memory" in words for words in said] == [True, False, False]
    assert "GB" not in budget.stage(budget.make(large, WISHES, None, 64)).words()


def test_a_large_model_is_loaded_anew_before_and_after_each_of_its_forms() -> None:
    names = ["as_trained", "inference", "float16"]
    small, large = (budget.Cost(0.0, 0.01, mb=mb, load_s=2.0, first_s=1.0) for mb in (60.0, 100.0))
    quick = [replace(cost, load_s=0.0, first_s=0.0) for cost in (small, large)]
    once, again = (budget.building_s(names, one, 1) - budget.building_s(names, other, 1)
                   for one, other in zip((small, large), quick, strict=True))  # fmt: skip
    assert (once, again) == (pytest.approx(3.0), pytest.approx(5 * 3.0))
