"""Replies are compared by meaning: JSON within a tolerance, tensors by name, dtype, shape and value."""

from __future__ import annotations

import json

import numpy as np
import pytest

from loadgen.answers import Checker, json_comparer, shortened
from loadgen.protocols.tensor_replies import reply_comparer, tensor_text, tensors
from loadgen.rows import KINDS, UNCHECKED, Recorder, RequestRows, pack
from loadgen.verdict.answers import add_up
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
    made = messages.MESSAGES["PredictResponse"]()
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
    made = messages.MESSAGES["PredictResponse"]()
    made.outputs["y"].dtype = 1
    made.outputs["y"].tensor_shape.dim.add().size = 3
    made.outputs["y"].float_val.extend([1.0, 2.0, 3.0])
    same = reply_comparer(1e-6, 1e-6)
    assert same(made.SerializeToString(), reply({"y": np.array([1, 2, 3], np.float32)}))


def test_a_shorter_list_of_values_is_filled_with_its_last():
    made = messages.MESSAGES["PredictResponse"]()
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


def classified(label, version=1):
    made = messages.MESSAGES["ClassificationResponse"]()
    made.result.classifications.add().classes.add(label=label, score=0.5)
    made.model_spec.name, made.model_spec.version.value = "digits", version
    return made.SerializeToString()


def test_other_messages_must_be_equal_but_for_the_model_spec():
    same = reply_comparer(1e-4, 1e-4)
    assert same(classified("ape", version=1), classified("ape", version=2))
    assert not same(classified("ape"), classified("cat"))
    assert not same(b"\xff\xff", classified("ape"))


def delimited(number, payload):
    return bytes([number << 3 | 2, len(payload)]) + payload


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (b"\x1a\x02ab", b"\x1a\x02cd"),  # field 3
        (delimited(2, b"\x0a\x02ab"), delimited(2, b"\x0a\x02cd")),  # field 2, which reads as a model's name
        (b"", b"\x1a\x02cd"),
        (  # GetModelMetadata: the model spec, then the metadata, a map of text to Any
            delimited(1, b"\x0a\x01m") + delimited(2, delimited(1, b"sig") + delimited(2, delimited(1, b"one"))),
            delimited(1, b"\x0a\x01m") + delimited(2, delimited(1, b"sig") + delimited(2, delimited(1, b"two"))),
        ),
    ],
)
def test_no_two_replies_are_called_equal_unread(got, expected):
    assert not reply_comparer(1e-4, 1e-4)(got, expected)
    assert tensor_text(got) != tensor_text(expected)


def varint(number):
    return bytes([*(number >> shift & 0x7F | 0x80 for shift in range(0, 56, 7)), number >> 56])


LARGE = 1 << 50
HUGE = {
    "version of GetModelStatus": delimited(1, b"\x08" + varint(LARGE) + b"\x10\x1e"),
    "name": delimited(1, b"\x08" + varint(LARGE) + delimited(2, b"\x08\x03\x38\x01")),
    "shape": delimited(1, delimited(1, b"y") + delimited(2, b"\x08\x01\x10" + varint(LARGE))),
    "size filled with the last value": delimited(
        1,
        delimited(1, b"y")
        + delimited(2, b"\x08\x03" + delimited(2, delimited(2, b"\x08" + varint(LARGE))) + delimited(7, b"\x01")),
    ),
    "unsigned of 77 bits": delimited(
        1, delimited(1, b"y") + delimited(2, b"\x08\x17" + b"\x88\x01" + b"\xff" * 10 + b"\x7f")
    ),
    "half of more than 16 bits": delimited(1, delimited(1, b"y") + delimited(2, b"\x08\x13" + b"\x68" + varint(LARGE))),
}


@pytest.mark.parametrize("place", HUGE)
def test_a_large_number_in_a_reply_is_compared_and_not_allocated(place):
    """It was once taken for a number of bytes: a petabyte, and the worker was gone with all its rows."""
    same, reply = reply_comparer(1e-4, 1e-4), HUGE[place]
    assert not same(reply, reply + b"\x18\x01")
    assert same(reply + delimited(2, b"\x0a\x01a"), reply + delimited(2, b"\x0a\x01b"))
    assert tensor_text(reply) == repr(reply)


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
    assert same(b"plain words", b"plain words")
    assert not same(b"plain word", b"plain words")


