"""The model that questions are asked with: a graph written node by node, so that asking needs no TensorFlow.

Signatures: `serving_default` (y = x / 2 + 2), `texts`, `raw` (bytes out), `whole` (int64), `two` (two inputs, two
outputs) and `spin`, which keeps a core busy for as many turns of a loop as its largest value says.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from playbook.tfserving import tfrecord
from playbook.tfserving.messages import MESSAGES, to_tensor_proto

NAME = "probe"
FLOAT, INT32, STRING, INT64, BOOL = 1, 3, 7, 9, 10
_PREDICT = "tensorflow/serving/predict"


def write(base_path: Path, version: int = 1, warmup: bytes | None = None) -> Path:
    """Write one version of the model, by an atomic rename, and return its folder.

    Args:
        warmup: What assets.extra/tf_serving_warmup_requests is to hold; None for no such file.
    """
    draft, folder = base_path / f".draft-{version}", base_path / str(version)
    draft.mkdir(parents=True)
    (draft / "saved_model.pb").write_bytes(saved_model().SerializeToString())
    if warmup is not None:
        (draft / "assets.extra").mkdir()
        (draft / "assets.extra" / "tf_serving_warmup_requests").write_bytes(warmup)
    return draft.rename(folder)


def saved_model() -> Any:
    """The SavedModel message."""
    model = MESSAGES["SavedModel"](saved_model_schema_version=1)
    graph = model.meta_graphs.add()
    graph.meta_info_def.tags.append("serve")
    graph.graph_def.versions.producer = 1882
    for name, op, inputs, attributes in (*_plain(), *_spin()):
        node = graph.graph_def.node.add(name=name, op=op, input=inputs)
        for key, value in attributes.items():
            _set(node.attr[key], value)
    for key, (given, returned) in _signatures().items():
        signature = graph.signature_def[key]
        signature.method_name = _PREDICT
        for table, aliases in ((signature.inputs, given), (signature.outputs, returned)):
            for alias, (tensor, dtype) in aliases.items():
                table[alias].name, table[alias].dtype = tensor, dtype
                table[alias].tensor_shape.unknown_rank = True
    return model


def _set(attribute: Any, value: Any) -> None:
    """A value as an AttrValue: a type is told by ("type", number), a tensor by an array, text by bytes."""
    if isinstance(value, tuple):
        setattr(attribute, *value)
    elif isinstance(value, np.ndarray):
        attribute.tensor.CopyFrom(to_tensor_proto(value))
    elif isinstance(value, bytes):
        attribute.s = value
    else:
        attribute.shape.unknown_rank = True


_Node = tuple[str, str, list[str], Mapping[str, Any]]


def _typed(number: int, key: str = "T") -> dict[str, Any]:
    return {key: ("type", number)}


def _constant(name: str, value: np.ndarray, number: int) -> _Node:
    return name, "Const", [], {"value": value, **_typed(number, "dtype")}


def _placeholder(name: str, number: int) -> _Node:
    return name, "Placeholder", [], {"shape": None, **_typed(number, "dtype")}


def _plain() -> list[_Node]:
    """Everything but the loop."""
    given = {"x": FLOAT, "b": FLOAT, "text": STRING, "number": INT64}
    echoed = [(f"{name}_out", "Identity", [name], _typed(given[name])) for name in ("text", "number")]
    return [
        *(_placeholder(name, number) for name, number in given.items()),
        *echoed,
        _constant("half", np.array(0.5, np.float32), FLOAT),
        _constant("offset", np.array(2.0, np.float32), FLOAT),
        ("halved", "Mul", ["x", "half"], _typed(FLOAT)),
        ("y", "AddV2", ["halved", "offset"], _typed(FLOAT)),
        ("sum", "AddV2", ["x", "b"], _typed(FLOAT)),
        ("difference", "Sub", ["x", "b"], _typed(FLOAT)),
    ]


def _spin() -> list[_Node]:
    """A loop of TensorFlow 1: it counts up to the largest value fed, a few microseconds a turn."""
    whole, frame = _typed(INT32), {"frame_name": b"spin", "parallel_iterations": ("i", 1)}
    entered = {**whole, **frame}
    return [
        _constant("all", np.array([0], np.int32), INT32),
        ("most", "Max", ["x", "all"], {**_typed(FLOAT), **_typed(INT32, "Tidx")}),
        ("turns", "Cast", ["most"], {**_typed(FLOAT, "SrcT"), **_typed(INT32, "DstT")}),
        _constant("zero", np.array(0, np.int32), INT32),
        ("loop/begin", "Enter", ["zero"], entered),
        ("loop/turns", "Enter", ["turns"], {**entered, "is_constant": ("b", True)}),
        ("loop/count", "Merge", ["loop/begin", "loop/next"], {**whole, "N": ("i", 2)}),
        ("loop/less", "Less", ["loop/count", "loop/turns"], whole),
        ("loop/goes_on", "LoopCond", ["loop/less"], {}),
        ("loop/either", "Switch", ["loop/count", "loop/goes_on"], whole),
        ("loop/body", "Identity", ["loop/either:1"], whole),
        ("loop/one", "Const", ["^loop/body"], {"value": np.array(1, np.int32), **_typed(INT32, "dtype")}),
        ("loop/more", "AddV2", ["loop/body", "loop/one"], whole),
        ("loop/next", "NextIteration", ["loop/more"], whole),
        ("loop/end", "Exit", ["loop/either"], whole),
        ("counted", "Cast", ["loop/end"], {**_typed(INT32, "SrcT"), **_typed(FLOAT, "DstT")}),
        ("nothing", "Mul", ["counted", "no"], _typed(FLOAT)),
        _constant("no", np.array(0.0, np.float32), FLOAT),
        ("spun", "AddV2", ["x", "nothing"], _typed(FLOAT)),
    ]


def _signatures() -> dict[str, tuple[dict[str, tuple[str, int]], dict[str, tuple[str, int]]]]:
    x = {"x": ("x:0", FLOAT)}
    return {
        "serving_default": (x, {"y": ("y:0", FLOAT)}),
        "spin": (x, {"spun": ("spun:0", FLOAT)}),
        "texts": ({"text": ("text:0", STRING)}, {"same": ("text_out:0", STRING)}),
        "raw": ({"text": ("text:0", STRING)}, {"same_bytes": ("text_out:0", STRING)}),
        "whole": ({"number": ("number:0", INT64)}, {"same": ("number_out:0", INT64)}),
        "two": ({"a": ("x:0", FLOAT), "b": ("b:0", FLOAT)},
                {"sum": ("sum:0", FLOAT), "difference": ("difference:0", FLOAT)}),
    }  # fmt: skip


def warmup_file() -> bytes:
    """Two warm-up records for `serving_default`; the model they name is another, which nobody looks at."""
    record = MESSAGES["PredictionLog"]()
    request = record.predict_log.request
    request.model_spec.name = "somebody_else"
    request.inputs["x"].CopyFrom(to_tensor_proto(np.array([1.0, 2.0], np.float32)))
    return tfrecord.encode([record.SerializeToString()] * 2)
