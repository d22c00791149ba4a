"""Predict over REST: what is accepted, what is answered, what is refused with which text."""

from __future__ import annotations

import base64
import gzip
import json
import math

import pytest

ROW = "Failed to process element: {} of 'instances' list. Error: INVALID_ARGUMENT: "
KEYED = "Failed to process element: {} key: {} of 'instances' list. Error: INVALID_ARGUMENT: "


def test_row_format_answers_one_prediction_a_row(server):
    assert server.predict("half_plus_two", {"instances": [1.0, 2, 5.0]}) == (200, {"predictions": [2.5, 3.0, 4.5]})


def test_columnar_format_answers_outputs(server):
    assert server.predict("half_plus_two", {"inputs": [1.0, 2.0]}) == (200, {"outputs": [2.5, 3.0]})
    assert server.predict("half_plus_two", {"inputs": {"x": [1.0, 2.0]}}) == (200, {"outputs": [2.5, 3.0]})


def test_rows_may_be_objects_with_the_one_input(server):
    assert server.predict("half_plus_two", {"instances": [{"x": 1.0}, {"x": 2.0}]})[1] == {"predictions": [2.5, 3.0]}


def test_several_inputs_and_outputs_travel_by_alias(server):
    rows = {"instances": [{"a": [1, 2], "b": [3, 4]}, {"b": [0, 1], "a": [5, 5]}]}
    expected = [{"sum": [4.0, 6.0], "difference": [-2.0, -2.0]}, {"sum": [5.0, 6.0], "difference": [5.0, 4.0]}]
    assert server.predict("two_inputs", rows) == (200, {"predictions": expected})
    columns = {"inputs": {"a": [[1, 2]], "b": [[3, 4]], "ignored": 1}}
    assert server.predict("two_inputs", columns)[1] == {"outputs": {"sum": [[4.0, 6.0]], "difference": [[-2.0, -2.0]]}}


def test_keras_export_is_served(server):
    _, reply = server.predict("keras", {"instances": [[1, 2, 3, 4]]})
    assert math.isclose(sum(reply["predictions"][0]), 1, rel_tol=1e-5)


def test_tf1_model_is_served(server):
    assert server.predict("tf1", {"instances": [[1.0], [2.0]]}) == (200, {"predictions": [[2.5], [3.0]]})


def test_signature_name_chooses_the_signature(server):
    assert server.predict("half_plus_two", {"signature_name": "triple", "instances": [2.0]})[1] == {
        "predictions": [6.0]
    }


def test_version_and_label_urls(server):
    assert server.predict("half_plus_two/versions/123", {"instances": [1.0]})[0] == 200
    assert server.error("half_plus_two/versions/99", {"instances": [1.0]}, 404) == (
        "Servable not found for request: Specific(half_plus_two, 99)"
    )
    assert server.error("half_plus_two/labels/canary", {"instances": [1.0]}) == (
        "Unrecognized servable version label: canary"
    )


def test_strings_and_base64(server):
    image = base64.b64encode(b"\x00\xffabc").decode()
    _, reply = server.predict("strings", {"instances": ["héllo", {"b64": image}]})
    first, second = reply["predictions"]
    assert first["upper"] == "HéLLO"
    assert first["raw_bytes"] == {"b64": base64.b64encode("héllo".encode()).decode()}
    assert base64.b64decode(second["raw_bytes"]["b64"]) == b"\x00\xffabc"
    assert second["length"] == 5


def test_non_utf8_goes_out_unchanged_in_a_plain_string_output(server):
    body = {"instances": [{"b64": base64.b64encode(b"\xffx").decode()}]}
    reply = server.session.post(f"{server.url}/v1/models/strings:predict", json=body, timeout=10)
    assert b'"\xffX"' in reply.content


@pytest.mark.parametrize("name", ["float32", "float64", "int32", "int64", "int16", "int8", "uint8", "uint32", "uint64"])
def test_numbers_of_every_type_come_back(server, name):
    body = {"signature_name": name, "instances": [1, 2, 3]}
    values = [1.0, 2.0, 3.0] if name.startswith("float") else [1, 2, 3]
    assert server.predict("echo", body) == (200, {"predictions": values})


def test_bool_accepts_only_true_and_false(server):
    assert server.predict("echo", {"signature_name": "bool", "instances": [True, False]})[1] == {
        "predictions": [True, False]
    }
    assert server.error("echo", {"signature_name": "bool", "instances": [1]}) == (
        ROW.format(0) + "JSON Value: 1 Type: Number is not of expected type: bool"
    )


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("int32", "1.0", "JSON Value: 1.0 Type: Number is not of expected type: int32"),
        ("int32", "3000000000", "JSON Value: 3000000000 Type: Number is not of expected type: int32"),
        ("int64", "1e3", "JSON Value: 1000.0 Type: Number is not of expected type: int64"),
        ("uint32", "-1", "JSON Value: -1 Type: Number is not of expected type: uint32"),
        ("float32", '"x"', 'JSON Value: "x" Type: String is not of expected type: float'),
        ("float32", "true", "JSON Value: true Type: True is not of expected type: float"),
        ("float32", "null", "JSON Value: null Type: Null is not of expected type: float"),
        ("string", "1", "JSON Value: 1 Type: Number is not of expected type: string"),
    ],
)
def test_wrong_types_are_named(server, name, value, shown):
    body = f'{{"signature_name": "{name}", "instances": [{value}]}}'
    assert server.error("echo", body) == ROW.format(0) + shown
    body = f'{{"signature_name": "{name}", "inputs": [{value}]}}'
    assert server.error("echo", body) == shown


