"""The gRPC services with the official stubs."""

from __future__ import annotations

import grpc
import numpy as np
import pytest
from harness import NO_LIMIT, Server, predict_request, rpc_error, tensor
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)


def test_predict_answers_typed_values_and_the_resolved_spec(server):
    reply = server.prediction.Predict(predict_request("half_plus_two", x=[1.0, 2.0, 5.0]), timeout=10)
    assert list(reply.outputs["y"].float_val) == [2.5, 3.0, 4.5]
    assert not reply.outputs["y"].tensor_content
    assert [dim.size for dim in reply.outputs["y"].tensor_shape.dim] == [3]
    spec = reply.model_spec
    assert (spec.name, spec.signature_name, spec.version.value) == ("half_plus_two", "serving_default", 123)
    assert not spec.version_label


def test_tensor_content_is_read(server):
    proto = tensor([0, 0])
    del proto.float_val[:]
    proto.tensor_content = np.array([1.0, 2.0], np.float32).tobytes()
    reply = server.prediction.Predict(predict_request("half_plus_two", x=proto), timeout=9)
    assert list(reply.outputs["y"].float_val) == [2.5, 3.0]


def test_fewer_values_than_elements_repeat_the_last(server):
    proto = tensor([1.0, 2.0])
    proto.tensor_shape.dim[0].size = 4
    reply = server.prediction.Predict(predict_request("half_plus_two", x=proto), timeout=9)
    assert list(reply.outputs["y"].float_val) == [2.5, 3.0, 3.0, 3.0]


def test_more_values_than_elements_do_not_parse(server):
    proto = tensor([1.0, 2.0])
    proto.tensor_shape.dim[0].size = 1
    assert rpc_error(server.prediction.Predict, predict_request("half_plus_two", x=proto)) == (
        "INVALID_ARGUMENT",
        "tensor parsing error: x",
    )


def test_strings_and_several_outputs(server):
    reply = server.prediction.Predict(predict_request("strings", text=tensor([b"ab", b"\xff"], object)), timeout=9)
    assert list(reply.outputs["upper"].string_val) == [b"AB", b"\xff"]
    assert list(reply.outputs["length"].int_val) == [2, 1]


def test_output_filter_restricts_the_reply(server):
    request = predict_request("two_inputs", a=[[1, 2]], b=[[3, 4]])
    request.output_filter.append("sum")
    reply = server.prediction.Predict(request, timeout=9)
    assert set(reply.outputs) == {"sum"}
    request.output_filter.append("sum")
    assert rpc_error(server.prediction.Predict, request)[1] == "duplicate output tensor alias: sum"
    request.output_filter[1] = "z"
    assert rpc_error(server.prediction.Predict, request)[1] == (
        "output tensor alias not found in signature: z Outputs expected to be in the set {difference,sum}."
    )


def test_defaults_of_the_signature_fill_missing_inputs(server):
    reply = server.prediction.Predict(predict_request("defaults", a=[[1, 2]]), timeout=9)
    assert list(reply.outputs["sum"].float_val) == [11.0, 22.0]


@pytest.mark.parametrize(
    ("request_", "code", "text"),
    [
        (predict_pb2.PredictRequest(), "INVALID_ARGUMENT", "Missing ModelSpec"),
        (predict_request(""), "INVALID_ARGUMENT", "ModelSpec has no name specified."),
        (predict_request("nobody"), "NOT_FOUND", "Servable not found for request: Latest(nobody)"),
        (
            predict_request("half_plus_two", version=7),
            "NOT_FOUND",
            "Servable not found for request: Specific(half_plus_two, 7)",
        ),
        (
            predict_request("half_plus_two", version=0),
            "NOT_FOUND",
            "Servable not found for request: Specific(half_plus_two, 0)",
        ),
        (
            predict_request("half_plus_two", signature="no"),
            "FAILED_PRECONDITION",
            'Serving signature key "no" not found.',
        ),
        (
            predict_request("two_inputs", a=[[1, 2]]),
            "INVALID_ARGUMENT",
            "input size does not match signature: 1!=2 len({a}) != len({a,b}). Sent extra: {}. Missing but required: "
            "{b}.",
        ),
        (
            predict_request("two_inputs", a=[[1, 2]], c=[[1, 2]]),
            "INVALID_ARGUMENT",
            "Signature input alias: b(feed name: serving_default_b:0) not found in request and no default value "
            "provided.",
        ),
        (
            predict_request("half_plus_two", x=tensor([1], np.int32)),
            "INVALID_ARGUMENT",
            "Expects arg[0] to be float but int32 is provided",
        ),
        (
            predict_request("odd", signature="matrix", x=[[1.0, 2.0]]),
            "INVALID_ARGUMENT",
            "Matrix size-incompatible: In[0]: [1,2], In[1]: [4,2]",
        ),
    ],
)
def test_predict_refusals(server, request_, code, text):
    got_code, got_text = rpc_error(server.prediction.Predict, request_)
    assert (got_code, got_text[: len(text)]) == (code, text)


