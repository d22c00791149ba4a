"""Inference only: variables become constants, calls are inlined, constants folded, training branches removed.

Works on any SavedModel a session loads, of TensorFlow 1 or 2. TensorFlow is imported when a function is called.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from playbook.errors import ModelError
from playbook.export import dead_branches, weights
from playbook.export.weights import Weights
from playbook.tfserving import signatures
from playbook.tfserving.signatures import SERVE_TAG, Signature
from playbook.tfserving.tensorflow import tensorflow

# Inlining first, then what it lets fold; "remap" fuses a product with its bias and ReLU.
INLINE = ("function",)
FOLD = ("pruning", "constfold", "arithmetic", "shape", "dependency", "constfold", "remap", "pruning")


MAIN_OP = "saved_model_main_op"  # the collection that names what runs once after the load: it fills lookup tables
STRING = 7  # DataType DT_STRING
MOST_BYTES = 2_000_000_000  # a serialized graph ends at 2 GiB, constants included


@dataclass(frozen=True)
class Frozen:
    """A graph of few or no variables; its signatures name its tensors, `main_op` what fills its tables."""

    graph_def: Any
    signatures: list[Signature]
    main_op: str | None
    assets: str
    weights: Weights = field(default_factory=Weights)


def freeze(saved_model: Path, kept: Sequence[str]) -> Frozen:
    """The graph behind the signatures named in `kept`, lookup tables with what fills them, and nothing else.

    Calls are inlined first: TensorFlow's converter does not follow a variable into the function that gathers from it.
    What a run writes, and the large weights of a large model, stay variables, in a checkpoint beside it.

    Raises:
        ModelError: no such SavedModel or signature, or more weights than a graph can hold.
        Exception: TensorFlow cannot freeze it; the caller says so beside the variant.
    """
    tf = tensorflow()
    from tensorflow.python.framework import convert_to_constants

    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
        meta = tf.compat.v1.saved_model.load(session, [SERVE_TAG], str(saved_model))
        known = signatures.of_meta_graph(meta, saved_model)
        chosen = [_with_answers(tf, graph, signatures.pick(known, name)) for name in kept]
        main_op = next(iter(meta.collection_def[MAIN_OP].node_list.value), None)
        ends = {tensor.name.partition(":")[0] for one in chosen for tensor in one.outputs}
        inlined = _optimize(graph.as_graph_def(), chosen, INLINE, main_op)
        folder = str(Path(saved_model).resolve() / "assets")
        _name_assets(inlined, meta.asset_file_def, folder)
        wanted = sorted(ends | ({main_op} if main_op else set()))
        needed = tf.compat.v1.graph_util.extract_sub_graph(inlined, wanted)
        kept_variables = weights.kept(needed)
        _check_size(needed, kept_variables)
        constant = convert_to_constants.convert_variables_to_constants_from_session_graph(
            session, inlined, wanted, variable_names_denylist=kept_variables
        )
        aside = weights.put_aside(session, kept_variables, Path(f"{saved_model}{weights.FOLDER}"))
    dead_branches.remove(constant)
    _read_once(constant, wanted)
    folded = _optimize(constant, chosen, FOLD, main_op)
    idle = [node for node in folded.node if node.name == main_op and not node.input]
    for node in idle:  # there are no tables to fill
        folded.node.remove(node)
    return Frozen(folded, chosen, None if idle else main_op, folder, aside)


def write(frozen: Frozen, path: Path) -> None:
    """Save a frozen graph as a SavedModel with the same signatures and methods, its tables and their files."""
    tf = tensorflow()
    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
        tf.import_graph_def(frozen.graph_def, name="")
        files = [node.name for node in frozen.graph_def.node if _text(node).startswith(frozen.assets.encode())]
        assets = [graph.get_tensor_by_name(f"{name}:0") for name in files]
        for tensor in assets:
            graph.add_to_collection(tf.compat.v1.GraphKeys.ASSET_FILEPATHS, tensor)
        builder = tf.compat.v1.saved_model.Builder(str(path))
        definitions = {one.name: _definition(tf, graph, one) for one in frozen.signatures}
        main_op = graph.get_operation_by_name(frozen.main_op) if frozen.main_op else None
        builder.add_meta_graph_and_variables(
            session,
            [SERVE_TAG],
            signature_def_map=definitions,
            assets_collection=assets,
            main_op=main_op,
            saver=weights.saver(session, frozen.weights),
        )
        builder.save()


def _check_size(needed: Any, kept: Sequence[str]) -> None:
    """Refuse what cannot become one graph, before it is copied several times over.

    Raises:
        ModelError: the variables that the answers need, but for those that stay variables, are too large.
    """
    size = weights.variables_bytes(needed, kept)
    if size > MOST_BYTES:
        raise ModelError(f"its {size / 1e9:.2g} GB of variables do not fit into one graph, which ends at 2 GB")


def _read_once(graph_def: Any, ends: Collection[str]) -> None:
    """Let who reads a weight through Identities read the constant itself.

    Folding makes a constant of each Identity: weights that layers share would stand in the graph once a reader (a
    model of 37 MB whose one matrix is used 72 times became 2.7 GB).
    """
    nodes = {node.name: node for node in graph_def.node}

    def origin(name: str) -> str:
        node = nodes[name]
        passes = node.op == "Identity" and node.name not in ends
        return origin(node.input[0].partition(":")[0]) if passes else name

    read = {name: end for name in nodes if (end := origin(name)) != name and nodes[end].op == "Const"}
    for node in graph_def.node:
        direct = [_renamed(source, read) for source in node.input]
        data = [source for source in direct if not source.startswith("^")]
        node.input[:] = [*data, *dict.fromkeys(source for source in direct if source.startswith("^"))]


def _renamed(source: str, names: Mapping[str, str]) -> str:
    """An input of a node, of another node where that has a new name; those of control flow too."""
    control, name = ("^", source[1:]) if source.startswith("^") else ("", source.removesuffix(":0"))
    return control + names[name] if name in names else source


def _name_assets(graph_def: Any, assets: Any, folder: str) -> None:
    """Put each file's path where the loader of the SavedModel would have fed it, past the variable that holds it."""
    names = {one.tensor_info.name.partition(":")[0]: one.filename for one in assets}
    holders = {n.input[0]: n.input[1] for n in graph_def.node if n.op == "AssignVariableOp" and n.input[1] in names}
    for node in graph_def.node:
        if node.name in names:
            node.op, node.input[:] = "Const", []
            node.attr.clear()
            node.attr["dtype"].type = node.attr["value"].tensor.dtype = STRING
            node.attr["value"].tensor.tensor_shape.SetInParent()
            node.attr["value"].tensor.string_val[:] = [f"{folder}/{names[node.name]}".encode()]
        elif node.op == "AssignVariableOp" and node.input[0] in holders:
            node.op, node.input[:] = "NoOp", []
            node.attr.clear()
        elif node.op == "ReadVariableOp" and node.input[0] in holders:
            node.op, node.input[0] = "Identity", holders[node.input[0]]
            node.attr.clear()
            node.attr["T"].type = STRING


