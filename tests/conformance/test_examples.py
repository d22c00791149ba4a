"""Classify, Regress and MultiInference over REST and gRPC, on a TF1 model made as half_plus_two is."""

from __future__ import annotations

import pytest
from harness import rpc_error
from tensorflow_serving.apis import classification_pb2, inference_pb2, regression_pb2

CLASSIFY, REGRESS = "tensorflow/serving/classify", "tensorflow/serving/regress"


def fill(request, *values: float, context: float | None = None):
    target = request.input.example_list
    if context is not None:
        target = request.input.example_list_with_context
        target.context.features.feature["x"].float_list.value.append(context)
    for value in values:
        example = target.examples.add()
        if value is not None:
            example.features.feature["x"].float_list.value.append(value)
    return request


def regression(*values, signature="regress", model="tf1", **options):
    request = regression_pb2.RegressionRequest()
    request.model_spec.name, request.model_spec.signature_name = model, signature
    return fill(request, *values, **options)


def classification(*values, signature="classify", model="tf1"):
    request = classification_pb2.ClassificationRequest()
    request.model_spec.name, request.model_spec.signature_name = model, signature
    return fill(request, *values)


def test_regress_over_grpc(server):
    reply = server.prediction.Regress(regression(1.0, 2.0), timeout=10)
    assert [entry.value for entry in reply.result.regressions] == [2.5, 3.0]
    assert (reply.model_spec.name, reply.model_spec.signature_name, reply.model_spec.version.value) == (
        "tf1",
        "regress",
        1,
    )


def test_the_examples_own_feature_wins_over_the_context(server):
    reply = server.prediction.Regress(regression(None, 4.0, context=2.0), timeout=10)
    assert [entry.value for entry in reply.result.regressions] == [3.0, 4.0]


def test_classify_over_grpc(server):
    classes = server.prediction.Classify(classification(2.0), timeout=10).result.classifications[0].classes
    assert [(entry.label, entry.score) for entry in classes] == [("no", 3.0), ("yes", 4.0)]
    classes = server.prediction.Classify(classification(2.0, signature="scores"), timeout=10).result.classifications[0]
    assert [(entry.label, entry.score) for entry in classes.classes] == [("", 3.0), ("", 4.0)]


@pytest.mark.parametrize(
    ("request_", "code", "text"),
    [
        (regression(1.0, signature="no"), "INVALID_ARGUMENT", "No signature was found with the name: no"),
        (regression(), "INVALID_ARGUMENT", "Input is empty."),
        (regression(1.0, model="no"), "NOT_FOUND", "Servable not found for request: Latest(no)"),
        (regression(1.0, model="two_inputs", signature=""), "INVALID_ARGUMENT", "Expected one input Tensor."),
        (regression(1.0, signature="classify"), "INVALID_ARGUMENT", "Expected one output Tensor."),
        (regression(1.0, signature="scores"), "INVALID_ARGUMENT", "No regression outputs found in SignatureDef: "),
        (
            regression(1.0, signature="serving_default"),
            "INVALID_ARGUMENT",
            "No regression inputs found in SignatureDef: ",
        ),
    ],
)
def test_regress_refusals(server, request_, code, text):
    got_code, got_text = rpc_error(server.prediction.Regress, request_)
    assert (got_code, got_text[: len(text)]) == (code, text)


def test_regress_over_rest(server):
    body = {"signature_name": "regress", "examples": [{"x": 1.0}, {"x": [2.0]}]}
    assert server.post("tf1:regress", body) == (200, {"results": [2.5, 3.0]})
    body = {"signature_name": "regress", "context": {"x": 6.0}, "examples": [{}]}
    assert server.post("tf1:regress", body) == (200, {"results": [5.0]})


def test_classify_over_rest(server):
    body = {"signature_name": "classify", "examples": [{"x": 1.0}]}
    assert server.post("tf1:classify", body) == (200, {"results": [[["no", 2.5], ["yes", 3.5]]]})


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "When method is classify, key 'examples' is expected and was not found"),
        ({"examples": 1}, "Expecting 'examples' value to be an list/array"),
        ({"examples": []}, "'examples' value is an empty array"),
        ({"examples": [1]}, "Example must be JSON object but got JSON Number"),
        ({"examples": [{"x": None}]}, "Feature: x has element with unexpected JSON type: Null"),
        ({"examples": [{"x": [1, 2.0]}]}, "Unexpected element type in feature: x expecting type: int64"),
        ({"examples": [{"x": 1 << 63}]}, "Feature: x has uint64_t element. Only int64_t is supported."),
        ({"examples": [{"x": [2.0, 1 << 63]}]}, "Unexpected element type in feature: x expecting type: float"),
        ({"examples": [{"x": {"b64": 5}}]}, "Feature: x has element with unexpected JSON type: Object"),
        ({"context": [{}]}, "Example must be JSON object but got JSON Array"),
        ({"context": 1, "examples": 1}, "Example must be JSON object but got JSON Number"),
    ],
)
def test_rest_example_mistakes(server, body, text):
    status, reply = server.post("tf1:regress", body)
    assert status == 400
    assert text in reply["error"]


