"""A SavedModel in a session of its own, run the way the server runs it: TF1 and TF2 models behave alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from playbook.errors import ModelError
from playbook.export import tensorflow_errors, weights
from playbook.tfserving import signatures, warmup_file
from playbook.tfserving.reference import Arrays
from playbook.tfserving.signatures import Signature
from playbook.tfserving.tensorflow import tensorflow

LISTS = ("TensorList", "TensorArray")  # operations in which tf.map_fn and recurrent layers gather
ROWS_REMEDY = "Give rows it takes in `rows_file`, or the open sizes in `input_shapes`."


class Loaded:
    """An open session on a SavedModel; use it in a `with` block.

    `load_s` is how long reading the graph and restoring the variables took, `nodes` how many operations it has, `lists`
    whether loops gather results in them, `stretch` how many times as long the load took as it had the processor: what
    else runs here.
    """

    def __init__(self, saved_model: Path) -> None:
        tf = tensorflow()
        self.path = Path(saved_model)
        self._graph = tf.Graph()
        began, began_cpu = time.perf_counter(), time.process_time()
        with self._graph.as_default():
            self._session = tf.compat.v1.Session(graph=self._graph)
            try:
                meta = tf.compat.v1.saved_model.load(self._session, [signatures.SERVE_TAG], str(self.path))
            except (OSError, RuntimeError, ValueError, KeyError, tf.errors.OpError) as error:
                self._session.close()
                signatures.meta_graph(self.path)  # says better what is missing, when a file or the tag is
                raise ModelError(
                    f"{self.path} does not load: {tensorflow_errors.words(error)}. Export the model again."
                ) from error
        self.load_s = time.perf_counter() - began
        self.stretch = max(1.0, self.load_s / max(1e-3, time.process_time() - began_cpu))
        nodes = [*meta.graph_def.node, *(node for one in meta.graph_def.library.function for node in one.node_def)]
        self.nodes, self.lists = len(nodes), any(node.op.startswith(LISTS) for node in nodes)
        self.signatures = signatures.of_meta_graph(meta, self.path)

    def __enter__(self) -> Loaded:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()
        del self._session  # who is closed and not let go of keeps the variables in memory

    def runner(self, signature: Signature) -> Callable[[Mapping[str, np.ndarray]], Arrays]:
        """A prepared call of one signature, as cheap as the server's own."""
        outputs = [tensor.alias for tensor in signature.outputs]
        feeds = [self._graph.get_tensor_by_name(tensor.name) for tensor in signature.inputs]
        fetches = [self._graph.get_tensor_by_name(tensor.name) for tensor in signature.outputs]
        call = self._session.make_callable(fetches, feeds)
        aliases = [tensor.alias for tensor in signature.inputs]
        return lambda inputs: dict(zip(outputs, call(*(inputs[alias] for alias in aliases)), strict=True))

    def weights_mb(self, signature: Signature) -> float:
        """Megabytes of the variables that a signature needs; the graph that Keras exports has each three times."""
        graph_def, ends = self._graph.as_graph_def(), [tensor.name.partition(":")[0] for tensor in signature.outputs]
        needed = tensorflow().compat.v1.graph_util.extract_sub_graph(graph_def, ends)
        return weights.variables_bytes(needed) / 1e6

    def run(self, signature: Signature, inputs: Mapping[str, np.ndarray]) -> Arrays:
        """Answer one batch.

        Raises:
            ModelError: the model refuses these rows; its own message and the rows' shapes are kept.
        """
        tf = tensorflow()
        try:
            return self.runner(signature)(inputs)
        except (tf.errors.OpError, ValueError, KeyError, TypeError) as error:
            given = ", ".join(f"{alias} {array.dtype} {array.shape}" for alias, array in inputs.items())
            raise ModelError(
                f"Signature {signature.name!r} of {self.path} refused the rows {given}: "
                f"{tensorflow_errors.words(error)}. {ROWS_REMEDY}"
            ) from error


def replay(loaded: Loaded, logs: Iterable[Any]) -> int:
    """Run every warm-up log as a server would at load; returns how many ran.

    Raises:
        ModelError: the model refuses one, as the server would, and fail the load.
    """
    count = 0
    for log in logs:
        name, fed = warmup_file.request_of(log)
        signature = signatures.pick(loaded.signatures, name)
        if isinstance(fed, list):
            rows = np.empty(len(fed), dtype=object)
            rows[:] = fed
            fed = {signature.inputs[0].alias: rows}
        loaded.run(signature, fed)
        count += 1
    return count
