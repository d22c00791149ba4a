"""Inference only: variables become constants, calls are inlined, constants folded, training branches removed.

Works on any SavedModel a session loads, of TensorFlow 1 or 2. TensorFlow is imported when a function is called.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from playbook.export import dead_branches
from playbook.tfserving import signatures
from playbook.tfserving.signatures import SERVE_TAG, Signature
from playbook.tfserving.tensorflow import tensorflow

# Inlining first, then what it lets fold; "remap" fuses a product with its bias and ReLU.
INLINE = ("function",)
FOLD = ("pruning", "constfold", "arithmetic", "shape", "dependency", "constfold", "remap", "pruning")


@dataclass(frozen=True)
class Frozen:
    """A graph without variables; its signatures name tensors of that graph."""

    graph_def: Any
    signatures: list[Signature]


def freeze(saved_model: Path, kept: Sequence[str]) -> Frozen:
    """The graph behind the signatures named in `kept`, and nothing else.

    Raises:
        ModelError: no such SavedModel or signature.
        Exception: TensorFlow cannot freeze it; the caller says so beside the variant.
    """
    tf = tensorflow()
    from tensorflow.python.framework import convert_to_constants

    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
        meta = tf.compat.v1.saved_model.load(session, [SERVE_TAG], str(saved_model))
        found = signatures.of_meta_graph(meta, saved_model)
        chosen = [_with_answers(tf, graph, signatures.pick(found, name)) for name in kept]
        ends = sorted({tensor.name.partition(":")[0] for one in chosen for tensor in one.outputs})
        frozen = convert_to_constants.convert_variables_to_constants_from_session_graph(
            session, graph.as_graph_def(), ends
        )
    inlined = _optimize(frozen, chosen, INLINE)
    dead_branches.remove(inlined)
    return Frozen(_optimize(inlined, chosen, FOLD), chosen)


def write(frozen: Frozen, path: Path) -> None:
    """Save a frozen graph as a SavedModel with the same signatures and methods."""
    tf = tensorflow()
    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
        tf.import_graph_def(frozen.graph_def, name="")
        builder = tf.compat.v1.saved_model.Builder(str(path))
        definitions = {one.name: _definition(tf, graph, one) for one in frozen.signatures}
        builder.add_meta_graph_and_variables(session, [SERVE_TAG], signature_def_map=definitions)
        builder.save()


def _with_answers(tf: Any, graph: Any, signature: Signature) -> Signature:
    """Give each output a node of its own, whose name no optimisation takes away."""
    with graph.as_default():
        named = [
            replace(tensor, name=tf.identity(graph.get_tensor_by_name(tensor.name), name=f"answer_{tensor.alias}").name)
            for tensor in signature.outputs
        ]
    return replace(signature, outputs=tuple(named))


def _optimize(graph_def: Any, chosen: Sequence[Signature], passes: Sequence[str]) -> Any:
    """Run TensorFlow's own graph optimiser, Grappler, with these passes."""
    tf = tensorflow()
    from tensorflow.core.protobuf import config_pb2, rewriter_config_pb2
    from tensorflow.python.grappler import tf_optimizer

    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
        meta = tf.compat.v1.train.export_meta_graph(graph_def=graph.as_graph_def(), graph=graph)
        for signature in chosen:
            meta.signature_def[signature.name].CopyFrom(_definition(tf, graph, signature))
    config = config_pb2.ConfigProto()
    rewrite = config.graph_options.rewrite_options
    rewrite.min_graph_nodes = -1
    rewrite.function_optimization = rewriter_config_pb2.RewriterConfig.AGGRESSIVE
    rewrite.optimizers.extend(passes)
    return tf_optimizer.OptimizeGraph(config, meta)


def _definition(tf: Any, graph: Any, signature: Signature) -> Any:
    sides = [
        {tensor.alias: graph.get_tensor_by_name(tensor.name) for tensor in side}
        for side in (signature.inputs, signature.outputs)
    ]
    method = f"tensorflow/serving/{signature.method.lower()}"
    infos = [{a: tf.compat.v1.saved_model.build_tensor_info(t) for a, t in side.items()} for side in sides]
    return tf.compat.v1.saved_model.signature_def_utils.build_signature_def(*infos, method)
