"""ModelService.HandleReloadConfigRequest: replaces the configuration while the server runs."""

from __future__ import annotations

from model_server import log, metrics, tensorflow_package
from model_server.batching.executors import in_thread
from model_server.errors import ServingError, invalid
from model_server.models.core import Core

tensorflow_package.install()
from tensorflow_serving.apis import model_management_pb2  # noqa: E402

_WHERE = "tensorflow_serving/model_servers/model_service_impl.cc:"


async def reload(core: Core, request, loop) -> model_management_pb2.ReloadConfigResponse:
    """Apply a ReloadConfigRequest; waits until its new models are loaded, possibly for ever.

    Raises:
        ServingError: the configuration is refused or a new model failed.
    """
    before = {name: _first_point(name) for name in request.metric_names}
    if request.config.WhichOneof("config") != "model_config_list":
        raise _failed(
            invalid(
                "ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList is currently "
                "supported"
            )
        )
    for index, model in enumerate(request.config.model_config_list.config, start=1):
        log.info(
            _WHERE + "62",
            f"\nConfig entry\n\tindex : {index}\n\tpath : {model.base_path}\n\tname : {model.name}\n\tplatform : "
            f"{model.model_platform}",
        )
    try:
        await in_thread(loop, lambda: core.reload(request.config))
    except ServingError as error:
        raise _failed(error) from None
    response = model_management_pb2.ReloadConfigResponse()
    response.status.SetInParent()
    for name in request.metric_names:
        response.metric.add(name=name, int64_value_increase=_first_point(name) - before[name])
    return response


def _failed(error: ServingError) -> ServingError:
    log.error(_WHERE + "78", f"ReloadConfig failed: {error.message}")
    return error


def _first_point(name: str) -> int:
    """The first value of a counter; 0 for histograms and unknown names."""
    metric = metrics.find(name)
    if not isinstance(metric, metrics.Counter) or not metric.cells:
        return 0
    return metric.cells[min(metric.cells)]
