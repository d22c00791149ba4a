"""Other forms of a frozen graph: half-size weights, compiled by XLA, 8-bit integers by TFLite.

TensorFlow is imported when a function is called.
"""

from __future__ import annotations

import contextlib
import gc
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from playbook.errors import ModelError
from playbook.export import weights
from playbook.export.budget import CONVERTING
from playbook.export.free_memory import free_bytes
from playbook.export.freeze import Frozen, write
from playbook.export.publish import size_bytes
from playbook.export.savedmodel import LISTS
from playbook.tfserving import ragged
from playbook.tfserving.reference import Arrays
from playbook.tfserving.signatures import Signature
from playbook.tfserving.tensorflow import tensorflow

TFLITE_FILE = "model.tflite"  # the name --prefer_tflite_model looks for in a version directory
SMALL = weights.HALVED  # values; a smaller constant is a shape or a scale, and no weight worth halving
CALIBRATION_ROWS = 100
FREE_SHARE = 0.5  # of the free memory, that it may take
CONTROL_FLOW = {"Switch", "Merge", "Enter", "Exit", "NextIteration"}


def halve_weights(frozen: Frozen, dtype: str) -> Frozen:
    """Keep each float32 weight as float16 or bfloat16, cast back when the graph is loaded: half the disk.

    Those that stay variables are so in their file.

    Raises:
        ModelError: there are no such weights.
    """
    tf = tensorflow()
    graph_def = type(frozen.graph_def)()
    graph_def.CopyFrom(frozen.graph_def)
    half, constants = tf.dtypes.as_dtype(dtype), [node for node in graph_def.node if _is_weight(tf, node)]
    for node in constants:
        values = tf.make_ndarray(node.attr["value"].tensor)
        short = graph_def.node.add(name=f"{node.name}/{dtype}", op="Const")
        short.attr["dtype"].type = half.as_datatype_enum
        short.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(values.astype(half.as_numpy_dtype)))
        anchors = [source for source in node.input if source.startswith("^")]  # in a loop they say to which it belongs
        short.input.extend(anchors)
        node.op, node.input[:] = "Cast", [short.name, *anchors]
        node.attr.clear()
        node.attr["SrcT"].type, node.attr["DstT"].type = half.as_datatype_enum, tf.float32.as_datatype_enum
    kept = [node for node in graph_def.node if node.name in frozen.weights.names]
    if not constants and not any(_is_weight(tf, node, "VarHandleOp") for node in kept):
        raise ModelError(f"it has no float32 weights of {SMALL} values or more")
    return replace(frozen, graph_def=graph_def, weights=replace(frozen.weights, stored=dtype))


def save_compiled(frozen: Frozen, path: Path) -> None:
    """Save with each signature as one function that XLA compiles, for every batch size at its first use.

    Raises:
        ModelError: the graph loops, branches or looks up tables; XLA compiles none of them in the form a frozen
            graph has them.
    """
    from playbook.export import networks

    tf = tensorflow()
    if loops := sorted({node.op for node in frozen.graph_def.node} & CONTROL_FLOW):
        raise ModelError(f"XLA does not compile the loops or branches of a frozen graph ({', '.join(loops)})")
    if tables := sorted({node.op for node in frozen.graph_def.node if "HashTable" in node.op}):
        raise ModelError(f"XLA does not compile lookups in tables ({', '.join(tables)})")
    module = tf.Module()
    module.weights = weights.variables(frozen.weights, frozen.graph_def)
    calls = {one.name: (_compiled(tf, frozen, one, module.weights), _specs(tf, one)) for one in frozen.signatures}
    methods = {one.name: one.method.lower() for one in frozen.signatures if one.method != "Predict"}
    networks.save(module, path, calls, methods)
    if frozen.weights.names:
        del module, calls
        gc.collect()  # traced functions hold one another, and the weights


