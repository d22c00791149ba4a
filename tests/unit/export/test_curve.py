"""The batch curve finds the line that is there."""

import time

import numpy as np
import pytest

from playbook.export import curve
from playbook.tfserving import ragged


def test_the_fit_finds_the_fixed_cost_and_the_slope() -> None:
    sizes = [1, 2, 4, 8, 16, 32, 64, 128]
    fit = curve.fit(sizes, [0.2 + 0.01 * n for n in sizes])
    assert (fit["a_ms"], fit["b_ms"], fit["r2"]) == (0.2, 0.01, 1.0)
    assert fit["max_relative_error"] == 0.0


def test_residuals_are_measured_minus_fitted() -> None:
    fit = curve.fit([1, 2, 4], [1.0, 3.0, 4.0])
    fitted = [fit["a_ms"] + fit["b_ms"] * n for n in (1, 2, 4)]
    assert np.allclose(fit["residuals_ms"], np.subtract([1.0, 3.0, 4.0], fitted), atol=1e-4)
    assert fit["max_relative_error"] > 0.1


def test_one_size_says_nothing_of_what_batching_saves() -> None:
    assert curve.fit([8], [0.5]) | {"residuals_ms": None} == {
        "a_ms": 0.0, "b_ms": 0.0625, "r2": None, "residuals_ms": None, "max_relative_error": 0.0,
    }  # fmt: skip


def test_each_batch_is_made_of_real_rows_taken_over_again() -> None:
    seen = []
    rows = {"x": np.arange(3)}
    curve.measure(lambda inputs: seen.append(inputs["x"]) or {}, rows, [1, 5], budget_s=0.01)
    assert {tuple(batch) for batch in seen} == {(0,), (0, 1, 2, 0, 1)}


def test_the_curve_says_what_it_measured() -> None:
    measured = curve.measure(lambda inputs: {}, {"x": np.arange(3)}, [1, 2, 4], budget_s=0.03)
    assert measured["batch_sizes"] == [1, 2, 4]
    assert len(measured["latency_ms"]) == 3
    assert measured["latency_ms"][0] < 1.0


def test_a_curve_that_is_no_line_is_doubted() -> None:
    straight, bent = [0.2 + 0.01 * n for n in (1, 8, 64)], [0.2, 5.0, 0.9]
    assert curve.doubts({"fit": curve.fit([1, 8, 64], straight)}) == []
    (doubt,) = curve.doubts({"fit": curve.fit([1, 8, 64], bent)})
    assert "the machine was busy, or the cost is no line" in doubt


def test_lengths_are_told_by_what_they_take_beside_a_usual_row() -> None:
    """A call sleeps for as long as its row is: a row of 8 takes four times as long as one of 2."""
    lengths = [2] * 10 + [8] * 30
    rows = {"x": ragged.column([np.zeros(length, np.float32) for length in lengths])}

    def run(batch):
        time.sleep(0.002 * batch["x"].shape[1])
        return {}

    short, long = curve.by_shape([("s", run, rows)], budget_s=0.5)
    assert (short["share"], long["share"]) == (0.25, 0.75)
    assert short["of_usual"] == pytest.approx(0.25, rel=0.5)
    assert long["of_usual"] == pytest.approx(1.0, rel=0.3)
    many = ragged.column([np.zeros(length, np.float32) for length in range(1, 61)])
    spread = curve.by_shape([("s", run, {"x": many})], budget_s=0.0)
    assert [round(one["share"], 3) for one in spread] == [round(1 / 6, 3)] * 6
    assert spread[0]["of_usual"] < spread[-1]["of_usual"]
