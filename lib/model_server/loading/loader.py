"""Loads one version: its batching parameters, the SavedModel, the session around it, and its warm-up."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field

from model_server import log, metrics, text_proto
from model_server.batching.executors import Delivery, DirectPool, DirectSession, SameThread
from model_server.batching.options import QueueOptions, queue_options
from model_server.batching.scheduler import BatchScheduler
from model_server.batching.session import BatchingSession
from model_server.config_messages import BatchingParameters
from model_server.errors import ServingError
from model_server.loading import warmup
from model_server.loading.warmup import ReplayOptions
from model_server.models.servable import Servable
from model_server.runtime import tflite_model, unsafe_ops

MLMD_FILE = os.path.join("assets.extra", "mlmd_uuid")  # machine_learning_metadata.cc
BATCHING_FILE = "batching_params.pbtxt"
_FACTORY = "tensorflow_serving/servables/tensorflow/"


@dataclass(frozen=True)
class LoadOptions:
    """What the flags say about loading a model. `batching` is None where requests are not batched."""

    tags: tuple[str, ...] = ("serve",)
    session_config: bytes = b""
    batching: BatchingParameters | None = None
    per_model_batching: bool = False
    warmup: bool = True
    replay: ReplayOptions = field(default_factory=ReplayOptions)
    reject_unsafe_ops: bool = False
    prefer_tflite: bool = False
    tflite_interpreters: int = 1


def saved_model_type() -> type:
    """SavedModel on the C library, or on the full import where the library is not as expected."""
    try:
        from model_server.runtime.saved_model import SavedModel
    except (OSError, AttributeError, ImportError) as error:
        log.warning("model_server", f"TensorFlow's C library cannot be used ({error}); importing all of TensorFlow.")
        from model_server.runtime.python_session import PythonSavedModel

        return PythonSavedModel
    return SavedModel


class Loader:
    """Makes servables; `scheduler` is None when batching is off."""

    def __init__(self, options: LoadOptions, scheduler: BatchScheduler | None, pool: DirectPool, delivery: Delivery):
        self._options, self._scheduler = options, scheduler
        self._pool, self._delivery = pool, delivery

    def load(self, name: str, version: int, path: str) -> Servable:
        """The version, warmed up and ready.

        Raises:
            ServingError: the load failed; the manager may try again.
        """
        model = self._model(path)
        try:
            servable = Servable(name, version, path, model, self._executor(model, self._queue_options(path)))
            if os.path.exists(os.path.join(path, MLMD_FILE)):
                metrics.mlmd_map.set(name, str(version))
            if self._options.warmup:
                alone = servable.on(DirectSession(model, SameThread()))
                batched = servable if isinstance(servable.executor, BatchingSession) else None
                warmup.replay(alone, batched, self._options.replay, self._delivery.loop)
        except Exception:
            model.close()
            raise
        return servable

    def _model(self, path: str):
        options = self._options
        if options.prefer_tflite and os.path.exists(os.path.join(path, tflite_model.FILE)):
            return tflite_model.TfliteModel(path, options.tflite_interpreters)
        if options.reject_unsafe_ops:
            unsafe_ops.check(path)
        started_ns = time.monotonic_ns()
        try:
            model = saved_model_type()(path, options.tags, options.session_config)
        except ServingError:
            metrics.load_attempt_count.add(path, "fail")
            raise
        metrics.load_attempt_count.add(path, "success")
        metrics.load_latency.add(path, by=(time.monotonic_ns() - started_ns) // 1000)
        metrics.session_created.set()
        return model

    def _queue_options(self, path: str) -> QueueOptions | None:
        """The version's batching options; None: this version is not batched."""
        if self._scheduler is None:
            return None
        if not self._options.per_model_batching:
            return queue_options(self._options.batching)
        file = os.path.join(path, BATCHING_FILE)
        return queue_options(text_proto.read(file, BatchingParameters)) if os.path.exists(file) else None

    def _executor(self, model, options: QueueOptions | None):
        if options is None or self._scheduler is None:
            return DirectSession(model, self._pool)
        log.info(_FACTORY + "bundle_factory_util.cc:180", "Wrapping session to perform batch processing")
        return BatchingSession(model, options, self._scheduler, self._delivery)