def save_int8(frozen: Frozen, path: Path, rows: Mapping[str, Arrays], most_rows: int = CALIBRATION_ROWS) -> None:
    """Save the graph, and beside it `model.tflite` with 8-bit weights and activations and float inputs and outputs.

    Activations are calibrated on the first rows of each signature, 100 or as many as there is
    time to run. A server without --prefer_tflite_model serves the
    graph as it was.

    Raises:
        ModelError: its conversion takes more memory than is free, or would end this process.
        Exception: TFLite has no 8-bit form of an operation; the caller says so beside the variant.
    """
    tf = tensorflow()
    # TFLite converts some of them, and then the process dies while it calibrates.
    if lists := sorted({node.op for node in frozen.graph_def.node if node.op.startswith(LISTS)}):
        raise ModelError(f"TFLite does not convert {lists[0]}, in which loops gather their results")
    write(frozen, path)
    _check_memory(path)
    names = [one.name for one in frozen.signatures]
    with _quietly():
        converter = tf.lite.TFLiteConverter.from_saved_model(str(path), signature_keys=names)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: _calibration(names, rows, most_rows)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        content = converter.convert()
    (path / TFLITE_FILE).write_bytes(content)


def tflite_runner(path: Path, signature: Signature) -> Callable[[Mapping[str, np.ndarray]], Arrays]:
    """A call of one signature of `model.tflite`, on one thread."""
    tf = tensorflow()
    with _quietly():
        interpreter = tf.lite.Interpreter(model_path=str(path / TFLITE_FILE), num_threads=1)
        interpreter.allocate_tensors()
        run = interpreter.get_signature_runner(signature.name)
    return lambda inputs: run(**inputs)


def _check_memory(path: Path) -> None:
    """Refuse a conversion that would take what other processes need."""
    needs, free = CONVERTING * size_bytes(path), free_bytes()
    if needs > FREE_SHARE * free:
        raise ModelError(
            f"TFLite would take about {needs / 1e9:.2g} GB of memory to convert it, and {free / 1e9:.2g} GB are free"
        )


def _is_weight(tf: Any, node: Any, op: str = "Const") -> bool:
    if node.op != op or node.attr["dtype"].type != tf.float32.as_datatype_enum:
        return False
    shape = node.attr["value"].tensor.tensor_shape if op == "Const" else node.attr["shape"].shape
    return int(np.prod([dim.size for dim in shape.dim])) >= SMALL


def _compiled(tf: Any, frozen: Frozen, signature: Signature, kept: Mapping[str, Any]) -> Callable[..., dict]:
    traced = type(frozen.graph_def)()
    traced.CopyFrom(frozen.graph_def)
    for node in [node for node in traced.node if node.name in kept]:  # variables of the module stand in their place
        traced.node.remove(node)
    for node in traced.node:
        node.input[:] = [source for source in node.input if not (source.startswith("^") and source[1:] in kept)]

    def call(**inputs: Any) -> dict:
        graph = tf.compat.v1.get_default_graph()
        fed = {tensor.name: inputs[tensor.alias] for tensor in signature.inputs}
        fed |= {f"{name}:0": graph.capture(variable.handle) for name, variable in kept.items()}
        wanted = [tensor.name for tensor in signature.outputs]
        outputs = tf.graph_util.import_graph_def(traced, input_map=fed, return_elements=wanted, name="")
        return dict(zip((tensor.alias for tensor in signature.outputs), outputs, strict=True))

    compiled = tf.function(call, jit_compile=True, autograph=False)
    return lambda **inputs: compiled(**inputs)


def _specs(tf: Any, signature: Signature) -> dict[str, Any]:
    return {
        tensor.alias: tf.TensorSpec(
            None if tensor.shape is None else [None if size == -1 else size for size in tensor.shape], tensor.dtype
        )
        for tensor in signature.inputs
    }


def _calibration(names: list[str], rows: Mapping[str, Arrays], most_rows: int) -> Iterator[Any]:
    for name in names:
        for number in range(min(CALIBRATION_ROWS, most_rows, ragged.count(rows[name]))):
            row = ragged.pick(rows[name], slice(number, number + 1))
            yield row if len(names) == 1 else (name, row)


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """TFLite reports on file descriptors 1 and 2, past every log level, and warns that it may move some day."""
    before = [os.dup(number) for number in (1, 2)]
    with open(os.devnull, "wb") as nowhere:
        for number in (1, 2):
            os.dup2(nowhere.fileno(), number)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for number, kept in zip((1, 2), before, strict=True):
            os.dup2(kept, number)
            os.close(kept)
