"""Tensors of more dimensions than numpy has, in every form the server holds them in: message, JSON, batch, graph."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from model_server.batching import padding
from model_server.calls.tensor_proto import to_array, to_proto
from model_server.deep_array import joined, shape_of, shaped
from model_server.json import reply, tensors
from model_server.rest import json_process

SHAPE = (2, *[1] * 70, 3, *[1] * 20, 2)
FLOATS = np.arange(12, dtype=np.float32)


def deep(values: np.ndarray = FLOATS) -> np.ndarray:
    return shaped(values, SHAPE)


@pytest.mark.parametrize("values", [FLOATS, np.arange(12), np.array([b"%d" % number for number in range(12)], object)])
def test_a_deep_tensor_survives_message_and_json(values):
    for as_content in (False, True):
        back = to_array(to_proto(deep(values), as_content))
        assert (shape_of(back), back.ravel().tolist()) == (SHAPE, values.tolist())
    assert [dim.size for dim in to_proto(deep()).tensor_shape.dim] == list(SHAPE)
    nested = tensors.tensor(_lists(FLOATS.tolist(), SHAPE), 1)
    assert (shape_of(nested), nested.ravel().tolist()) == (SHAPE, FLOATS.tolist())
    text = reply.column_reply({"y": nested}).decode()
    assert "".join(text.split()) == '{"outputs":' + "".join(str(_lists(FLOATS.tolist(), SHAPE)).split()) + "}"
    nested_rows = _lists(FLOATS.tolist(), SHAPE)
    assert [row.replace(" ", "") for row in reply.row_texts("y", nested)] == [
        str(row).replace(" ", "") for row in nested_rows
    ]


def _lists(values: list, shape: tuple[int, ...]) -> list:
    for size in reversed(shape[1:]):
        values = [values[start : start + size] for start in range(0, len(values), size)]
    return values


def test_its_rows_are_cut_joined_and_sent_to_another_process():
    one, two = deep()[:1], deep()[1:]
    assert shape_of(one) == (1, *SHAPE[1:])
    assert shape_of(joined([two, one, two])) == (3, *SHAPE[1:])
    assert joined([two, one]).ravel().tolist() == [*range(6, 12), *range(6)]
    for array in (one, shaped(np.array([b"a"] * 12, object), SHAPE)):
        again = pickle.loads(pickle.dumps(array, protocol=5))
        assert (shape_of(again), again.ravel().tolist()) == (shape_of(array), array.ravel().tolist())
    assert json_process.outcome_of(shape_of, [one]) == (1, *SHAPE[1:])


def test_other_dimensions_behind_the_thirty_second_are_another_shape():
    other = shaped(FLOATS, (2, *[1] * 70, 2, *[1] * 20, 3))
    assert other.shape == deep().shape
    assert not padding._are_alike([deep(), other])
    assert padding._are_alike([deep(), deep()])
    plain = FLOATS.reshape(2, *[1] * 30, 6)
    assert plain.shape == deep().shape
    assert not padding._are_alike([deep(), plain])
