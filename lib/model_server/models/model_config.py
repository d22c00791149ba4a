"""ModelServerConfig: what models the server is to serve, checked as ServerCore::ReloadConfig checks it."""

from __future__ import annotations

import re

from model_server import log, tensorflow_package
from model_server.errors import failed_precondition, invalid
from model_server.models.version_policy import WatchedModel

tensorflow_package.install()
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig  # noqa: E402

PLATFORM = "tensorflow"
TENSORFLOW = 1  # ModelType, the deprecated way to say so
_WHERE = "tensorflow_serving/model_servers/server_core.cc:"
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
    names: set[str] = set()
    for model in config.model_config_list.config:
        if model.name in names:
            raise invalid(f"Illegal to list model {model.name} multiple times in config list")
        names.add(model.name)
    for model in config.model_config_list.config:
        _check_path(model)
    if current is not None:
        _check_platform_changes(config, current)


def check_transition(config: ModelServerConfig, current: ModelServerConfig | None) -> None:
    """Refuse to go from a list of models to something else; the log shows both configs.

    Raises:
        ServingError: FAILED_PRECONDITION.
    """
    if current is None or current.WhichOneof("config") == config.WhichOneof("config"):
        return
    text = "Cannot transition to requested config. It is only legal to transition from one ModelConfigList to another."
    for line in (text, f"Old config: {current}", f"New config: {config}"):
        log.error(_WHERE + "455", line)
    raise failed_precondition(text)


def check_platforms(config: ModelServerConfig) -> None:
    """Refuse a config with a model of a platform that is not served; it is in force by then.

    Raises:
        ServingError: INVALID_ARGUMENT.
    """
    for model in config.model_config_list.config:
        platform = _platform(model)
        if platform != PLATFORM:
            raise invalid(f"Model {model.name} requests unsupported platform {platform}")


def _platform(model) -> str:
    """The platform a model asks for, by its name or by the deprecated number.

    Raises:
        ServingError: INVALID_ARGUMENT for none, for both, and for a number that stands for none.
    """
    fields = "ModelServerConfig::model_type (deprecated)", "ModelServerConfig::model_platform"
    if not model.model_type:
        if not model.model_platform:
            raise invalid(f"Illegal setting neither {fields[0]} nor {fields[1]}, model name is {model.name}")
        return model.model_platform
    log.warning(
        _WHERE + "78", "Deprecated ModelServerConfig::model_type field used. Prefer ModelServerConfig::model_platform."
    )
    if model.model_platform:
        raise invalid(f"Illegal setting both {fields[0]} and {fields[1]}, model name is {model.name}")
    if model.model_type != TENSORFLOW:
        raise invalid(f"ModelServerConfig::model_type choice {model.model_type} not supported.")
    return PLATFORM


def _check_path(model) -> None:
    if not (model.base_path.startswith("/") or _URI.match(model.base_path)):
        raise invalid(f"Expected model {model.name} to have an absolute path or URI; got base_path()={model.base_path}")


def _check_platform_changes(config: ModelServerConfig, current: ModelServerConfig) -> None:
    before = {model.name: _platform(model) for model in current.model_config_list.config}
    for model in config.model_config_list.config:
        if model.name not in before:
            continue
        platform = _platform(model)
        if before[model.name] != platform:
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
