"""The gRPC services: from the bytes of a request message to those of its reply."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError

from model_server import eager, metrics, tensorflow_package
from model_server.batching.executors import as_serving_error
from model_server.calls import inference, model_info, model_management, multi_inference
from model_server.calls.predict import spec_of
from model_server.errors import INTERNAL, RESOURCE_EXHAUSTED, ServingError, invalid
from model_server.grpc.stream import Handler, Stream
from model_server.grpc_predict import UNPARSABLE, PredictCall, PredictOptions
from model_server.models.core import Core
from model_server.predict_forms import RequestForms

tensorflow_package.install()
from tensorflow_serving.apis import (  # noqa: E402
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    regression_pb2,
)

_PREDICTION, _MODELS = b"/tensorflow.serving.PredictionService/", b"/tensorflow.serving.ModelService/"
_EXHAUSTED = "Server Threadpool Exhausted"
Method = Callable[[Any, int | None], Awaitable[Any]]


@dataclass(frozen=True)
class GrpcOptions:
    """What the flags say about gRPC. `max_threads`: calls handled at a time; more are refused."""

    max_threads: int
    check_method_names: bool = False
    tensor_content: bool = False


class GrpcApi:
    """Answers gRPC calls; `methods` goes to the connections."""

    def __init__(self, core: Core, options: GrpcOptions):
        self._core, self._options = core, options
        self._active = 0
        self._predicts = PredictOptions(
            core, RequestForms(), self._leave, options.check_method_names, options.tensor_content
        )

    def methods(self) -> dict[bytes, Handler]:
        """path -> handler of every method."""
        return {
            _PREDICTION + b"Predict": self._predict,
            _PREDICTION + b"Classify": self._method(
                self._classify, classification_pb2.ClassificationRequest, "Classify"
            ),
            _PREDICTION + b"Regress": self._method(self._regress, regression_pb2.RegressionRequest, "Regress"),
            _PREDICTION + b"MultiInference": self._method(self._multi_infer, inference_pb2.MultiInferenceRequest),
            _PREDICTION + b"GetModelMetadata": self._method(
                self._metadata, get_model_metadata_pb2.GetModelMetadataRequest
            ),
            _MODELS + b"GetModelStatus": self._method(self._status, get_model_status_pb2.GetModelStatusRequest),
            _MODELS + b"HandleReloadConfigRequest": self._method(
                self._reload, model_management_pb2.ReloadConfigRequest
            ),
        }

    def _method(self, answer: Method, request_type: Any, api: str = "") -> Handler:
        def handle(data: bytes, stream: Stream) -> None:
            if self._active >= self._options.max_threads:
                stream.fail(RESOURCE_EXHAUSTED, _EXHAUSTED)
            else:
                self._active += 1
                eager.start(self._serve(answer, request_type, api, data, stream))

        return handle

    def _predict(self, data: bytes, stream: Stream) -> None:
        if self._active >= self._options.max_threads:
            stream.fail(RESOURCE_EXHAUSTED, _EXHAUSTED)
        else:
            self._active += 1
            PredictCall(self._predicts, stream).begin(data)

    def _leave(self) -> None:
        self._active -= 1

    async def _serve(self, answer: Method, request_type: Any, api: str, data: bytes, stream: Stream) -> None:
        """Work on a call to its end even when the client gives up: its run still holds the model and a place."""
        started_ns, name, failure, message = time.monotonic_ns(), "", None, b""
        try:
            request = _parsed(request_type, data)
            name = _model_name(request)
            message = (await answer(request, stream.deadline_ns)).SerializeToString()
        except Exception as error:
            failure = as_serving_error(error)
        self._active -= 1
        if api:
            _count(api, name, failure, started_ns)
        if failure is None:
            stream.answer(message)
        else:
            stream.fail(failure.code, failure.message)

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


def _parsed(request_type: Any, data: bytes):
    try:
        return request_type.FromString(data)
    except DecodeError:
        raise ServingError(INTERNAL, UNPARSABLE) from None


def _model_name(request) -> str:
    spec = getattr(request, "model_spec", None)
    return spec.name if spec is not None else ""


def _count(api: str, name: str, failure: ServingError | None, started_ns: int) -> None:
    metrics.request_count.add(name, failure.code_name if failure else "OK")
    if failure is None:
        metrics.request_latency.add((time.monotonic_ns() - started_ns) / 1000, name, api, "GRPC")
