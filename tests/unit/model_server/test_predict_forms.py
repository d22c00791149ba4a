"""Predict messages that come in one form: what is taken from their bytes is what protobuf and the parser say."""

from __future__ import annotations

import numpy as np
import pytest
from harness import predict_request, tensor
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_serving.apis import predict_pb2

from model_server.calls.tensor_proto import to_array, to_proto
from model_server.element_types import NUMBERS
from model_server.predict_forms import RequestForms, form_of, reply_form

NUMERIC = sorted((dtype for dtype in NUMBERS if dtype.char != "O"), key=str)
SHAPES = st.lists(st.integers(1, 4), max_size=3)


def request_of(array: np.ndarray, as_content: bool = True) -> predict_pb2.PredictRequest:
    return predict_request("m", signature="s", x=to_proto(array, as_content))


@given(st.sampled_from(NUMERIC), SHAPES, st.booleans(), st.integers(0, 2**32))
def test_the_numbers_of_a_form_are_those_protobuf_reads(dtype, shape, as_content, seed):
    chance, forms = np.random.default_rng(seed), RequestForms()

    def message() -> bytes:
        size = int(np.prod(shape)) * dtype.itemsize
        raw = chance.integers(0, 2, size, np.uint8) if dtype.char == "?" else chance.integers(0, 60, size, np.uint8)
        return request_of(raw.view(dtype).reshape(shape), as_content).SerializeToString()

    first = message()
    forms.remember(first, predict_pb2.PredictRequest.FromString(first))
    for _ in range(3):
        again = message()
        form = forms.form_of(again)
        if form is None:
            assert not as_content, "content always has a form"
            assert dtype not in (np.float32, np.float64) or len(again) != len(first)
            continue
        expected = predict_pb2.PredictRequest.FromString(again)
        array = to_array(expected.inputs[form.alias])
        assert (form.spec.name, form.signature_name, form.alias) == ("m", "s", "x")
        assert (form.array(again).dtype, form.array(again).shape) == (array.dtype, array.shape)
        assert form.array(again).tobytes() == array.tobytes()


ROW = np.array([[1.0, 2.0, 3.0]], np.float32)


def changed(**changes: object) -> tuple[bytes, predict_pb2.PredictRequest]:
    request = request_of(ROW)
    proto = request.inputs["x"]
    for name, value in changes.items():
        if name == "shape":
            proto.tensor_shape.dim[0].size = value
        elif name == "second":
            request.inputs["y"].CopyFrom(proto)
        elif name == "filter":
            request.output_filter.append(value)
        elif name == "no_model":
            request.ClearField("model_spec")
        elif name == "values":
            proto.ClearField("tensor_content")
            proto.float_val.extend(value)
        else:
            setattr(proto, name, value)
    return request.SerializeToString(), request


@pytest.mark.parametrize(
    "changes",
    [
        {"shape": 2},
        {"second": True},
        {"filter": "y"},
        {"no_model": True},
        {"dtype": 7},
        {"dtype": 99},
        {"version_number": 3},
        {"values": [1.0]},
        {"values": []},
        {"tensor_content": b""},
        {"tensor_content": b"\0" * 11},
    ],
    ids=str,
)
def test_what_is_not_that_plain_has_no_form(changes):
    assert form_of(*changed(**changes)) is None


def test_a_number_that_is_repeated_and_looks_like_its_own_head_has_no_form():
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "m"
    proto = request.inputs["x"]
    proto.dtype = 1
    proto.tensor_shape.dim.add(size=2)
    proto.float_val.append(np.frombuffer(b"\x08\x02\x2a\x04", np.float32)[0])
    message = request.SerializeToString()
    assert message.endswith(b"\x08\x02\x2a\x04" * 2), "as if both numbers were there"
    assert form_of(message, request) is None


def test_bytes_that_are_not_canonical_have_no_form():
    message, request = changed()
    assert form_of(message, request) is not None
    for odd in (message + message, b"\x0a\x00" + message, message + b"\xfa\x01\x00"):
        assert form_of(odd, predict_pb2.PredictRequest.FromString(odd)) is None


def test_a_request_of_the_same_length_and_another_head_has_another_form():
    forms, other = RequestForms(), predict_request("n", signature="s", x=to_proto(ROW, True)).SerializeToString()
    message, request = changed()
    forms.remember(message, request)
    assert len(other) == len(message)
    assert forms.form_of(other) is None
    assert forms.form_of(message[:-1]) is None


@given(st.sampled_from(NUMERIC), SHAPES, st.booleans(), st.integers(0, 2**32))
def test_a_reply_from_a_form_is_the_one_protobuf_writes(dtype, shape, as_content, seed):
    chance = np.random.default_rng(seed)

    def numbers() -> np.ndarray:
        return chance.integers(-300, 300, shape).astype(dtype)

    def response(array: np.ndarray) -> predict_pb2.PredictResponse:
        reply = predict_pb2.PredictResponse()
        reply.model_spec.name, reply.model_spec.version.value = "m", 3
        to_proto(array, as_content, reply.outputs["y"])
        return reply

    first, second = numbers(), numbers()
    form = reply_form(response(first), first)
    if as_content or dtype in (np.float32, np.float64):
        assert form is not None
        assert form.write(second) == response(second).SerializeToString()
    elif form is not None:
        assert predict_pb2.PredictResponse.FromString(form.write(second)) == response(second)


def test_an_empty_reply_has_no_form():
    reply, array = predict_pb2.PredictResponse(), np.empty((0, 3), np.float32)
    to_proto(array, False, reply.outputs["y"])
    assert reply_form(reply, array) is None


def test_the_numbers_of_values_and_of_content_are_two_forms():
    forms = RequestForms()
    for as_content in (True, False):
        message = request_of(ROW, as_content).SerializeToString()
        forms.remember(message, predict_pb2.PredictRequest.FromString(message))
    for as_content in (True, False):
        message = request_of(ROW * 2, as_content).SerializeToString()
        form = forms.form_of(message)
        assert form is not None
        assert form.array(message).tolist() == (ROW * 2).tolist()
    assert tensor([1.0]).float_val == [1.0]
