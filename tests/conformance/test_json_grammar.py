"""One grammar for every model: the same text means the same to models of floats, doubles, integers and strings."""

from __future__ import annotations

import json
import math

import pytest
from harness import predict_request, rpc_error, tensor

TYPES = ("float32", "float64", "int64", "string")
VALUES = {"float32": "2.0", "float64": "2.0", "int64": "2", "string": '"2"'}


def echoed(server, name: str, text: str | bytes) -> tuple[int, object]:
    """What the echo model of this type answers to a body in which SIG and VALUE are replaced."""
    data = text.encode() if isinstance(text, str) else text
    data = data.replace(b"SIG", name.encode()).replace(b"VALUE", VALUES.get(name, "2.0").encode())
    return server.predict("echo", data)


BODY = b'{"signature_name": "SIG", "instances": [VALUE]}'


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize(
    "text",
    [
        BODY,
        b"\xef\xbb\xbf" + BODY,
        b"\xef\xbb" + BODY,
        b"\xbf" + BODY,
        b"\xef\xbb\xbf \n" + BODY + b"\x00 anything",
        BODY + b"}]",
        BODY[:-1] + b', "rest": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
        BODY[:-1] + b', "rest": ' + b'{"a":' * 3000 + b"1" + b"}" * 3000 + b"}",
        BODY[:-1] + b', "instances": [VALUE, VALUE]}',
        BODY[:-1] + b', "rest": [NaN, -NaN, Inf, -Infinity], "lone": "\\udc00"}',
    ],
)
def test_what_rapidjson_takes_is_taken_for_every_type(server, name, text):
    assert echoed(server, name, text) == (200, {"predictions": [json.loads(VALUES[name])]})


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"\xef\xbb\xbf", "The document is empty. at offset: 3"),
        (b"\xef\xbb\xbf[", "Invalid value. at offset: 4"),
        (b"\xef\xbb\xbfx", "Invalid value. at offset: 3"),
        (b'{"instances": [-NaX]}', "Invalid value. at offset: 18"),
        (b'{"instances": [Infinit]}', "Invalid value. at offset: 22"),
        (b'{"instances": [-]}', "Invalid value. at offset: 16"),
        (b'{"instances": [VALUE', "Missing a comma or ']' after an array element."),
        (b'{"instances": ' + b"[" * 2000, "Invalid value. at offset: 2014"),
        (b'{"a": {"b": [1, {"c": tru}]}}', "Invalid value. at offset: 25"),
        (b'{"a": "\\ud800\\u0041"}', "The surrogate pair in string is invalid. at offset: 7"),
    ],
)
def test_what_rapidjson_refuses_is_refused_for_every_type(server, name, text, error):
    status, reply = echoed(server, name, text)
    assert status == 400
    assert f"JSON Parse error: {error}" in reply["error"]


@pytest.mark.parametrize("name", ["float32", "float64"])
def test_words_for_numbers_that_are_none(server, name):
    status, reply = echoed(server, name, b'{"signature_name": "SIG", "instances": [NaN, -NaN, Inf, -Inf, -Infinity]}')
    assert status == 200
    first, second, *others = reply["predictions"]
    assert math.isnan(first)
    assert math.isnan(second)
    assert others == [math.inf, -math.inf, -math.inf]


def test_the_first_of_two_equal_aliases_counts_in_a_columnar_request(server):
    assert server.predict("echo", b'{"signature_name": "int64", "inputs": {"x": [1], "x": [2]}}')[1] == {"outputs": [1]}


@pytest.mark.parametrize(
    ("rows", "answer"),
    [
        (b'[{"x": 1, "x": 2}]', [1]),
        (b'[{"x": 1, "\\u0078": 2}, {"x": 3}]', [1, 2]),
        (b'[{"x": 1}, {"x": 2, "x": 3}, {"x": 4}]', [1, 2, 3]),
        (b'[{"x\\u0000tail": 7}]', [7]),
    ],
)
def test_a_name_that_stands_twice_in_a_row_gives_its_values_in_order_and_the_surplus_is_dropped(server, rows, answer):
    body = b'{"signature_name": "int64", "instances": %s}' % rows
    assert server.predict("echo", body) == (200, {"predictions": answer})


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        (b'[{"x": 1, "x": [2]}]', "Expecting shape [] but got: [1]"),
        (b'[{"x": 1, "x": "b"}]', 'JSON Value: "b" Type: String is not of expected type: int64'),
        (b'[{"x\\u0000tail": 1, "y": 1}]', "JSON object: does not have named input: y"),
        (b'[{"x": {"b64": "YQ==", "b64": "YQ=="}}]', "Type: Object is not of expected type: int64"),
    ],
)
def test_every_value_of_a_name_that_stands_twice_is_checked(server, rows, error):
    status, reply = server.predict("echo", b'{"signature_name": "int64", "instances": %s}' % rows)
    assert status == 400
    assert error in reply["error"]


def test_a_base64_object_with_its_key_twice_is_none(server):
    value = b'{"b64": "YQ==", "b64": "YQ=="}'
    status, reply = server.predict("echo", b'{"signature_name": "string", "inputs": [%s]}' % value)
    assert status == 400
    assert reply["error"] == (
        'JSON Value: {\n    "b64": "YQ==",\n    "b64": "YQ=="\n} not formatted correctly for base64 data'
    )


