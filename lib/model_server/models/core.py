"""The server behind its protocols: which models are configured, which version answers, what was loaded (ServerCore)."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from model_server import log
from model_server.errors import UNAVAILABLE, ServingError, failed_precondition, invalid, not_found
from model_server.models import model_config
from model_server.models.manager import Manager
from model_server.models.model_config import ModelServerConfig
from model_server.models.servable import Servable
from model_server.models.states import AVAILABLE, StateMonitor
from model_server.models.storage_source import StorageSource

_WHERE = "tensorflow_serving/model_servers/server_core.cc:"


@dataclass(frozen=True)
class ModelSpec:
    """Which model a request means: by number, by label, or the newest version."""

    name: str
    version: int | None = None
    label: str = ""


class Core:
    """Holds the configuration and finds servables for requests."""

    def __init__(self, manager: Manager, source: StorageSource, states: StateMonitor, allow_early_labels: bool = False):
        self.manager, self.states = manager, states
        self._source, self._allow_early_labels = source, allow_early_labels
        self._config: ModelServerConfig | None = None
        self._labels: dict[str, dict[str, int]] | None = None
        self._lock = threading.Lock()

    def find(self, spec: ModelSpec) -> Servable:
        """The servable for a request, acquired; the caller releases it.

        Raises:
            ServingError: NOT_FOUND when nothing AVAILABLE fits, INVALID_ARGUMENT for an unknown label, UNAVAILABLE for
                a label before any configuration was applied.
        """
        version = self._labelled(spec) if spec.label else spec.version
        while True:
            versions = self.manager.serving.get(spec.name)
            servable = versions.get(version) if versions else None
            if servable is None:
                which = f"Latest({spec.name})" if version is None else f"Specific({spec.name}, {version})"
                raise not_found(f"Servable not found for request: {which}")
            if servable.acquire():
                return servable

    def _labelled(self, spec: ModelSpec) -> int:
        if self._labels is None:
            raise ServingError(UNAVAILABLE, "Model labels does not init yet.")
        try:
            return self._labels[spec.name][spec.label]
        except KeyError:
            raise invalid(f"Unrecognized servable version label: {spec.label}") from None

    def start(self, config: ModelServerConfig) -> None:
        """Apply the first configuration and wait until every model has a version AVAILABLE (possibly for ever).

        Raises:
            ServingError: the configuration is refused, or a model failed to load.
        """
        self._apply(config, "servable")
        self.manager.end_initial_load()

    def reload(self, config: ModelServerConfig) -> None:
        """Replace the configuration: models left out are unloaded, new ones are loaded and waited for.

        Raises:
            ServingError: as `start`; a new model that failed to load is UNKNOWN.
        """
        self._apply(config, "model")

    def _apply(self, config: ModelServerConfig, what: str) -> None:
        with self._lock:
            kind = config.WhichOneof("config")
            model_config.check_transition(config, self._config)
            if kind is None:
                log.info(_WHERE + "465", "Taking no action for empty config.")
                return
            if kind == "custom_model_config":
                log.fatal(_WHERE + "470", "ModelServer does not yet support custom model config.")
            model_config.check(config, self._config)
            before = self._source.names
            self._config = ModelServerConfig()
            self._config.CopyFrom(config)
            self._assign_labels(config)
            log.info(_WHERE + "465", "Adding/updating models.")
            for model in config.model_config_list.config:
                log.info(_WHERE + "591", f" (Re-)adding model: {model.name}")
            model_config.check_platforms(config)
            models = model_config.watched(config)
            since = self.states.now()
            self._source.watch(models)
            new = [model.name for model in models if model.name not in before]
            self.states.wait_until_loaded(new, since, what)
            log.info(_WHERE + "486", "Finished adding/updating models")
            if any(model.HasField("logging_config") for model in config.model_config_list.config):
                raise invalid("No request-logger-creator provided.")  # the stock binary has none

    def _assign_labels(self, config: ModelServerConfig) -> None:
        """Labels may point only at AVAILABLE versions, unless new ones are allowed to come early."""
        labels = {}
        for model in config.model_config_list.config:
            labels[model.name] = dict(model.version_labels)
            for label, version in model.version_labels.items():
                known = (self._labels or {}).get(model.name, {}).get(label)
                if known == version or (known is None and self._allow_early_labels):
                    continue
                entry = self.states.versions(model.name).get(version)
                if entry is None or entry.state != AVAILABLE:
                    raise failed_precondition(
                        f"Request to assign label to version {version} of model {model.name}, which is not currently "
                        "available for inference"
                    )
        self._labels = labels