@pytest.mark.parametrize("got", ["true", "1e400", "NaN", '"1"', "null", "[1]", "1.1", "-1"])
def test_what_is_not_the_number_expected_is_wrong(got):
    assert not json_comparer(1e-5, 1e-6)(f'{{"a": {got}}}'.encode(), b'{"a": 1}')
    assert not json_comparer(1e-5, 1e-6)(b'{"a": 1}', f'{{"a": {got}}}'.encode())


def judged(share, replies, expected):
    """Send `replies` (body number, reply) through a checker; what it says, and which rows are wrong."""
    recorder, checker = Recorder(), Checker(expected, share, seed=1)
    for body, text in replies:
        recorder.start(0, 0)
        number = UNCHECKED
        if checker.skip:
            checker.skip -= 1
        elif text == checker.first[body]:
            number = body
        else:
            number = checker.number(body, text)
        recorder.finish(0, 0, len(recorder) + 1, pack(0, 200, len(text)), number)
    told = checker.judge(recorder, lambda got, want: got == want)
    rows = RequestRows(np.frombuffer(recorder.rows, dtype=np.int64), np.zeros(len(recorder)))
    return told, [i for i, kind in enumerate(rows.kind) if KINDS[kind] == "wrong_answer"]


def test_every_row_with_a_wrong_answer_is_marked():
    replies = [(0, b"a"), (1, b"b"), (0, b"b"), (1, b"b"), (0, b"b")]
    told, wrong = judged(1.0, replies, [b"a", b"b"])
    assert wrong == [2, 4]
    first = {"body": 0, "expected": "a", "got": "b", "done_ns": 3}
    assert told == {"checked": 5, "wrong": 2, "unkept": 0, "first_wrong": first}


def test_a_server_that_is_wrong_from_the_first_reply_on_is_wrong_in_every_row():
    _, wrong = judged(1.0, [(0, b"b"), (1, b"b"), (0, b"b"), (0, b"a")], [b"a", b"b"])
    assert wrong == [0, 2]


def test_the_share_checked_is_the_share_asked_for_and_knows_no_pattern():
    replies = [(i % 100, b"a" if i % 100 else b"x") for i in range(100_000)]
    told, wrong = judged(0.01, replies, [b"a"] * 100)
    assert told["checked"] == pytest.approx(1000, rel=0.15)
    assert len(wrong) > 0, "body 0 was never among the checked"


def test_without_expected_answers_nothing_is_checked():
    told, _ = judged(1.0, [(0, b"a")] * 10, [None])
    assert told == {"checked": 0, "wrong": 0, "unkept": 0, "first_wrong": None}


def test_a_server_that_never_answers_twice_alike_is_compared_as_far_as_memory_allows(monkeypatch):
    monkeypatch.setattr("loadgen.answers.KEEP_BYTES", 100)
    told, wrong = judged(1.0, [(0, b"%05d" % i) for i in range(50)], [b"00000"])
    assert (told["checked"], told["unkept"]) == (20, 30)
    assert wrong == list(range(1, 20))


def test_long_answers_are_shown_where_they_differ():
    expected, got = ("1.0, " * 400, "1.0, " * 300 + "9.9, " + "1.0, " * 99)
    told = shortened(expected, got)
    assert "9.9" in told["got"]
    assert all(text.startswith("…") and text.endswith("…") and len(text) < 300 for text in told.values())


@pytest.mark.parametrize(("checked", "missed"), [(100, 0.0295), (30_000, 1e-4), (0, 1.0)])
def test_how_many_wrong_answers_could_have_stayed_unseen_follows_the_rule_of_three(checked, missed):
    told = add_up([{"checked": checked, "wrong": 0, "unkept": 0, "first_wrong": None}])
    assert told["could_miss_share"] == pytest.approx(missed, rel=0.01)


def test_the_first_wrong_answer_of_all_workers_is_the_earliest():
    firsts = [None, *({"body": f"{at}.body", "expected": "a", "got": "b", "done_ns": at} for at in (7, 5))]
    told = add_up([{"checked": 10, "wrong": first is not None, "unkept": 1, "first_wrong": first} for first in firsts])
    assert (told["checked"], told["wrong"], told["unkept"]) == (30, 2, 3)
    assert told["first_wrong"] == {"body": "5.body", "expected": "a", "got": "b"}
    assert told["could_miss_share"] > 2 / 30