def test_a_base64_row_for_several_inputs_is_taken_for_the_first_of_them(server):
    status, reply = server.predict("two_inputs", b'{"instances": [{"b64": "YQ=="}]}')
    assert status == 400
    assert reply["error"].startswith("Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT: ")


def test_the_last_of_two_equal_features_counts_and_both_are_checked(server):
    def regressed(example: bytes):
        return server.post("tf1:regress", b'{"signature_name": "regress", "examples": [%s]}' % example)

    assert regressed(b'{"x": 1.0, "x": 7.0}') == regressed(b'{"x": 7.0}')
    assert regressed(b'{"x": 7.0}')[0] == 200
    assert regressed(b'{"x": null, "x": 7.0}')[1]["error"] == "Feature: x has element with unexpected JSON type: Null"


@pytest.mark.parametrize("depth", [64, 65, 253, 254, 300, 5000])
def test_values_nested_deeper_than_a_tensor_may_be_are_refused_in_words(server, depth):
    text = "[" * depth + "1.5" + "]" * depth
    for key, answer, value in (("instances", "predictions", f"[{text}]"), ("inputs", "outputs", text)):
        for body in (text, f'{{"x": {text}}}'):
            listed = f"[{body}]" if key == "instances" else body
            status, reply = server.predict("echo", f'{{"signature_name": "any_shape", "{key}": {listed}}}'.encode())
            if value.index("1") <= 254:
                assert (status, json.dumps(reply.get(answer))) == (200, value)
            else:
                assert (status, "dimensions; at most 254" in reply["error"]) == (400, True)


def test_a_tensor_of_a_hundred_dimensions_is_answered_over_grpc_too(server):
    sent = tensor([1.0, 2.0, 3.0])
    del sent.tensor_shape.dim[:]
    for size in (*[1] * 99, 3):
        sent.tensor_shape.dim.add(size=size)
    for _ in range(2):  # the second time in a known form
        reply = server.prediction.Predict(predict_request("echo", "any_shape", x=sent), timeout=20)
        assert (reply.outputs["y"].tensor_shape, list(reply.outputs["y"].float_val)) == (sent.tensor_shape, [1, 2, 3])
    for more in (100, 55):
        sent.tensor_shape.dim.extend(sent.tensor_shape.dim[:more])
    refused = rpc_error(server.prediction.Predict, predict_request("echo", "any_shape", x=sent))
    assert refused == ("INVALID_ARGUMENT", "tensor parsing error: x")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("eGV5", b"xey"),
        ("c3lycw==", b"syrs"),
        ("c3lycw..", b"syrs"),
        ("c3lycw=.", b"syrs"),
        ("c3lycw", b"syrs"),
        ("c3 ly\tcw =\n= ", b"syrs"),
        ("c3lycw=", None),
        ("c3lycw===", None),
        ("c3lycw=x", None),
        ("c3=lycw=", None),
        ("c3lyc", None),
        ("c3lycw==c3lycw==", None),
        ("eGV5=", None),
        ("=", None),
        ("-_8=", None),
        ("é", None),
        ("", b""),
    ],
)
def test_base64_is_read_as_absl_does(server, text, expected):
    status, reply = server.predict("strings", {"instances": [{"text": {"b64": text}}]})
    if expected is None:
        assert (status, "Unable to base64 decode" in reply["error"]) == (400, True)
    else:
        assert reply["predictions"][0]["upper"] == expected.decode().upper()


@pytest.mark.parametrize("odd", [{"b64": "eGV5", "more": 1}, {"b64": 5}, {"b64": None}, {"other": "eGV5"}, {}])
def test_an_object_that_is_no_base64_is_told_so_where_text_is_expected(server, odd):
    status, reply = server.predict("strings", {"inputs": {"text": [odd]}})
    assert status == 400
    assert reply["error"].endswith("not formatted correctly for base64 data")
    status, reply = server.predict("echo", {"signature_name": "float32", "inputs": {"x": [odd]}})
    assert (status, "Type: Object is not of expected type: float" in reply["error"]) == (400, True)


def test_only_text_under_b64_makes_a_value_of_an_object(server):
    status, reply = server.predict("strings", {"inputs": {"b64": 5}})
    assert (status, reply["error"]) == (400, "Missing named input: text in 'inputs' object.")
    status, reply = server.predict("strings", {"instances": [{"b64": 5}]})
    assert (status, reply["error"].endswith("JSON object: does not have named input: b64")) == (400, True)


@pytest.mark.parametrize("name", ["half", "bfloat16", "complex64", "complex128", "uint16"])
@pytest.mark.parametrize("key", ["instances", "inputs"])
def test_an_output_of_a_type_json_has_no_form_for_is_refused(server, name, key):
    assert server.predict("casts", {"signature_name": name, key: [1.0]}) == (
        400,
        {"error": f"Failed to write JSON value for tensor type: {name}"},
    )


@pytest.mark.parametrize("name", ["uint8", "int8", "int16", "uint32", "uint64", "float64"])
def test_an_output_of_any_other_type_is_written(server, name):
    assert server.predict("casts", {"signature_name": name, "instances": [1.0]}) == (200, {"predictions": [1]})


def test_an_empty_output_is_written_whatever_its_type(server):
    body = {"signature_name": "no_rows_of_half", "instances": [1.0]}
    assert server.predict("casts", body) == (200, {"predictions": []})
