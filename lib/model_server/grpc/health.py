"""grpc.health.v1 as TensorFlow Serving has it: SERVING for ever, under literal names."""

from __future__ import annotations

from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2

from model_server.errors import INTERNAL, NOT_FOUND
from model_server.grpc.stream import Handler, Stream

_SERVICES = frozenset({"", "ModelService", "PredictionService"})
_RESPONSE = health_pb2.HealthCheckResponse
SERVING = _RESPONSE(status=_RESPONSE.SERVING).SerializeToString()
SERVICE_UNKNOWN = _RESPONSE(status=_RESPONSE.SERVICE_UNKNOWN).SerializeToString()


def methods() -> dict[bytes, Handler]:
    """path -> handler of the service's two methods."""
    return {b"/grpc.health.v1.Health/Check": _check, b"/grpc.health.v1.Health/Watch": _watch}


def _check(message: bytes, stream: Stream) -> None:
    service = _service(message)
    if service is None:
        stream.fail(INTERNAL, "could not parse request")
    elif service in _SERVICES:
        stream.answer(SERVING)
    else:
        stream.fail(NOT_FOUND, "service name unknown")


def _watch(message: bytes, stream: Stream) -> None:
    """The state now; as it never changes, nothing follows until the client goes."""
    service = _service(message)
    if service is None:
        stream.fail(INTERNAL, "could not parse request")
    else:
        stream.send(SERVING if service in _SERVICES else SERVICE_UNKNOWN)


def _service(message: bytes) -> str | None:
    try:
        return health_pb2.HealthCheckRequest.FromString(message).service
    except DecodeError:
        return None