def test_types_json_cannot_carry(server):
    body = {"signature_name": "half", "inputs": [1]}
    assert server.error("echo", body, 501) == "Conversion of JSON Value: 1 to type: half"
    body = {"signature_name": "half", "instances": [1]}
    assert server.error("echo", body) == (
        "Failed to process element: 0 of 'instances' list. Error: UNIMPLEMENTED: Conversion of JSON Value: 1 to type: "
        "half"
    )


def test_nan_and_infinity_in_and_out(server):
    status, reply = server.predict("half_plus_two", '{"instances": [NaN, Infinity, -Inf, 1e39]}')
    assert status == 200
    assert math.isnan(reply["predictions"][0])
    assert reply["predictions"][1:] == [math.inf, -math.inf, math.inf]


def test_reply_layout_is_rapidjsons(server):
    post = lambda body: server.session.post(f"{server.url}/v1/models/half_plus_two:predict", data=body, timeout=10)  # noqa: E731
    assert post('{"instances": [3, 3]}').content == b'{\n    "predictions": [3.5, 3.5\n    ]\n}'
    assert post('{"inputs": [3, 3]}').content == b'{\n    "outputs": [\n        3.5,\n        3.5\n    ]\n}'
    assert post('{"instances": 1}').content.startswith(b'{\n    "error": "')


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("2", "2.0"),
        ("0.1", "0.1"),
        ("0.333333333333", "0.333333343"),
        ("100000", "100000.0"),
        ("1000000", "1e+06"),
        ("1234567", "1234567.0"),
        ("16777216", "16777216.0"),
        ("1e-5", "1e-05"),
        ("-0.0", "-0.0"),
    ],
)
def test_floats_are_printed_as_rapidjson_prints_them(server, number, text):
    body = f'{{"signature_name": "float32", "instances": [{number}]}}'
    reply = server.session.post(f"{server.url}/v1/models/echo:predict", data=body, timeout=10)
    assert f"[{text}\n" in reply.text


@pytest.mark.parametrize("body", ["[6.8e+16]", '["instances"]', "[[1.0]]", '"i"', "7", "[]", "null"])
def test_a_root_that_is_no_object_is_refused(server, body):
    reply = server.session.post(f"{server.url}/v1/models/half_plus_two:predict", data=body, timeout=9)
    assert reply.status_code == 400
    assert "Is not object" in reply.json()["error"]


def test_doubles_have_17_digits(server):
    body = '{"signature_name": "float64", "instances": [0.3333333333333333]}'
    assert (
        "0.33333333333333331" in server.session.post(f"{server.url}/v1/models/echo:predict", data=body, timeout=9).text
    )


def test_gzip_requests(server):
    url, body = f"{server.url}/v1/models/half_plus_two:predict", json.dumps({"instances": [1.0]}).encode()
    headers = {"Content-Encoding": "gzip"}
    assert server.session.post(url, data=gzip.compress(body), headers=headers, timeout=9).json() == {
        "predictions": [2.5]
    }
    reply = server.session.post(url, data=b"no gzip", headers=headers, timeout=9)
    assert reply.json() == {"error": "JSON Parse error: The document is empty"}


def test_malformed_json_is_refused_before_an_unknown_model(server):
    assert server.error("nobody", "{") == "JSON Parse error: Missing a name for object member. at offset: 1"
    assert server.error("nobody", {"instances": [1]}, 404) == "Servable not found for request: Latest(nobody)"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The document is empty"),
        (b"   ", "The document is empty. at offset: 3"),
        (b"instances = [1,2]", "Invalid value. at offset: 0"),
        (b"{", "Missing a name for object member. at offset: 1"),
        (b'{"i":[1,2', "Missing a comma or ']' after an array element. at offset: 9"),
        (b'{"i":[1,2]', "Missing a comma or '}' after an object member. at offset: 10"),
        (b'{"a":1,}', "Missing a name for object member. at offset: 7"),
        (b'{"a" 1}', "Missing a colon after a name of object member. at offset: 5"),
        (b'{"a":1.}', "Miss fraction part in number. at offset: 7"),
        (b'{"a":1e}', "Miss exponent in number. at offset: 7"),
        (b'{"a":1e400}', "Number too big to be stored in double. at offset: 5"),
        (b'{"a":"\\x"}', "Invalid escape character in string. at offset: 6"),
        (b'{"a":"b', "Missing a closing quotation mark in string. at offset: 5"),
    ],
)
def test_parse_errors_are_rapidjsons(server, body, message):
    assert server.error("half_plus_two", body) == f"JSON Parse error: {message}"