def _text(node: Any) -> bytes:
    texts = node.attr["value"].tensor.string_val if node.op == "Const" else []
    return texts[0] if len(texts) == 1 else b"-"


def _with_answers(tf: Any, graph: Any, signature: Signature) -> Signature:
    """Give each output a node of its own, whose name no optimisation takes away."""
    with graph.as_default():
        named = [
            replace(tensor, name=tf.identity(graph.get_tensor_by_name(tensor.name), name=f"answer_{tensor.alias}").name)
            for tensor in signature.outputs
        ]
    return replace(signature, outputs=tuple(named))


def _optimize(graph_def: Any, chosen: Sequence[Signature], passes: Sequence[str], main_op: str | None) -> Any:
    """Run TensorFlow's own graph optimiser, Grappler, with these passes; it keeps answers and `main_op`."""
    tf = tensorflow()
    from tensorflow.core.protobuf import config_pb2, rewriter_config_pb2
    from tensorflow.python.grappler import tf_optimizer

    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
        meta = tf.compat.v1.train.export_meta_graph(graph_def=graph.as_graph_def(), graph=graph)
        for signature in chosen:
            meta.signature_def[signature.name].CopyFrom(_definition(tf, graph, signature))
        if main_op:
            meta.collection_def[MAIN_OP].node_list.value.append(main_op)
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
