"""The gRPC services, as handlers of raw bytes for grpc.aio."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import grpc
from google.protobuf.message import DecodeError

from model_server import eager, metrics, tensorflow_package
from model_server.batching.executors import as_serving_error
from model_server.calls import inference, model_info, model_management, multi_inference
from model_server.calls import predict as predicting
from model_server.calls.predict import spec_of
from model_server.errors import INTERNAL, ServingError, invalid
from model_server.models.core import Core

tensorflow_package.install()
from tensorflow_serving.apis import (  # noqa: E402
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)

_CODES = {code.value[0]: code for code in grpc.StatusCode}
_MOST_MESSAGE = 1024
Method = Callable[[object, int | None], Awaitable[object]]


@dataclass(frozen=True)
class GrpcOptions:
    """What the flags say about gRPC. `max_threads`: calls handled at a time; more are refused."""

    max_threads: int
    check_method_names: bool = False
    tensor_content: bool = False


def _shortened(message: str) -> str:
    """A status message as the server cuts it: 1024 bytes, then `...TRUNCATED`."""
    data = message.encode("utf-8", "replace")
    if len(data) <= _MOST_MESSAGE:
        return message
    return data[:_MOST_MESSAGE].decode("utf-8", "ignore") + "...TRUNCATED"


class GrpcApi:
    """Answers gRPC calls; `handlers` goes to a grpc.aio server."""

    def __init__(self, core: Core, options: GrpcOptions):
        self._core, self._options = core, options
        self._active = 0

    def handlers(self) -> list[grpc.GenericRpcHandler]:
        """One generic handler a service."""
        prediction = {
            "Predict": self._method(self._predict, predict_pb2.PredictRequest, "Predict"),
            "Classify": self._method(self._classify, classification_pb2.ClassificationRequest, "Classify"),
            "Regress": self._method(self._regress, regression_pb2.RegressionRequest, "Regress"),
            "MultiInference": self._method(self._multi_infer, inference_pb2.MultiInferenceRequest),
            "GetModelMetadata": self._method(self._metadata, get_model_metadata_pb2.GetModelMetadataRequest),
        }
        models = {
            "GetModelStatus": self._method(self._status, get_model_status_pb2.GetModelStatusRequest),
            "HandleReloadConfigRequest": self._method(self._reload, model_management_pb2.ReloadConfigRequest),
        }
        return [
            grpc.method_handlers_generic_handler("tensorflow.serving.PredictionService", prediction),
            grpc.method_handlers_generic_handler("tensorflow.serving.ModelService", models),
        ]

    def _method(self, answer: Method, request_type: type, api: str = "") -> grpc.RpcMethodHandler:
        async def handle(data: bytes, context: grpc.aio.ServicerContext) -> bytes:
            if self._active >= self._options.max_threads:
                await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "Server Threadpool Exhausted")
            self._active += 1
            reply = asyncio.get_running_loop().create_future()
            eager.start(self._serve(answer, request_type, api, data, _deadline_ns(context), reply))
            try:
                return await reply
            except ServingError as error:
                failure = error
            await context.abort(_CODES[failure.code], _shortened(failure.message))

        return grpc.unary_unary_rpc_method_handler(handle)

    async def _serve(self, answer: Method, request_type: type, api: str, data: bytes, deadline_ns, reply) -> None:
        """Work on a call to its end even when the client gives up: its run still holds the model and a place."""
        started_ns, name, failure, message = time.monotonic_ns(), "", None, b""
        try:
            request = _parsed(request_type, data)
            name = _model_name(request)
            message = (await answer(request, deadline_ns)).SerializeToString()
        except Exception as error:
            failure = as_serving_error(error)
        self._active -= 1
        if api:
            _count(api, name, failure, started_ns)
        if reply.done():
            return
        if failure is None:
            reply.set_result(message)
        else:
            reply.set_exception(failure)

    async def _predict(self, request, deadline_ns: int | None):
        options = self._options
        return await predicting.predict(
            self._core, request, deadline_ns, options.check_method_names, options.tensor_content
        )

    async def _classify(self, request, deadline_ns: int | None):
        return await inference.infer(self._core, request, "Classify", deadline_ns, self._options.check_method_names)

    async def _regress(self, request, deadline_ns: int | None):
        return await inference.infer(self._core, request, "Regress", deadline_ns, self._options.check_method_names)

    async def _multi_infer(self, request, deadline_ns: int | None):
        return await multi_inference.multi_infer(self._core, request, deadline_ns, self._options.check_method_names)

    async def _reload(self, request, deadline_ns: int | None):
        return await model_management.reload(self._core, request, asyncio.get_running_loop())

    async def _metadata(self, request, deadline_ns: int | None):
        return model_info.metadata(self._core, spec_of(request), list(request.metadata_field))

    async def _status(self, request, deadline_ns: int | None):
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        spec = request.model_spec
        version = spec.version.value if spec.WhichOneof("version_choice") == "version" else None
        return model_info.status(self._core, spec.name, version)


def _parsed(request_type: type, data: bytes):
    try:
        return request_type.FromString(data)
    except DecodeError:
        raise ServingError(INTERNAL, "Error parsing the request message.") from None


def _model_name(request) -> str:
    spec = getattr(request, "model_spec", None)
    return spec.name if spec is not None else ""


def _deadline_ns(context: grpc.aio.ServicerContext) -> int | None:
    left_s = context.time_remaining()
    return None if left_s is None else time.monotonic_ns() + int(left_s * 1e9)


def _count(api: str, name: str, failure: ServingError | None, started_ns: int) -> None:
    metrics.request_count.add(name, failure.code_name if failure else "OK")
    if failure is None:
        metrics.request_latency.add((time.monotonic_ns() - started_ns) / 1000, name, api, "GRPC")
