"""What stays a variable in a frozen form: what a run writes, and the large weights of a large model.

It is carried from file to file outside any graph. As constants large weights would stand in every copy of the graph
that TensorFlow makes while it freezes, folds, imports and writes one (5.1 GB of memory for an embedding of 300 MB); a
session holds a variable once. TensorFlow is imported when a function is called.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playbook.tfserving.tensorflow import tensorflow

LARGE_BYTES, MANY_BYTES = 1 << 20, 64 << 20  # of a variable, and of all such, that stay variables
HALVED = 256  # values; a smaller variable is a counter or a scale, and no weight worth halving
WRITERS = ("Assign", "ResourceScatter", "ResourceApply", "ResourceStridedSliceAssign", "Rng", "Stateful")  # of states
CHECKPOINT = "weights"
FOLDER = ".weights"  # behind the name of the model they are of


@dataclass(frozen=True)
class Weights:
    """Variables that stay variables: the nodes of their handles, and the checkpoint that holds them by these names.

    `stored` is the type they are written in; they are cast back when they are loaded, once, and not in every run.
    """

    names: tuple[str, ...] = ()
    folder: Path | None = None
    stored: str = "float32"

    def forget(self) -> None:
        """Remove the checkpoint; forms that were written from it have their own."""
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)


def kept(graph_def: Any) -> list[str]:
    """The names of what stays a variable: what a run writes, and large ones unless all together are few bytes."""
    nodes = {node.name: node for node in graph_def.node}
    sizes = {node.name: size for node in graph_def.node if (size := _bytes(node)) >= LARGE_BYTES}
    large = set(sizes) if sum(sizes.values()) >= MANY_BYTES else set[str]()
    given = [source for node in graph_def.node if node.op.startswith(WRITERS) for source in node.input]
    return sorted(large | {name for name in (_origin(nodes, source) for source in given) if name})


def _origin(nodes: Mapping[str, Any], source: str) -> str | None:
    """The variable whose handle comes in here, past what passes it on; None where it is none."""
    node = nodes.get(source.partition(":")[0])
    while node is not None and node.op == "Identity":
        node = nodes.get(node.input[0].partition(":")[0])
    return node.name if node is not None and node.op == "VarHandleOp" else None


def variables_bytes(graph_def: Any, besides: Sequence[str] = ()) -> int:
    """Bytes of the variables of a graph, but for these."""
    return sum(_bytes(node, ("VarHandleOp", "VariableV2")) for node in graph_def.node if node.name not in besides)


def put_aside(session: Any, names: Sequence[str], folder: Path) -> Weights:
    """Write variables of an open session to a checkpoint, each under the name of its handle."""
    if not names:
        return Weights()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with session.graph.as_default():
        _saver(session.graph, names, "float32").save(session, str(folder / CHECKPOINT), write_meta_graph=False)
    return Weights(tuple(names), folder)


def saver(session: Any, weights: Weights) -> Any:
    """Load the variables into a session whose graph has their handles; what writes them into a SavedModel, or None."""
    if not weights.folder:
        return None
    graph = session.graph
    _saver(graph, weights.names, "float32").restore(session, str(weights.folder / CHECKPOINT))
    return _saver(graph, weights.names, weights.stored)


def variables(weights: Weights, graph_def: Any) -> dict[str, Any]:
    """The same as tf.Variable by the name of its handle, for what is traced anew."""
    tf = tensorflow()
    if not weights.folder:
        return {}
    handles = [node for node in graph_def.node if node.name in weights.names]
    types = {node.name: tf.dtypes.as_dtype(node.attr["dtype"].type) for node in handles}
    made = {}
    for name in weights.names:
        (value,) = tf.raw_ops.RestoreV2(
            prefix=str(weights.folder / CHECKPOINT), tensor_names=[name], shape_and_slices=[""], dtypes=[types[name]]
        )
        made[name] = tf.Variable(value, trainable=False)
    return made


def _saver(graph: Any, names: Sequence[str], stored: str) -> Any:
    """A Saver of variables by the names of their handles, their values in `stored` where they are float32."""
    tf = tensorflow()
    from tensorflow.python.training.saving import saveable_object

    class Kept(saveable_object.SaveableObject):
        def __init__(self, name: str) -> None:
            self.handle = graph.get_tensor_by_name(f"{name}:0")
            node = self.handle.op
            self.dtype = node.get_attr("dtype")
            value = tf.raw_ops.ReadVariableOp(resource=self.handle, dtype=self.dtype)
            value.set_shape(tf.TensorShape(node.get_attr("shape")))
            halved = self.dtype == tf.float32 and (value.shape.num_elements() or 0) >= HALVED
            written = tf.cast(value, stored) if halved else value
            super().__init__(self.handle, [saveable_object.SaveSpec(written, "", name)], name)

        def restore(self, restored_tensors: Sequence[Any], restored_shapes: Any) -> Any:
            value = tf.cast(restored_tensors[0], self.dtype)
            return tf.raw_ops.AssignVariableOp(resource=self.handle, value=value)

    return tf.compat.v1.train.Saver([Kept(name) for name in names])


def _bytes(node: Any, kinds: Sequence[str] = ("VarHandleOp",)) -> int:
    if node.op not in kinds:
        return 0
    tf = tensorflow()
    sizes = [dim.size for dim in node.attr["shape"].shape.dim]
    if node.attr["shape"].shape.unknown_rank or any(size < 0 for size in sizes):
        return 0
    return int(math.prod(sizes)) * int(tf.dtypes.as_dtype(node.attr["dtype"].type).size)
