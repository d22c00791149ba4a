"""The signatures of a SavedModel: what it takes, what it answers, as saved_model_cli would show it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playbook import markdown
from playbook.errors import ModelError

SERVE_TAG = "serve"
INTERNAL = "__saved_model_"  # TensorFlow keeps its init and train ops as signatures under such names
METHODS = {"predict": "Predict", "classify": "Classify", "regress": "Regress"}

# TensorFlow's DataType numbers (tensorflow/core/framework/types.proto), with the names of tf.DType.
DTYPES = {
    1: "float32", 2: "float64", 3: "int32", 4: "uint8", 5: "int16", 6: "int8", 7: "string", 8: "complex64",
    9: "int64", 10: "bool", 14: "bfloat16", 17: "uint16", 19: "float16", 20: "resource", 22: "uint32", 23: "uint64",
}  # fmt: skip


@dataclass(frozen=True)
class Tensor:
    """One input or output: its alias in requests, dtype, shape (−1 is open, None unknown rank), graph name, default."""

    alias: str
    dtype: str
    shape: tuple[int, ...] | None
    name: str = ""
    default: Any = None

    def described(self) -> dict[str, Any]:
        """As it is kept in export.json."""
        shown = {"alias": self.alias, "dtype": self.dtype, "shape": None if self.shape is None else list(self.shape)}
        return shown if self.default is None else {**shown, "default": self.default}


@dataclass(frozen=True)
class Signature:
    """One way to call the model; `method` is Predict, Classify or Regress, or another name that the model gives it."""

    name: str
    method: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    def described(self) -> dict[str, Any]:
        """As it is kept in export.json."""
        sides = {"inputs": self.inputs, "outputs": self.outputs}
        return {"name": self.name, "method": self.method} | {
            side: [tensor.described() for tensor in tensors] for side, tensors in sides.items()
        }


def read(saved_model: Path, tags: Iterable[str] = (SERVE_TAG,)) -> list[Signature]:
    """The signatures of a SavedModel directory, by name; nothing of the graph is run.

    Raises:
        ModelError: no SavedModel there, no such tags, or no signature to serve.
    """
    return of_meta_graph(meta_graph(saved_model, tags), saved_model)


def meta_graph(saved_model: Path, tags: Iterable[str] = (SERVE_TAG,)) -> Any:
    """The MetaGraphDef with exactly these tags.

    Raises:
        ModelError: no SavedModel there, or no such tags.
    """
    graphs, wanted = load_proto(saved_model).meta_graphs, set(tags)
    for graph in graphs:
        if set(graph.meta_info_def.tags) == wanted:
            return graph
    tag_sets = (
        "; ".join(",".join(sorted(graph.meta_info_def.tags)) or "(no tag)" for graph in graphs) or "no graph at all"
    )
    raise ModelError(
        f"{saved_model} holds no graph tagged {','.join(sorted(wanted))!r}; seen: {tag_sets}. TensorFlow Serving loads "
        "that tag: save the model for serving, or serve it with --saved_model_tags."
    )


def load_proto(saved_model: Path) -> Any:
    """Parse `saved_model.pb` of a directory.

    Raises:
        ModelError: the directory, the file or its content is not there.
    """
    from playbook.tfserving.tensorflow import tensorflow

    tensorflow()
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    path = Path(saved_model) / "saved_model.pb"
    if not path.is_file():
        raise ModelError(f"{saved_model} is not a SavedModel: {_why_not(Path(saved_model))}")
    try:
        return saved_model_pb2.SavedModel.FromString(path.read_bytes())
    except DecodeError as error:
        raise ModelError(f"{path} is not a SavedModel graph ({error}). Export the model again.") from error


def of_meta_graph(graph: Any, saved_model: Path) -> list[Signature]:
    """The servable signatures of a MetaGraphDef, by name.

    Raises:
        ModelError: there is none.
    """
    servable = [
        Signature(
            name,
            METHODS.get(definition.method_name.rpartition("/")[2], definition.method_name or "Predict"),
            _tensors(definition.inputs, definition.defaults),
            _tensors(definition.outputs, {}),
        )
        for name, definition in sorted(graph.signature_def.items())
        if not name.startswith(INTERNAL)
    ]
    if not servable:
        raise ModelError(
            f"{saved_model} has no signature to serve. Save it with tf.saved_model.save(..., signatures=...), "
            "or with a Keras model's export()."
        )
    return servable


def pick(signatures: Iterable[Signature], name: str) -> Signature:
    """The signature of that name.

    Raises:
        ModelError: unknown; the known ones are listed.
    """
    known = {signature.name: signature for signature in signatures}
    if name in known:
        return known[name]
    raise ModelError(f"The model has no signature {name!r}; it has {', '.join(known)}. Set `signature` to one of them.")


def table(described: Iterable[dict[str, Any]]) -> str:
    """The signatures of export.json as a Markdown table: what a client has to send and gets back."""
    rows = []
    for signature in described:
        cells = ("<br>".join(_cell(tensor) for tensor in signature[side]) or None for side in ("inputs", "outputs"))
        rows.append((f"`{signature['name']}`", signature["method"], *cells))
    return markdown.table(["signature", "method", "input", "output"], rows)


def _cell(tensor: dict[str, Any]) -> str:
    shape = "unknown rank" if tensor["shape"] is None else f"({', '.join(str(size) for size in tensor['shape'])})"
    default = f", default {tensor['default']}" if "default" in tensor else ""
    return f"`{tensor['alias']}` {tensor['dtype']} {shape}{default}"


def _tensors(infos: Any, defaults: Any) -> tuple[Tensor, ...]:
    return tuple(_tensor(alias, info, defaults) for alias, info in sorted(infos.items()))


def _tensor(alias: str, info: Any, defaults: Any) -> Tensor:
    shape = None if info.tensor_shape.unknown_rank else tuple(dim.size for dim in info.tensor_shape.dim)
    return Tensor(alias, DTYPES.get(info.dtype, f"dtype {info.dtype}"), shape, info.name, _default(alias, defaults))


def _default(alias: str, defaults: Any) -> Any:
    if alias not in defaults:
        return None
    from tensorflow.python.framework import tensor_util

    value = tensor_util.MakeNdarray(defaults[alias]).tolist()
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _why_not(path: Path) -> str:
    """What lies at the path instead, and what to point at."""
    if not path.exists():
        return "there is nothing at that path. Check `model`."
    if not path.is_dir():
        return "it is a file. Point `model` at the directory that holds saved_model.pb, or at a .keras file."
    versions = sorted((int(entry.name), entry) for entry in path.iterdir() if entry.name.isdecimal())
    if versions and (versions[-1][1] / "saved_model.pb").exists():
        return f"it is a base path of versions. Point `model` at one of them, for example {versions[-1][1]}."
    return "it has no saved_model.pb. Point `model` at the directory that holds that file."
