"""`--reject_unsafe_ops`: says before a SavedModel is loaded which of its operations reach files, the network or Python.

A SavedModel is a program, and loading it runs a part of it. Source: the operations of TensorFlow 2.21; its SECURITY.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from google.protobuf.message import DecodeError

from model_server import tensorflow_package
from model_server.errors import invalid

tensorflow_package.install()
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel  # noqa: E402

_OPS = {
    "Python": "PyFunc PyFuncStateless EagerPyFunc",
    "native code": "XlaCustomCall XlaCustomCallV2",
    "network": "RpcCall RpcClient RpcServer RpcServerStart RpcServerRegister RemoteCall DataServiceDataset "
    "DataServiceDatasetV2 DataServiceDatasetV3 DataServiceDatasetV4 DebugIdentity DebugIdentityV2 DebugIdentityV3 "
    "DebugNanCount DebugNumericSummary",
    "files": "ReadFile WriteFile MatchingFiles MatchingFilesDataset ExperimentalMatchingFilesDataset ImmutableConst "
    "TFRecordDataset TFRecordDatasetV2 TFRecordReader TFRecordReaderV2 RecordInput TextLineDataset TextLineReader "
    "TextLineReaderV2 WholeFileReader WholeFileReaderV2 FixedLengthRecordDataset FixedLengthRecordDatasetV2 "
    "FixedLengthRecordReader FixedLengthRecordReaderV2 CSVDataset CSVDatasetV2 ExperimentalCSVDataset LMDBDataset "
    "ExperimentalLMDBDataset LMDBReader SqlDataset ExperimentalSqlDataset DatasetToTFRecord "
    "ExperimentalDatasetToTFRecord SaveDataset SaveDatasetV2 LoadDataset DumpTensor SnapshotDataset SnapshotDatasetV2 "
    "SnapshotDatasetReader SnapshotNestedDatasetReader SnapshotChunkDataset ListSnapshotChunksDataset "
    "CreateSummaryFileWriter CreateSummaryDbWriter LoadAndRemapMatrix GenerateVocabRemapping "
    "FileSystemSetConfiguration",
}
UNSAFE = {op: kind for kind, names in _OPS.items() for op in names.split()}
# every SavedModel has these to store and restore its variables; only behind an output of a signature are they unsafe
SAVER = frozenset(
    "Save SaveV2 SaveSlices Restore RestoreV2 RestoreSlice MergeV2Checkpoints DistributedSave".split()  # noqa: SIM905
)
VOCABULARY = frozenset(("InitializeTableFromTextFile", "InitializeTableFromTextFileV2"))
# op -> the attribute that may name a file, and how such a value begins
_NAMING = {
    "PrintV2": ("output_stream", b"file:"),
    "DecodeProtoV2": ("descriptor_source", b""),
    "EncodeProto": ("descriptor_source", b""),
}
_INSIDE = (b"local://", b"bytes://")


def check(path: str) -> None:
    """Refuse the SavedModel in a folder when one of its operations reaches outside; without one there, do nothing.

    Raises:
        ServingError: INVALID_ARGUMENT that names the operations.
    """
    model = _read(Path(path))
    findings = sorted({finding for graph in model.meta_graphs for finding in unsafe(graph)}) if model else []
    if findings:
        raise invalid(
            f"--reject_unsafe_ops: the model in {path} was not loaded, because its graph reaches outside itself: "
            f"{', '.join(findings)}. Take these operations out of it, or start the server without the flag."
        )


def _read(folder: Path) -> Any:
    """The SavedModel message; None where the loader will have something to say."""
    try:
        if (folder / "saved_model.pb").exists():
            return SavedModel.FromString((folder / "saved_model.pb").read_bytes())
        return text_format.Parse((folder / "saved_model.pbtxt").read_text("utf-8"), SavedModel())
    except (OSError, DecodeError, UnicodeDecodeError, text_format.ParseError):
        return None


def unsafe(graph: Any) -> Iterator[str]:
    """The operations of a MetaGraphDef that reach outside, each as `ReadFile (files)`."""
    bodies = {function.signature.name: list(function.node_def) for function in graph.graph_def.library.function}
    for node in (*graph.graph_def.node, *(node for body in bodies.values() for node in body)):
        if node.op in UNSAFE:
            yield f"{node.op} ({UNSAFE[node.op]})"
        elif (node.op in VOCABULARY and not graph.asset_file_def) or _names_file(node):
            yield f"{node.op} (files)"
    for node in _behind_outputs(graph, bodies):
        if node.op in SAVER:
            yield f"{node.op} (files)"


def _names_file(node: Any) -> bool:
    if node.op not in _NAMING:
        return False
    attribute, begin = _NAMING[node.op]
    value = node.attr[attribute].s
    return bool(value) and value.startswith(begin) and not value.startswith(_INSIDE)


def _behind_outputs(graph: Any, bodies: dict[str, list[Any]]) -> Iterator[Any]:
    """Every node that an output of a signature needs, functions included."""
    nodes = {node.name: node for node in graph.graph_def.node}
    outputs = [info.name for signature in graph.signature_def.values() for info in signature.outputs.values()]
    waiting, done = [_node_of(name) for name in outputs], set()
    while waiting:
        name = waiting.pop()
        if name in done or name not in nodes:
            continue
        done.add(name)
        inner = [nodes[name]]
        while inner:
            node = inner.pop()
            yield node
            called = [f.name for value in node.attr.values() for f in (value.func, *value.list.func) if f.name]
            fresh = [function for function in called if f"function {function}" not in done]
            done.update(f"function {function}" for function in fresh)
            inner.extend(each for function in fresh for each in bodies.get(function, ()))
        waiting.extend(_node_of(each) for each in nodes[name].input)


def _node_of(tensor: str) -> str:
    return tensor.lstrip("^").partition(":")[0]
