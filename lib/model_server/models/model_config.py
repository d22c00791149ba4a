"""ModelServerConfig: what models the server is to serve, checked as ServerCore::ReloadConfig checks it."""

from __future__ import annotations

import re

from model_server import tensorflow_package
from model_server.errors import failed_precondition, invalid
from model_server.models.version_policy import WatchedModel

tensorflow_package.install()
from tensorflow_serving.config import model_server_config_pb2  # noqa: E402

ModelServerConfig = model_server_config_pb2.ModelServerConfig
PLATFORM = "tensorflow"
_URI = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")


def single_model(name: str, base_path: str) -> ModelServerConfig:
    """The config that --model_name and --model_base_path stand for."""
    config = ModelServerConfig()
    config.model_config_list.config.add(name=name, base_path=base_path, model_platform=PLATFORM)
    return config


def check(config: ModelServerConfig, current: ModelServerConfig | None) -> None:
    """Refuse a config that TensorFlow Serving refuses before it acts on it.

    Raises:
        ServingError: INVALID_ARGUMENT or FAILED_PRECONDITION with TensorFlow Serving's text.
    """
    if current is not None and current.WhichOneof("config") != config.WhichOneof("config"):
        raise failed_precondition(
            "Cannot transition to requested config. It is only legal to transition from one ModelConfigList to another."
        )
    seen: set[str] = set()
    for model in config.model_config_list.config:
        if model.name in seen:
            raise invalid(f"Illegal to list model {model.name} multiple times in config list")
        seen.add(model.name)
    for model in config.model_config_list.config:
        _check_platform(model)
        _check_path(model)
    if current is not None:
        _check_platform_changes(config, current)


def _check_platform(model) -> None:
    if not model.model_platform and not model.model_type:
        raise invalid(
            "Illegal setting neither ModelServerConfig::model_type (deprecated) nor ModelServerConfig::model_platform, "
            f"model name is {model.name}"
        )
    if model.model_platform and model.model_type:
        raise invalid("Illegal setting both ModelServerConfig::model_type (deprecated) and model_platform")
    if model.model_platform and model.model_platform != PLATFORM:
        raise invalid(f"Model {model.name} requests unsupported platform {model.model_platform}")


def _check_path(model) -> None:
    if not (model.base_path.startswith("/") or _URI.match(model.base_path)):
        raise invalid(f"Expected model {model.name} to have an absolute path or URI; got base_path()={model.base_path}")


def _check_platform_changes(config: ModelServerConfig, current: ModelServerConfig) -> None:
    before = {model.name: model.model_platform or PLATFORM for model in current.model_config_list.config}
    for model in config.model_config_list.config:
        platform = model.model_platform or PLATFORM
        if before.get(model.name, platform) != platform:
            raise invalid(
                f"Illegal to change a model's platform. For model {model.name} platform was {before[model.name]} "
                f"and new platform requested is {platform}"
            )


def watched(config: ModelServerConfig) -> tuple[WatchedModel, ...]:
    """The base paths and policies of a config, for the source that polls them."""
    return tuple(_watched(model) for model in config.model_config_list.config)


def _watched(model) -> WatchedModel:
    policy = model.model_version_policy
    kind = policy.WhichOneof("policy_choice")
    return WatchedModel(
        name=model.name,
        base_path=model.base_path,
        latest=policy.latest.num_versions if kind == "latest" else 1,
        every=kind == "all",
        specific=tuple(policy.specific.versions) if kind == "specific" else None,
    )