def test_an_integer_is_no_float_feature(server):
    status, reply = server.post("tf1:regress", {"signature_name": "regress", "examples": [{"x": 2}]})
    assert status == 400
    assert "x" in reply["error"]


def tasks(*pairs: tuple[str, str], model="tf1"):
    request = inference_pb2.MultiInferenceRequest()
    for signature, method in pairs:
        task = request.tasks.add(method_name=method)
        task.model_spec.name, task.model_spec.signature_name = model, signature
    return fill(request, 2.0)


def test_multi_inference_runs_several_signatures_at_once(server):
    request = tasks(("regress", REGRESS), ("regress2", REGRESS), ("classify", CLASSIFY))
    first, second, third = server.prediction.MultiInference(request, timeout=10).results
    assert first.regression_result.regressions[0].value == 3.0
    assert second.regression_result.regressions[0].value == 4.0
    assert third.classification_result.classifications[0].classes[1].label == "yes"
    assert third.model_spec.signature_name == "classify"


@pytest.mark.parametrize(
    ("request_", "code", "text"),
    [
        (tasks(("regress", REGRESS), ("regress", REGRESS)), "INVALID_ARGUMENT", "Duplicate evaluation of signature: "),
        (tasks(("no", REGRESS)), "INVALID_ARGUMENT", "Requested signature not found in model graph: no"),
        (tasks(("regress", "x")), "UNIMPLEMENTED", "Unsupported signature method_name: x"),
        (tasks(("regress", REGRESS), model="nobody"), "NOT_FOUND", "Servable not found for request: Latest(nobody)"),
        (tasks(), "INVALID_ARGUMENT", "ModelSpec has no name specified."),
        (tasks(("regress", REGRESS), model=""), "INVALID_ARGUMENT", "ModelSpec has no name specified."),
    ],
)
def test_multi_inference_refusals(server, request_, code, text):
    got_code, got_text = rpc_error(server.prediction.MultiInference, request_)
    assert (got_code, got_text[: len(text)]) == (code, text)


def test_signatures_of_a_multi_inference_may_have_inputs_of_their_own(server):
    request = tasks(("regress", REGRESS), ("regress_other", REGRESS), ("scores", CLASSIFY))
    first, second, third = server.prediction.MultiInference(request, timeout=10).results
    assert first.regression_result.regressions[0].value == 3.0
    assert second.regression_result.regressions[0].value == 7.0
    assert [entry.score for entry in third.classification_result.classifications[0].classes] == [3.0, 4.0]


def test_a_multi_inference_counts_examples_when_it_worked_and_no_latency_of_a_run(server):
    def counts() -> tuple[float, float]:
        name = 'serving:request_example_count_total{model="tf1"}'
        return server.metric(name), server.metric('serving:runtime_latency_count{model_name="tf1",API="Multi')

    before = counts()
    server.prediction.MultiInference(tasks(("regress", REGRESS)), timeout=10)
    rpc_error(server.prediction.MultiInference, tasks(("regress_wide", REGRESS)))
    after = counts()
    assert after[0] - before[0] == 2  # the run of the second one worked, its answer did not fit
    assert after[1] == before[1] == 0


@pytest.mark.parametrize(
    ("call", "request_", "text"),
    [
        ("Regress", regression(1.0, signature="regress_double"), "Expected output Tensor of DT_FLOAT.  Got: DT_DOUBLE"),
        (
            "Regress",
            regression(1.0, 2.0, signature="regress_short"),
            "Input batch size did not match output batch size: 2 vs. 1",
        ),
        ("Classify", classification(1.0, signature="int_scores"), "Expected scores Tensor of DT_FLOAT. Got: DT_INT32"),
        (
            "Classify",
            classification(1.0, signature="int_classes"),
            "Expected classes Tensor of DT_STRING. Got: DT_INT32",
        ),
    ],
)
def test_outputs_that_are_no_results_are_named_by_their_tensorflow_types(server, call, request_, text):
    assert rpc_error(getattr(server.prediction, call), request_) == ("INVALID_ARGUMENT", text)


def test_multi_inference_needs_one_model(server):
    request = tasks(("regress", REGRESS), ("regress2", REGRESS))
    request.tasks[1].model_spec.name = "other"
    assert rpc_error(server.prediction.MultiInference, request)[1] == (
        "All ModelSpecs in a MultiInferenceRequest must access the same model name."
    )
