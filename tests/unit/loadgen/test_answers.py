"""Replies are compared by meaning: JSON within a tolerance, tensors by name, dtype, shape and value."""

from __future__ import annotations

import json

import numpy as np
import pytest

from loadgen.answers import Checker, json_comparer
from loadgen.protocols.tensor_replies import reply_comparer, tensors
from loadgen.rows import KINDS, Recorder, Rows, pack
from playbook.tfserving import messages

ARRAYS = [
    np.array([[0.25, 0.75], [1.5, -2.0]], np.float32),
    np.array([1e-300, 2.5], np.float64),
    np.array([-3, 7], np.int32),
    np.array([[2**40], [-1]], np.int64),
    np.array([True, False]),
    np.array([1.5, -0.5], np.float16),
    np.array([b"ape", b"\x00\xff"], object),
    np.zeros((0, 3), np.float32),
]


def reply(arrays, version=1, **spec):
    made = messages.PredictResponse()
    made.model_spec.name = spec.get("name", "digits")
    made.model_spec.version.value = version
    for name, array in arrays.items():
        made.outputs[name].CopyFrom(messages.to_tensor_proto(array))
    return made.SerializeToString()


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype}{a.shape}")
def test_a_tensor_is_read_from_the_wire_as_it_was_written(array):
    read = tensors(reply({"y": array}))[b"y"]
    assert read.shape == array.shape
    assert read.tolist() == array.tolist()


def test_typed_values_and_tensor_content_mean_the_same():
    made = messages.PredictResponse()
    made.outputs["y"].dtype = 1
    made.outputs["y"].tensor_shape.dim.add().size = 3
    made.outputs["y"].float_val.extend([1.0, 2.0, 3.0])
    same = reply_comparer(1e-6, 1e-6)
    assert same(made.SerializeToString(), reply({"y": np.array([1, 2, 3], np.float32)}))


def test_a_shorter_list_of_values_is_filled_with_its_last():
    made = messages.PredictResponse()
    made.outputs["y"].dtype = 3
    made.outputs["y"].tensor_shape.dim.add().size = 4
    made.outputs["y"].int_val.extend([1, 9])
    assert tensors(made.SerializeToString())[b"y"].tolist() == [1, 9, 9, 9]


def test_model_spec_is_left_out_and_small_differences_are_let_pass():
    same = reply_comparer(rtol=1e-4, atol=0)
    base = {"y": np.array([1.0, 2.0], np.float32), "label": np.array([b"a"], object)}
    assert same(reply(base, version=2, name="other"), reply(base))
    assert same(reply(base | {"y": np.array([1.00005, 2.0], np.float32)}), reply(base))


@pytest.mark.parametrize(
    "other",
    [
        {"y": np.array([1.0, 2.1], np.float32)},
        {"y": np.array([1.0, 2.0], np.float64)},
        {"y": np.array([[1.0, 2.0]], np.float32)},
        {"z": np.array([1.0, 2.0], np.float32)},
        {"y": np.array([1.0, 2.0], np.float32), "z": np.array([1.0], np.float32)},
        {},
    ],
)
def test_another_value_dtype_shape_or_name_is_a_wrong_answer(other):
    assert not reply_comparer(1e-4, 1e-4)(reply(other), reply({"y": np.array([1.0, 2.0], np.float32)}))


def test_other_messages_must_be_equal_but_for_field_two():
    same = reply_comparer(1e-4, 1e-4)
    assert same(b"\x0a\x02hi\x12\x01a", b"\x0a\x02hi\x12\x01b")
    assert not same(b"\x0a\x02hi", b"\x0a\x02ho")
    assert not same(b"\xff\xff", b"\x0a\x02hi")


@pytest.mark.parametrize(
    ("got", "right"),
    [
        ({"predictions": [[0.1, 0.2]]}, True),
        ({"predictions": [[0.1000001, 0.2]]}, True),
        ({"predictions": [[0.1, 0.3]]}, False),
        ({"predictions": [[0.1]]}, False),
        ({"predictions": [[0.1, 0.2], [0, 0]]}, False),
        ({"outputs": [[0.1, 0.2]]}, False),
        ({"predictions": [["0.1", 0.2]]}, False),
    ],
)
def test_json_is_compared_by_value(got, right):
    expected = json.dumps({"predictions": [[0.1, 0.2]]}).encode()
    assert json_comparer(1e-5, 1e-6)(json.dumps(got).encode(), expected) is right


def test_json_is_not_compared_by_spelling_and_nonsense_is_wrong():
    same = json_comparer(1e-5, 1e-6)
    assert same(b'{ "a":\n 1.0 , "ok": true }', b'{"ok":true,"a":1}')
    assert same(b'{"a": NaN}', b'{"a": NaN}')
    assert not same(b"<html>", b'{"a": 1}')


def judged(share, replies, expected):
    """Send `replies` (body number, reply) through a checker; how many were checked and which rows are wrong."""
    recorder, checker = Recorder(), Checker(expected, share, seed=1)
    for body, text in replies:
        recorder.start(0, 0)
        recorder.finish(0, 0, 1, pack(0, 200, len(text)))
        if checker.skip:
            checker.skip -= 1
        else:
            checker.keep(body, text, len(recorder) - 1)
    counts = checker.judge(recorder, lambda got, want: got == want)
    rows = Rows(np.frombuffer(recorder.rows, dtype=np.int64), np.zeros(len(recorder)))
    return counts, [i for i, kind in enumerate(rows.kind) if KINDS[kind] == "wrong_answer"]


def test_every_row_with_a_wrong_answer_is_marked():
    replies = [(0, b"a"), (1, b"b"), (0, b"b"), (1, b"b"), (0, b"b")]
    counts, wrong = judged(1.0, replies, [b"a", b"b"])
    assert wrong == [2, 4]
    assert counts == {"checked": 5, "wrong": 2, "unkept": 0}


def test_the_share_checked_is_the_share_asked_for_and_knows_no_pattern():
    replies = [(i % 100, b"a" if i % 100 else b"x") for i in range(100_000)]
    counts, wrong = judged(0.01, replies, [b"a"] * 100)
    assert counts["checked"] == pytest.approx(1000, rel=0.15)
    assert len(wrong) > 0, "body 0 was never among the checked"


def test_without_expected_answers_nothing_is_checked():
    counts, _ = judged(1.0, [(0, b"a")] * 10, [None])
    assert counts == {"checked": 0, "wrong": 0, "unkept": 0}
