"""A model.tflite as a model: interpreters in a pool, one run each at a time (tflite_session.cc)."""

from __future__ import annotations

import os
import queue
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from model_server import log, tensorflow_package
from model_server.element_types import NUMBERS
from model_server.errors import INTERNAL, ServingError, invalid
from model_server.runtime import tflite_metadata

tensorflow_package.install()
from tensorflow.core.protobuf import meta_graph_pb2  # noqa: E402

FILE = "model.tflite"
PREDICT = "tensorflow/serving/predict"
_WHERE = "tensorflow_serving/servables/tensorflow/tflite_session.cc:"


@dataclass(frozen=True)
class TfliteRun:
    """What one kind of request feeds and fetches, by tensor name and by interpreter index.

    `built`: as there is no graph of TensorFlow to build.
    """

    built: ClassVar[bool] = True
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
            content = Path(file).read_bytes()
            first, *others = [Interpreter(model_content=content, num_threads=1) for _ in range(max(1, interpreters))]
        except (OSError, ValueError) as error:
            raise ServingError(INTERNAL, f"Failed to load tflite model {file}: {error}") from error
        self._inputs = {detail["name"]: detail for detail in first.get_input_details()}
        self._outputs = {detail["name"]: detail for detail in first.get_output_details()}
        self.signatures = self._read_signatures(content)
        for interpreter in (first, *others):
            self._pool.put(interpreter)

    def _read_signatures(self, content: bytes) -> dict[str, meta_graph_pb2.SignatureDef]:
        """The signatures of the file's metadata; without any, one whose aliases are the names of the tensors."""
        signatures = tflite_metadata.signature_defs(content)
        for signature in signatures.values():
            _name_tensors("input", signature.inputs, self._inputs)
            _name_tensors("output", signature.outputs, self._outputs)
        if signatures:
            return signatures
        log.warning(_WHERE + "497", "No signature def found in TFLite model. Generating one.")
        signature = meta_graph_pb2.SignatureDef(method_name=PREDICT)
        for details, target in ((self._inputs, signature.inputs), (self._outputs, signature.outputs)):
            for name, detail in details.items():
                target[_without_index(name)].CopyFrom(_info(detail))
        return {"serving_default": signature}

    def prepare(self, feeds: Sequence[str], fetches: Sequence[str]) -> TfliteRun:
        """Look the tensors up once.

        Raises:
            ServingError: INTERNAL for an unknown tensor.
        """
        inputs = tuple(_detail(name, self._inputs)["index"] for name in feeds)
        outputs = tuple(_detail(name, self._outputs)["index"] for name in fetches)
        return TfliteRun(tuple(feeds), tuple(fetches), inputs, outputs)

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


def _without_index(name: str) -> str:
    """A tensor's name as early converters wrote it, without `:0`."""
    return name.partition(":")[0]


def _detail(name: str, details: dict[str, dict]) -> dict:
    """What the interpreter says of the tensor of this name, tried as it is and then without `:0`.

    Raises:
        ServingError: INTERNAL, there is none.
    """
    detail = details.get(name) or details.get(_without_index(name))
    if detail is None:
        raise ServingError(INTERNAL, f"Unknown tensor '{name}'.")
    return detail


def _name_tensors(side: str, infos, details: dict[str, dict]) -> None:
    """Give the tensors of one side of a signature the names they have in the file."""
    for alias, info in infos.items():
        try:
            info.name = _detail(info.name, details)["name"]
        except ServingError as error:
            text = f"{error.message}\n\tSignature {side} {alias} references an unknown tensor"
            raise ServingError(error.code, text) from None


def _info(detail: dict) -> meta_graph_pb2.TensorInfo:
    info = meta_graph_pb2.TensorInfo(name=detail["name"], dtype=_number(detail["dtype"]))
    for size in detail["shape"].tolist():
        info.tensor_shape.dim.add(size=size)
    return info


def _number(dtype: type) -> int:
    return NUMBERS[np.dtype(object)] if dtype in (np.bytes_, np.object_) else NUMBERS[np.dtype(dtype)]
