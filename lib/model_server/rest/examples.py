"""Classify and regress over REST: JSON objects as tf.Examples in, `results` out (json_tensor.cc)."""

from __future__ import annotations

import numpy as np

from model_server import tensorflow_package
from model_server.calls import inference
from model_server.calls.example_input import serialized_examples
from model_server.errors import invalid
from model_server.json import tensors
from model_server.json.floats import float_texts
from model_server.json.members import c_string, pairs
from model_server.json.reply import quoted
from model_server.json.text import debug_string, parse
from model_server.models.core import Core, ModelSpec
from model_server.rest.body import Body
from model_server.rest.reading import as_object, read_signature_name

tensorflow_package.install()
from tensorflow_serving.apis import classification_pb2, regression_pb2  # noqa: E402

_REQUESTS = {"classify": classification_pb2.ClassificationRequest, "regress": regression_pb2.RegressionRequest}
_MOST = 1 << 63


async def infer(
    core: Core, spec: ModelSpec, verb: str, body: Body, deadline_ns: int | None, check_method: bool
) -> bytes:
    """Answer one classify or regress request's body.

    Raises:
        ServingError: with TensorFlow Serving's code and text.
    """
    name, rows = await body.read(read_rows, verb)
    servable, api = core.find(spec), verb.capitalize()
    try:
        prepared = inference.prepare(servable, name, api, check_method)
        response = await inference.infer_rows(servable, prepared, rows, deadline_ns, spec.name)
    finally:
        servable.release()
    return _classes(response.result) if verb == "classify" else _values(response.result)


def read_rows(body: bytes, verb: str) -> tuple[str, np.ndarray]:
    """The signature's name, "" where none is given, and a serialized Example a row.

    Raises:
        ServingError: INVALID_ARGUMENT.
    """
    request = read_request(parse(body), verb)
    return request.model_spec.signature_name, serialized_examples(request.input)


def read_request(document: object, verb: str):
    """The request message a body stands for.

    Raises:
        ServingError: INVALID_ARGUMENT.
    """
    request, members = _REQUESTS[verb](), as_object(document)
    request.model_spec.signature_name = read_signature_name(document)
    target = request.input.example_list
    if "context" in members:  # looked at before the examples, and said to be classify's whatever the method is
        target = request.input.example_list_with_context
        _fill_example(members["context"], target.context)
    if "examples" not in members:
        shown = debug_string(document)
        raise invalid(f"JSON Value: {shown} When method is classify, key 'examples' is expected and was not found")
    examples = members["examples"]
    if not isinstance(examples, list):
        raise invalid(f"JSON Value: {debug_string(document)} Expecting 'examples' value to be an list/array")
    if not examples:
        raise invalid(f"JSON Value: {debug_string(document)} 'examples' value is an empty array")
    for example in examples:
        _fill_example(example, target.examples.add())
    return request


def _fill_example(value: object, example) -> None:
    if not isinstance(value, dict):
        raise invalid(f"Example must be JSON object but got JSON {tensors.type_of(value)}")
    for member, content in pairs(value):
        name, items = c_string(member), content if isinstance(content, list) else [content]
        feature = example.features.feature[name]
        feature.Clear()  # the last of two equal names counts
        _fill_feature(name, items, feature)


def _fill_feature(name: str, items: list, feature) -> None:
    kind = None
    for item in items:
        item_kind = _kind_of(name, item)
        kind = kind or item_kind
        if item_kind != kind:
            raise invalid(f"Unexpected element type in feature: {name} expecting type: {kind}")
        getattr(feature, f"{kind}_list").value.append(_element(name, item))


def _kind_of(name: str, item: object) -> str:
    if isinstance(item, (str, bytes)) or tensors.is_base64(item):
        return "bytes"
    if isinstance(item, (bool, int)):
        return "int64"
    if isinstance(item, float):
        return "float"
    raise invalid(f"Feature: {name} has element with unexpected JSON type: {tensors.type_of(item)}")


def _element(name: str, item: object) -> object:
    if isinstance(item, dict):
        return tensors.decode_base64(item)
    if isinstance(item, str):
        return item.encode("utf-8", "surrogateescape")
    if isinstance(item, int) and item >= _MOST:
        raise invalid(f"Feature: {name} has uint64_t element. Only int64_t is supported.")
    return int(item) if isinstance(item, bool) else item


def _results(elements: list[bytes]) -> bytes:
    return b'{\n    "results": [' + b", ".join(elements) + b"\n    ]\n}"


def _classes(result) -> bytes:
    elements = []
    for classification in result.classifications:
        labels = [quoted(item.label.encode()) for item in classification.classes]
        scores = float_texts([item.score for item in classification.classes], "f") if labels else []
        pairs = [b"[" + label + b", " + score.encode() + b"]" for label, score in zip(labels, scores, strict=True)]
        elements.append(b"[" + b", ".join(pairs) + b"]")
    return _results(elements)


def _values(result) -> bytes:
    texts = float_texts([item.value for item in result.regressions], "f")
    return _results([text.encode() for text in texts])
