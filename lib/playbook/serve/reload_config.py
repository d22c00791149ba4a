"""Which versions a running server keeps: the configuration that HandleReloadConfigRequest brings it."""

from __future__ import annotations

from playbook.errors import PredictFailed
from playbook.serve import client
from playbook.serve.handle import Handle
from playbook.tfserving.messages import MESSAGES

TIMEOUT_S = 60.0  # the answer comes when what is new has been loaded


def keep(handle: Handle, model_name: str, base_path: str, versions: int) -> None:
    """Have it serve this model alone, its newest `versions` at a time.

    Args:
        handle: The server.
        model_name: The servable's name.
        base_path: As the server sees it.
        versions: How many stay loaded (model_version_policy, latest).

    Raises:
        PredictFailed: it did not answer, or refused; its code and text are kept.
    """
    import grpc

    request = MESSAGES["ReloadConfigRequest"]()
    model = request.config.model_config_list.config.add(name=model_name, base_path=base_path)
    model.model_platform = "tensorflow"
    model.model_version_policy.latest.num_versions = versions
    with client.channel(handle) as opened:
        call = opened.unary_unary(
            "/tensorflow.serving.ModelService/HandleReloadConfigRequest",
            request_serializer=MESSAGES["ReloadConfigRequest"].SerializeToString,
            response_deserializer=MESSAGES["ReloadConfigResponse"].FromString,
        )
        try:
            status = call(request, timeout=TIMEOUT_S).status
        except grpc.RpcError as error:
            raise PredictFailed(f"Reload of the configuration: {error.code().name}, {error.details()}") from error
    if status.error_code:
        raise PredictFailed(f"Reload of the configuration: {status.error_message}")
