"""One loaded SavedModel: its signatures and a session that runs them, by TensorFlow's own C++ loader."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from model_server import tensorflow_package
from model_server.errors import ServingError, invalid
from model_server.runtime import tensors
from model_server.runtime.c_api import Buffer, Output, check, status, tf

tensorflow_package.install()
from tensorflow.core.protobuf import config_pb2, meta_graph_pb2  # noqa: E402


@dataclass(eq=False)
class GraphRun:
    """What one kind of request feeds and fetches: tensor names, and the C arrays that name them to TensorFlow.

    `built`: it has run before, so that TensorFlow has built and optimized its graph.
    """

    feeds: tuple[str, ...]
    fetches: tuple[str, ...]
    inputs: ctypes.Array = field(repr=False)
    outputs: ctypes.Array = field(repr=False)
    built: bool = False


class SavedModel:
    """A SavedModel in memory. `run` may be called from many threads at once.

    Args:
        path: The version folder that holds saved_model.pb.
        tags: The tag set of the MetaGraph to load, usually `("serve",)`.
        config: A serialized tensorflow.ConfigProto.

    Raises:
        ServingError: with the loader's own code and text.
    """

    def __init__(self, path: str, tags: Sequence[str] = ("serve",), config: bytes = b""):
        self._graph = tf.TF_NewGraph()
        self._session = None
        meta_graph = tf.TF_NewBuffer()
        try:
            self._session = _load(path, tags, config, self._graph, meta_graph)
            data = ctypes.string_at(meta_graph.contents.data, meta_graph.contents.length)
        except ServingError:
            tf.TF_DeleteGraph(self._graph)
            raise
        finally:
            tf.TF_DeleteBuffer(meta_graph)
        self.signatures = dict(meta_graph_pb2.MetaGraphDef.FromString(data).signature_def)

    def prepare(self, feeds: Sequence[str], fetches: Sequence[str]) -> GraphRun:
        """Look the tensors up once, so that a request does not have to.

        Raises:
            ServingError: INVALID_ARGUMENT when the graph has no such tensor.
        """
        return GraphRun(tuple(feeds), tuple(fetches), self._outputs(feeds), self._outputs(fetches))

    def _outputs(self, names: Sequence[str]) -> ctypes.Array:
        array = (Output * len(names))()
        for index, name in enumerate(names):
            operation, _, output = name.partition(":")
            handle = tf.TF_GraphOperationByName(self._graph, operation.encode())
            if not handle or int(output or 0) >= tf.TF_OperationNumOutputs(handle):
                raise invalid(
                    f"Tensor {name}, specified in either feed_devices or fetch_devices was not found in the Graph"
                )
            array[index] = Output(handle, int(output or 0))
        return array

    def run(self, run: GraphRun, parts: Sequence[Sequence[np.ndarray]], timeout_ms: int = 0) -> list[np.ndarray]:
        """Run the graph once on `parts[i]`, the arrays of feed i, joined along axis 0.

        Args:
            timeout_ms: How long TensorFlow may take; 0 is no limit.

        Raises:
            ServingError: TensorFlow's code and text.
        """
        feeds = (ctypes.c_void_p * len(parts))()
        results = (ctypes.c_void_p * len(run.fetches))()
        options = _run_options(timeout_ms)
        state = status()
        try:
            for index, arrays in enumerate(parts):
                feeds[index] = tensors.merge(arrays)
            tf.TF_SessionRun(
                *(self._session, options, run.inputs, feeds, len(feeds)),
                *(run.outputs, results, len(results), None, 0, None, state),
            )
            check(state)
            return [tensors.read(handle) for handle in results if handle]
        finally:
            for handle in (*feeds, *results):
                if handle:
                    tf.TF_DeleteTensor(handle)
            if options:
                tf.TF_DeleteBuffer(options)

    def close(self) -> None:
        """Give the session and the graph back; nothing may run any more."""
        if self._session:
            state = status()
            tf.TF_CloseSession(self._session, state)
            tf.TF_DeleteSession(self._session, state)
            tf.TF_DeleteGraph(self._graph)
            self._session = None


def _load(path: str, tags: Sequence[str], config: bytes, graph: int, meta_graph: Buffer) -> int:
    options = tf.TF_NewSessionOptions()
    state = status()
    try:
        tf.TF_SetConfig(options, config, len(config), state)
        check(state)
        names = (ctypes.c_char_p * len(tags))(*[tag.encode() for tag in tags])
        session = tf.TF_LoadSessionFromSavedModel(
            options, None, path.encode(), names, len(tags), graph, meta_graph, state
        )
        check(state)
        return session
    finally:
        tf.TF_DeleteSessionOptions(options)


def _run_options(timeout_ms: int):
    if timeout_ms <= 0:
        return None
    data = config_pb2.RunOptions(timeout_in_ms=timeout_ms).SerializeToString()
    return tf.TF_NewBufferFromString(data, len(data))