def test_quirks_of_the_parser(server):
    assert server.predict("half_plus_two", '{"instances": [1]} trailing')[1] == {"predictions": [2.5]}
    assert server.predict("half_plus_two", '{"instances": [1], "instances": [9]}')[1] == {"predictions": [2.5]}


@pytest.mark.parametrize(
    ("model", "body", "message"),
    [
        ("half_plus_two", [1], "JSON Value: [1] Is not object"),
        ("half_plus_two", {"x": 1}, "Missing 'inputs' or 'instances' key"),
        (
            "half_plus_two",
            {"instances": {"x": 1}},
            'JSON Value: {\n    "instances": {\n        "x": 1\n    }\n} Expecting',
        ),
        ("half_plus_two", {"instances": []}, "No values in 'instances' array"),
        (
            "half_plus_two",
            {"instances": [1], "inputs": [1]},
            "Not formatted correctly expecting only one of 'inputs' or",
        ),
        ("half_plus_two", {"signature_name": 5, "instances": [1]}, "'signature_name' key must be a string value."),
        (
            "half_plus_two",
            {"signature_name": "no", "instances": [1]},
            'Serving signature name: "no" not found in signature def',
        ),
        ("half_plus_two", {"instances": [1, {"x": 1}]}, "Expecting value/list but got object at item 1 of input list"),
        ("half_plus_two", {"instances": [{"x": 1}, 1]}, "Expecting object but got list at item 1 of input list"),
        (
            "two_inputs",
            {"instances": [1]},
            "instances is a plain list, but expecting list of objects as multiple input tensors required as per "
            "tensorinfo_map",
        ),
        (
            "two_inputs",
            {"inputs": [1]},
            "inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
            "tensorinfo_map",
        ),
        ("two_inputs", {"inputs": {"a": [[1, 2]]}}, "Missing named input: b in 'inputs' object."),
        ("two_inputs", {"instances": [{"a": [1, 2]}]}, "keys must be equal to: a,b"),
        (
            "two_inputs",
            {"instances": [{"a": [1, 2], "c": 1}]},
            KEYED.format(0, "c") + "JSON object: does not have named input: c",
        ),
        ("half_plus_two", {"instances": [[1], [2, 3]]}, ROW.format(1) + "Expecting tensor size: 1 but got: 2"),
        ("half_plus_two", {"instances": [[1, 2], [[1, 2]]]}, ROW.format(1) + "Expecting shape [2] but got: [1,2]"),
        (
            "half_plus_two",
            {"inputs": [[1, 2], [3]]},
            "Encountered list at unexpected size: 1 at level: 1 expected size: 2",
        ),
        ("half_plus_two", {"inputs": [1, [2]]}, "Encountered list at unexpected level: 1 expected < 1"),
        (
            "half_plus_two",
            {"inputs": [[1], 2]},
            "JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2",
        ),
        ("strings", {"instances": [{"b64": "!"}]}, ROW.format(0) + "Unable to base64 decode"),
        ("odd", {"signature_name": "matrix", "instances": [[1, 2, 3]]}, "Matrix size-incompatible: In[0]: [1,3]"),
    ],
)
def test_mistakes_are_named_as_there(server, model, body, message):
    assert message in server.error(model, body)


def test_outputs_must_fit_the_row_format(server):
    assert server.error("odd", {"signature_name": "scalar", "instances": [1.0]}) == (
        "Tensor name: y has no shape information "
    )
    assert server.predict("odd", {"signature_name": "scalar", "inputs": [1.0, 2.0]})[1] == {"outputs": 3.0}


def test_scalars_and_higher_ranks_in_columnar_form(server):
    assert server.predict("echo", {"signature_name": "any_shape", "inputs": 5})[1] == {"outputs": 5.0}
    deep = [[[[1.0], [2.0]], [[3.0], [4.0]]]]
    assert server.predict("echo", {"signature_name": "any_shape", "inputs": deep})[1] == {"outputs": deep}


def test_defaults_of_the_signature_do_not_help_rest(server):
    assert "keys must be equal to: a,b" in server.error("defaults", {"instances": [{"a": [1, 2]}]})


def test_a_name_that_is_not_utf8_is_the_name_of_no_input(server):
    """Found by `make fuzz`."""
    message = server.error("two_inputs", b'{"x": "\xd5", "instances": [{"a\xfd": [1, 2], "b": [3, 4]}]}')
    assert "JSON object: does not have named input: a\ufffd" in message
    assert server.post("tf1:regress", b'{"examples": [{"\xfd": 1.0}]}')[0] == 400


def test_debug_text_is_cut(server):
    message = server.error("half_plus_two", {"instances": "x" * 1000})
    assert len(message) < 340
