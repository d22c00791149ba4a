"""Rows of decimals become the floats any careful reader makes of them, or are left to the ordinary way."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_server.json import fast

float_reader = pytest.importorskip("model_server.float_reader", reason="no C compiler when the playbook was installed")

FLOAT32 = 1
FLOATS = st.floats(-1e7, 1e7, allow_nan=False)
DECIMALS = st.one_of(
    st.builds("{:.{}f}".format, FLOATS, st.integers(1, 22)),
    st.builds("{:.{}f}".format, st.floats(-10, 10), st.integers(1, 22)),
    st.builds(repr, st.floats(-10, 10, width=32)),  # what `array.tolist()` gives json.dumps
    FLOATS.map(repr),
    st.integers(-(10**18), 10**18).map(str),
    st.sampled_from(["0.0", "-0.0", "0", "-0", "1.0", "0.1", "123456.5"]),
)


def body_of(rows: list[list[str]], blank: str = "") -> bytes:
    lists = ("[" + f",{blank}".join(row) + "]" for row in rows)
    return f'{{"instances":{blank}[{f",{blank}".join(lists)}]}}'.encode()


def read(body: bytes) -> np.ndarray | None:
    found = float_reader.read(body)
    return None if found is None else np.ndarray(found[0], np.float32, found[1])


def expected(body: bytes) -> np.ndarray:
    """By way of Python's own reader and correctly rounded doubles."""
    with np.errstate(over="ignore"):
        return np.array(json.loads(body)["instances"], np.float64).astype(np.float32)


def assert_same(got: np.ndarray, want: np.ndarray) -> None:
    assert got.shape == want.shape
    assert got.tobytes() == want.tobytes()  # the sign of nought too


@given(st.data(), st.integers(1, 4), st.integers(1, 60), st.sampled_from(["", " "]))
@settings(max_examples=300, deadline=None)
def test_what_is_read_is_what_json_and_numpy_read(data, rows, width, blank) -> None:
    body = body_of([data.draw(st.lists(DECIMALS, min_size=width, max_size=width)) for _ in range(rows)], blank)
    got = read(body)
    if got is not None:
        assert_same(got, expected(body))


MESSES = st.lists(st.tuples(st.integers(0), st.sampled_from(["cut", *'[],.-0 e}{:"\n\xff'])), min_size=1, max_size=3)


@given(st.lists(DECIMALS, min_size=40, max_size=60), MESSES)
@settings(max_examples=500, deadline=None)
def test_a_body_that_is_no_json_is_never_read(row, messes) -> None:
    body = body_of([row, row])
    for place, mess in messes:
        at = place % len(body)
        body = body[:at] + (b"" if mess == "cut" else mess.encode("latin-1")) + body[at + (mess == "cut") :]
    got = read(body)
    if got is not None:
        assert_same(got, expected(body))  # json.loads raises where it is no JSON


@pytest.mark.parametrize("digits", range(14, 23))
def test_halfway_between_two_floats_is_rounded_as_through_a_double(digits) -> None:
    made = np.random.default_rng(digits)
    below = np.abs(made.normal(size=400)).astype(np.float32)
    halves = (below.astype(np.float64) + np.nextafter(below, np.float32(9)).astype(np.float64)) / 2
    read_here = 0
    for half in halves:
        body = body_of([["0.5"] * 40 + [f"{half:.{digits}f}"]])
        got = read(body)
        read_here += got is not None
        if got is not None:
            assert_same(got, expected(body))
    assert (read_here == 400) is (digits < 16)  # with more digits some are too near to tell, and are left


TAKEN = {
    "pixels": ["0.0", "0.03529412", "1.0"],
    "float32 through tolist": ["0.03529411926865578", "0.007843137718737125", "0.0001220703125"],
    "measurements": ["-12.5", "98.60", "1013.25"],
    "whole numbers": ["0", "255", "-7", "123456789"],
}


@pytest.mark.parametrize("numbers", TAKEN.values(), ids=TAKEN)
@pytest.mark.parametrize("blank", ["", " "])
@pytest.mark.parametrize("rows", [1, 3])
def test_the_numbers_of_ordinary_requests_are_read(numbers, blank, rows) -> None:
    body = body_of([numbers * 20] * rows, blank)
    assert_same(read(body), expected(body))


LEFT = {
    "an exponent": body_of([["0.5"] * 40 + ["1e-05"]]),
    "23 digits behind the point": body_of([["0.5"] * 40 + ["0.00000000000000000000001"]]),
    "19 digits": body_of([["0.5"] * 40 + ["1234567890123456789"]]),
    "minus nought as an integer": body_of([["0.5"] * 40 + ["-0"]]),
    "rows of unequal length": body_of([["0.5"] * 40, ["0.5"] * 39]),
    "a flat list": b'{"instances":[' + b",".join([b"0.5"] * 60) + b"]}",
    "columns": body_of([["0.5"] * 60]).replace(b"instances", b"inputs"),
    "rows within rows": body_of([["0.5"] * 60]).replace(b"[[", b"[[[").replace(b"]]", b"]]]"),
    "a signature's name behind": body_of([["0.5"] * 60])[:-1] + b',"signature_name":"other"}',
    "a line's end": body_of([["0.5"] * 60]) + b"\n",
    "two blanks": body_of([["0.5"] * 60], "  "),
    "an end behind a row": body_of([["0.5"] * 60])[:-2],
    "an end within the next row": body_of([["0.5"] * 60])[:-2] + b",[",
    "a leading zero": body_of([["0.5"] * 40 + ["01.5"]]),
    "no digit behind the point": body_of([["0.5"] * 40 + ["1."]]),
    "no digit before it": body_of([["0.5"] * 40 + [".5"]]),
    "a letter in the last number": body_of([["0.5"] * 60 + ["0.x"]]),
    "a letter in the first number": body_of([["0.x"] + ["0.5"] * 60]),
    "a word": body_of([["0.5"] * 40 + ["null"]]),
    "nothing": b"",
}


@pytest.mark.parametrize("body", LEFT.values(), ids=LEFT)
def test_everything_else_is_left_to_the_ordinary_way(body) -> None:
    assert float_reader.read(body) is None


def test_only_bytes_are_read() -> None:
    with pytest.raises(TypeError):
        float_reader.read(bytearray(body_of([["0.5"] * 60])))


@pytest.mark.parametrize("numbers", TAKEN.values(), ids=TAKEN)
def test_without_the_compiled_reader_the_answer_is_the_same(monkeypatch, numbers) -> None:
    body = body_of([numbers * 20] * 2)
    compiled = fast.read(body, FLOAT32)
    monkeypatch.setattr(fast, "float_reader", None)
    plain = fast.read(body, FLOAT32)
    assert compiled[0] is plain[0] is True
    assert_same(compiled[1], plain[1])
