"""A model.tflite as a model: interpreters in a pool, one run each at a time (tflite_session.cc)."""

from __future__ import annotations

import os
import queue
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model_server import tensorflow_package
from model_server.element_types import NUMBERS
from model_server.errors import INTERNAL, ServingError, invalid

tensorflow_package.install()
from tensorflow.core.protobuf import meta_graph_pb2  # noqa: E402

FILE = "model.tflite"
PREDICT = "tensorflow/serving/predict"


@dataclass(frozen=True)
class TfliteRun:
    """What one kind of request feeds and fetches, by tensor name and by interpreter index."""

    feeds: tuple[str, ...]
    fetches: tuple[str, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


class TfliteModel:
    """The version folder's model.tflite behind the interface of SavedModel.

    Args:
        interpreters: How many requests may run at a time (pools times interpreters of a pool).

    Raises:
        ServingError: INTERNAL when the file is no TFLite model.
    """

    def __init__(self, path: str, interpreters: int):
        from tensorflow.lite.python.interpreter import Interpreter  # 0.7 s; only where a TFLite model is served

        file = os.path.join(path, FILE)
        self._pool: queue.SimpleQueue = queue.SimpleQueue()
        try:
            made = [Interpreter(model_path=file, num_threads=1) for _ in range(max(1, interpreters))]
        except ValueError as error:
            raise ServingError(INTERNAL, f"Failed to load tflite model {file}: {error}") from error
        self._indices: dict[str, int] = {}
        self.signatures = self._read_signatures(made[0])
        for interpreter in made:
            self._pool.put(interpreter)

    def _read_signatures(self, interpreter) -> dict[str, meta_graph_pb2.SignatureDef]:
        inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
        listed = interpreter.get_signature_list()
        if not listed:
            return {"serving_default": self._signature(_by_name(inputs), _by_name(outputs))}
        signatures = {}
        for key in listed:
            runner = interpreter.get_signature_runner(key)
            signatures[key] = self._signature(runner.get_input_details(), runner.get_output_details())
        return signatures

    def _signature(self, inputs: dict, outputs: dict) -> meta_graph_pb2.SignatureDef:
        signature = meta_graph_pb2.SignatureDef(method_name=PREDICT)
        for details, target in ((inputs, signature.inputs), (outputs, signature.outputs)):
            for alias, detail in details.items():
                self._indices[detail["name"]] = detail["index"]
                info = target[alias]
                info.name, info.dtype = detail["name"], _number(detail["dtype"])
                for size in detail["shape_signature"].tolist():
                    info.tensor_shape.dim.add(size=size)
        return signature

    def prepare(self, feeds: Sequence[str], fetches: Sequence[str]) -> TfliteRun:
        """Look the tensors up once.

        Raises:
            ServingError: INVALID_ARGUMENT for an unknown tensor.
        """
        unknown = [name for name in (*feeds, *fetches) if name not in self._indices]
        if unknown:
            raise invalid(f"Tensor {unknown[0]} was not found in the TFLite model")
        find = self._indices.__getitem__
        return TfliteRun(tuple(feeds), tuple(fetches), tuple(map(find, feeds)), tuple(map(find, fetches)))

    def run(self, run: TfliteRun, parts: Sequence[Sequence[np.ndarray]], timeout_ms: int = 0) -> list[np.ndarray]:
        """Run the model once on `parts[i]`, the arrays of feed i, joined along axis 0; `timeout_ms` has no effect.

        Raises:
            ServingError: INVALID_ARGUMENT when the tensors do not fit the model.
        """
        interpreter = self._pool.get()
        try:
            arrays = [arrays[0] if len(arrays) == 1 else np.concatenate(arrays) for arrays in parts]
            shapes = {detail["index"]: tuple(detail["shape"]) for detail in interpreter.get_input_details()}
            changed = [(i, a) for i, a in zip(run.inputs, arrays, strict=True) if shapes[i] != a.shape]
            for index, array in changed:
                interpreter.resize_tensor_input(index, array.shape)
            interpreter.allocate_tensors()
            for index, array in zip(run.inputs, arrays, strict=True):
                interpreter.set_tensor(index, array)
            interpreter.invoke()
            return [np.copy(interpreter.get_tensor(index)) for index in run.outputs]
        except (ValueError, RuntimeError) as error:
            raise invalid(f"Failed to run TFLite model: {error}") from error
        finally:
            self._pool.put(interpreter)

    def close(self) -> None:
        """Let the interpreters go."""
        while not self._pool.empty():
            self._pool.get()


def _by_name(details: list[dict]) -> dict[str, dict]:
    return {detail["name"]: detail for detail in details}


def _number(dtype: type) -> int:
    return NUMBERS[np.dtype(object)] if dtype in (np.bytes_, np.object_) else NUMBERS[np.dtype(dtype)]
