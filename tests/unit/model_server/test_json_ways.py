"""The quick ways through a body read what the one way that knows all rules reads, or leave it to that way."""

from __future__ import annotations

import random

import numpy as np
import pytest

from model_server.errors import ServingError
from model_server.json import fast, rapidjson, text
from model_server.rest import inputs

SEEDS = (
    b'{"instances": [[0.5, -1.25], [3, 4e2]]}',
    b'{"inputs": [1, -0, -0.0, 16777217]}',
    b'{"instances":[[1.0000000000000002,0.1],[123456789012345678,1e-7]]}',
    b'{"instances": [0.1]}',
    b'{"instances": [[1]]} ',
)
PIECES = (
    *(
        b",",
        b"[",
        b"]",
        b"{",
        b"}",
        b":",
        b'"',
        b'"a"',
        b'"instances":',
        b" ",
        b"\n",
        b"\x00",
        b"\xff",
        b"\xef\xbb\xbf",
    ),
    *(b"0", b"-", b"+", b".", b"e", b"00", b"1.", b"1e400", b"NaN", b"Infinity", b"true", b"null"),
)


def changed(draw: random.Random) -> bytes:
    """A body with a few pieces put in, taken out or doubled."""
    body = draw.choice(SEEDS)
    for _ in range(draw.randint(0, 3)):
        start = draw.randint(0, len(body))
        stop = min(len(body), start + draw.choice((0, 0, 1, 1, 4)))
        body = body[:start] + draw.choice((b"", draw.choice(PIECES), body[start:stop] * 2)) + body[stop:]
    return body


def by_all_rules(body: bytes, dtype: int) -> tuple[bool, np.ndarray] | None:
    try:
        document = rapidjson.parse(body)
        row_format, tensors = inputs.read_inputs(document, {"x": dtype})  # type: ignore[arg-type]
    except (ServingError, TypeError, AttributeError):
        return None
    return row_format, tensors["x"]


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("dtype", [1, 2])
def test_the_quick_way_reads_no_body_that_the_rules_read_otherwise(compiled, dtype, monkeypatch):
    if not compiled:
        monkeypatch.setattr(fast, "float_reader", None)
    draw, quick = random.Random(7), 0
    for _ in range(6000):
        body = changed(draw)
        read = fast.read(body, dtype)
        if read is None:
            continue
        quick += 1
        expected = by_all_rules(body, dtype)
        assert expected is not None, body
        assert read[0] == expected[0], body
        assert read[1].shape == expected[1].shape, body
        assert read[1].tobytes() == expected[1].tobytes(), body
    assert quick > 500


def test_orjson_reads_no_body_that_the_rules_read_otherwise():
    draw, both = random.Random(8), 0
    for _ in range(6000):
        body = changed(draw)
        try:
            by_rules = repr(rapidjson.parse(body))
        except ServingError as error:
            by_rules = error.message
        try:
            by_text = repr(text.parse(body))
        except ServingError as error:
            by_text = error.message
        assert by_text == by_rules, body
        both += not by_rules.startswith("JSON Parse error")
    assert both > 500