def test_a_label_is_looked_up_and_unknown_here(server):
    request = predict_request("half_plus_two", x=[1.0])
    request.model_spec.version_label = "stable"
    assert rpc_error(server.prediction.Predict, request) == (
        "INVALID_ARGUMENT",
        "Unrecognized servable version label: stable",
    )


def test_long_messages_are_cut_at_1024_bytes(server):
    _, text = rpc_error(server.prediction.Predict, predict_request("n" * 3000, x=[1.0]))
    assert text.endswith("...TRUNCATED")
    assert len(text) == 1024 + len("...TRUNCATED")


def test_a_deadline_ends_a_slow_run(server):
    request = predict_request("odd", signature="slow", steps=tensor([100_000], np.int32))
    assert rpc_error(server.prediction.Predict, request, timeout=0.3)[0] == "DEADLINE_EXCEEDED"
    assert server.prediction.Predict(predict_request("half_plus_two", x=[1.0]), timeout=10).outputs["y"].float_val == [
        2.5
    ]


def test_messages_may_be_large(server):
    rows = np.zeros(3_000_000, np.float32)
    proto = tensor([0.0])
    del proto.float_val[:]
    proto.tensor_shape.dim[0].size, proto.tensor_content = len(rows), rows.tobytes()
    reply = server.prediction.Predict(predict_request("half_plus_two", x=proto), timeout=60)
    assert len(reply.outputs["y"].float_val) == len(rows)


def test_model_status(server):
    (entry,) = server.status("half_plus_two").model_version_status
    assert (entry.version, entry.state, entry.status.error_code) == (123, 30, 0)
    empty = get_model_status_pb2.GetModelStatusRequest()
    assert rpc_error(server.models.GetModelStatus, empty) == ("INVALID_ARGUMENT", "Missing ModelSpec")
    empty.model_spec.name = "nobody"
    assert rpc_error(server.models.GetModelStatus, empty) == (
        "NOT_FOUND",
        "Could not find any versions of model nobody",
    )


def test_model_metadata(server):
    request = get_model_metadata_pb2.GetModelMetadataRequest()
    request.model_spec.name = "two_inputs"
    assert rpc_error(server.prediction.GetModelMetadata, request)[1] == (
        "GetModelMetadataRequest must specify at least one metadata_field"
    )
    request.metadata_field.append("signature_def")
    reply = server.prediction.GetModelMetadata(request, timeout=9)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert reply.metadata["signature_def"].Unpack(signatures)
    assert set(signatures.signature_def["serving_default"].outputs) == {"sum", "difference"}
    assert reply.model_spec.version.value == 1
    request.metadata_field.append("x")
    assert rpc_error(server.prediction.GetModelMetadata, request)[1] == "Metadata field x is not supported"


def test_unknown_methods_are_unimplemented(server):
    call = server.channel.unary_unary("/tensorflow.serving.SessionService/SessionRun")
    assert rpc_error(call, b"")[0] == "UNIMPLEMENTED"


def test_garbage_messages_do_not_parse(server):
    call = server.channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
    assert rpc_error(call, b"\xff\xff\xff")[0] == "INTERNAL"


def test_tensor_content_socket_and_health(models, tmp_path):
    path = tmp_path / "grpc.sock"
    flags = (
        f"--model_base_path={models}/half_plus_two",
        f"--grpc_socket_path={path}",
        "--enable_serialization_as_tensor_content",
        "--enable_grpc_healthcheck_service",
        "--grpc_channel_arguments=grpc.max_concurrent_streams=50",
    )
    with Server(tmp_path, *flags, rest=False) as running:
        running.wait_for_log(f"Running gRPC ModelServer at UNIX socket {path} ...")
        with grpc.insecure_channel(f"unix:{path}", NO_LIMIT) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            reply = stub.Predict(predict_request("default", x=[1.0]), timeout=9)
        assert np.frombuffer(reply.outputs["y"].tensor_content, np.float32).tolist() == [2.5]
        check = running.channel.unary_unary("/grpc.health.v1.Health/Check")
        for name in ("", "PredictionService", "ModelService"):
            message = bytes((10, len(name))) + name.encode() if name else b""
            assert check(message, timeout=9) == b"\x08\x01"  # SERVING
        assert rpc_error(check, b"\x0a\x01x")[0] == "NOT_FOUND"


def test_more_calls_than_grpc_max_threads_are_refused(models, tmp_path):
    flags = (f"--model_base_path={models}/odd", "--grpc_max_threads=1")
    with Server(tmp_path, *flags, rest=False) as running:
        slow = predict_request("default", signature="slow", steps=tensor([300], np.int32))
        calls = [running.prediction.Predict.future(slow, timeout=30) for _ in range(4)]
        ends = [call.exception() for call in calls]
        assert ends.count(None) >= 1
        refused = {(end.code().name, end.details()) for end in ends if end is not None}
        assert refused == {("RESOURCE_EXHAUSTED", "Server Threadpool Exhausted")}
