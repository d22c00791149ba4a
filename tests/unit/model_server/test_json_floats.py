"""Many numbers written together read as each written alone, whatever their size."""

from __future__ import annotations

import numpy as np
import pytest

from model_server.json import floats
from model_server.json.floats import float_texts, number_rows, number_texts

made = np.random.default_rng(5)
TIES = np.arange(1, 40_001) / 2**17  # the next digit is a 5 with nothing behind it: rounding to even
POWERS = 10.0 ** np.arange(-9, 12)
BESIDE = [np.nextafter(POWERS.astype(np.float32), np.float32(side)) for side in (0, np.inf)]
CASES = {
    "probabilities": made.random(20_000),
    "logits": made.normal(0, 10, 20_000),
    "all sizes": 10 ** made.uniform(-12, 12, 20_000) * made.choice([-1, 1], 20_000),
    "few digits": np.concatenate([made.random(5_000).round(digits) for digits in range(1, 8)]),
    "ties": np.concatenate([TIES, TIES * 1000]),
    "around powers of ten": np.concatenate([POWERS, -POWERS, *BESIDE]),
    "any bits": made.integers(0, 2**31 - 2**23, 20_000, dtype=np.uint32).view(np.float32),
    "special": np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 1.0, -3.0, 1e-45] * 5),
}


@pytest.mark.parametrize("values", CASES.values(), ids=CASES)
def test_many_together_read_as_each_alone(values):
    values = values.astype(np.float32)
    assert number_texts(values) == float_texts(values.tolist(), "f")


def test_each_text_reads_back_as_the_number():
    values = np.concatenate([CASES["all sizes"], CASES["any bits"]]).astype(np.float32)
    assert np.array_equal(np.array([float(text) for text in number_texts(values)]).astype(np.float32), values)


@pytest.mark.parametrize("values", CASES.values(), ids=CASES)
@pytest.mark.parametrize("rows", [1, 40])
def test_rows_are_the_texts_between_brackets(values, rows):
    matrix = values[: 5 * min(rows, len(values) // 5)].astype(np.float32).reshape(-1, 5)
    expected = ["[" + ", ".join(float_texts(row.tolist(), "f")) + "]" for row in matrix]
    assert number_rows(matrix) == expected


@pytest.mark.parametrize("values", CASES.values(), ids=CASES)
def test_without_the_compiled_writer_the_texts_are_the_same(monkeypatch, values):
    matrix = values[: min(len(values) // 5, 40) * 5].astype(np.float32).reshape(-1, 5)
    compiled = number_rows(matrix)
    monkeypatch.setattr(floats, "float_writer", None)
    assert number_rows(matrix) == compiled


def test_the_compiled_writer_takes_whole_rows_of_float32_only():
    writer = pytest.importorskip("model_server.float_writer", reason="no C compiler when the playbook was installed")
    assert writer.rows(np.float32([[0.5, -2], [1e-7, 3e8]]), 2) == ["[0.5, -2.0]", "[1e-07, 3e+08]"]
    with pytest.raises(TypeError, match="float32 values were expected"):
        writer.texts(np.array([0.5]))
    with pytest.raises(ValueError, match="5 values do not make rows of 2"):
        writer.rows(np.zeros(5, np.float32), 2)


def test_no_decimal_of_six_digits_lies_near_the_middle_between_two_floats():
    """Which is why the nearest double may be asked whether it reads back: every 37th of them; all took 10 s once."""
    for exponent in range(-43, 1):
        doubles = np.array([float(f"{digits}e{exponent}") for digits in range(100_000, 1_000_000, 37)])
        normal = doubles[doubles >= np.finfo(np.float32).tiny]
        from_middle = (normal.view(np.int64) & (2**29 - 1)) - 2**28  # a float has 29 bits less than a double
        assert np.abs(from_middle).min(initial=2**28) > 8
