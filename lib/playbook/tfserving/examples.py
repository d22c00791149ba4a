"""tf.Example without TensorFlow: encode rows, and read from a graph which features it parses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from playbook.errors import ModelError
from playbook.tfserving.messages import MESSAGES, from_tensor_proto
from playbook.tfserving.signatures import DTYPES

PARSERS = ("ParseExampleV2", "ParseExample", "ParseSingleExample")


@dataclass(frozen=True)
class Feature:
    """One feature a graph parses; `shape` is None for a list of any length."""

    dtype: str
    shape: tuple[int, ...] | None


def encode(row: Mapping[str, Any]) -> bytes:
    """A serialized tf.Example; decimals become floats, integers and booleans int64, text and bytes bytes."""
    example = MESSAGES["Example"]()
    for name, value in row.items():
        feature, flat = example.features.feature[name], np.asarray(value).ravel()
        if flat.dtype.kind in "iub":
            feature.int64_list.value.extend(int(item) for item in flat)
        elif flat.dtype.kind == "f":
            feature.float_list.value.extend(float(item) for item in flat)
        else:
            feature.bytes_list.value.extend(item if isinstance(item, bytes) else str(item).encode() for item in flat)
    return example.SerializeToString(deterministic=True)


def encode_table(names: Iterable[str], table: np.ndarray) -> np.ndarray:
    """One serialized tf.Example a row of (n, features), as an object array of bytes."""
    rows, names = np.empty(len(table), dtype=object), list(names)
    rows[:] = [encode(dict(zip(names, row, strict=True))) for row in table]
    return rows


def parsing_spec(meta_graph: Any) -> dict[str, Feature]:
    """The features that a MetaGraphDef's parsing operation reads, by name; empty when it parses no tf.Example.

    Raises:
        ModelError: it parses, but the names are not constants of the graph.
    """
    spec: dict[str, Feature] = {}
    for nodes in _bodies(meta_graph.graph_def):
        known = {node.name: node for node in nodes}
        for node in nodes:
            if node.op in PARSERS:
                spec.update(_features(node, known))
    return spec


def _bodies(graph_def: Any) -> Iterator[list[Any]]:
    yield list(graph_def.node)
    for function in graph_def.library.function:
        yield list(function.node_def)


def _features(node: Any, known: Mapping[str, Any]) -> Iterator[tuple[str, Feature]]:
    shapes = [tuple(dim.size for dim in shape.dim) for shape in node.attr["dense_shapes"].list.shape]
    dense, sparse = node.attr["Tdense"].list.type, node.attr["sparse_types"].list.type
    if node.op == "ParseExampleV2":  # inputs: serialized, names, sparse_keys, dense_keys, ragged_keys, defaults…
        sparse_names, dense_names, ragged_names = (_constant(node, known, at) for at in (2, 3, 4))
    elif node.op == "ParseExample":  # inputs: serialized, names, one a sparse key, one a dense key, defaults…
        ends = 2 + len(sparse), 2 + len(sparse) + len(dense)
        sparse_names = [name for at in range(2, ends[0]) for name in _constant(node, known, at)]
        dense_names, ragged_names = [name for at in range(*ends) for name in _constant(node, known, at)], []
    else:
        sparse_names, dense_names = (list(node.attr[key].list.s) for key in ("sparse_keys", "dense_keys"))
        ragged_names = []
    for name, dtype, shape in zip(dense_names, dense, shapes, strict=True):
        yield name.decode(), Feature(DTYPES[dtype], shape)
    for name, dtype in zip(sparse_names, sparse, strict=True):
        yield name.decode(), Feature(DTYPES[dtype], None)
    for name, dtype in zip(ragged_names, node.attr["ragged_value_types"].list.type, strict=True):
        yield name.decode(), Feature(DTYPES[dtype], None)


def _constant(node: Any, known: Mapping[str, Any], at: int) -> list[bytes]:
    """The text that input number `at` of the parser holds."""
    source = known.get(node.input[at].lstrip("^").partition(":")[0])
    while source is not None and source.op == "Identity":
        source = known.get(source.input[0].partition(":")[0])
    if source is None or source.op != "Const":
        raise ModelError(
            f"The graph parses tf.Examples ({node.name}) by feature names that are not constants in it. "
            "Give rows of your own in `rows_file`."
        )
    proto = MESSAGES["TensorProto"].FromString(source.attr["value"].tensor.SerializeToString())
    return list(from_tensor_proto(proto).ravel())
