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
# every SavedModel has these for its own variables; behind what a request or a load runs they are unsafe
_RESTORE = frozenset(("Restore", "RestoreV2", "RestoreSlice"))
SAVER = _RESTORE | {"Save", "SaveV2", "SaveSlices", "MergeV2Checkpoints", "DistributedSave"}
# collections of TensorFlow 1 that name what a load runs (saved_model/loader_util.cc); TensorFlow 2 has a signature
_INIT = ("saved_model_main_op", "legacy_init_op")
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
    functions = {function.signature.name: list(function.node_def) for function in graph.graph_def.library.function}
    for node in (*graph.graph_def.node, *(node for body in functions.values() for node in body)):
        if node.op in UNSAFE:
            yield f"{node.op} ({UNSAFE[node.op]})"
        elif _names_file(node):
            yield f"{node.op} (files)"
    yield from (f"{op} (files)" for op in _foreign_vocabularies(graph, functions))
    outputs = [info.name for signature in graph.signature_def.values() for info in signature.outputs.values()]
    first = [name for key in _INIT if key in graph.collection_def for name in graph.collection_def[key].node_list.value]
    for node, _ in _behind([*outputs, *first], graph, functions):
        if node.op in SAVER:
            yield f"{node.op} (files)"
    checkpoint = {_node_of(graph.saver_def.filename_tensor_name)}
    for node, body in _behind([graph.saver_def.restore_op_name], graph, functions):
        if node.op in SAVER and not (node.op in _RESTORE and _takes(node, 0, checkpoint, body)):
            yield f"{node.op} (files)"


def _foreign_vocabularies(graph: Any, functions: dict[str, list[Any]]) -> Iterator[str]:
    """Operations that read a vocabulary from elsewhere than the model's own assets."""
    assets = {_node_of(asset.tensor_info.name) for asset in graph.asset_file_def}
    strays = any(".." in Path(asset.filename).parts or asset.filename[:1] == "/" for asset in graph.asset_file_def)
    for nodes in (graph.graph_def.node, *functions.values()):
        body = {node.name: node for node in nodes}
        for node in body.values():
            if node.op in VOCABULARY and (strays or not assets or not _takes(node, 1, assets, body)):
                yield node.op


def _names_file(node: Any) -> bool:
    if node.op not in _NAMING:
        return False
    attribute, begin = _NAMING[node.op]
    value = node.attr[attribute].s
    return bool(value) and value.startswith(begin) and not value.startswith(_INSIDE)


def _behind(names: list[str], graph: Any, functions: dict[str, list[Any]]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Every node that these need, functions included, each with the nodes of its body by name."""
    top = {node.name: node for node in graph.graph_def.node}
    bodies = {name: {node.name: node for node in nodes} for name, nodes in functions.items()}
    waiting, done = [(_node_of(name), top) for name in names], set()
    while waiting:
        name, body = waiting.pop()
        if (name, id(body)) in done or name not in body:
            continue
        done.add((name, id(body)))
        node = body[name]
        yield node, body
        waiting.extend((_node_of(each), body) for each in node.input)
        called = [f.name for value in node.attr.values() for f in (value.func, *value.list.func) if f.name in bodies]
        waiting.extend((each, bodies[function]) for function in called for each in bodies[function])


def _takes(node: Any, place: int, given: set[str], body: dict[str, Any]) -> bool:
    """Whether an input is one of the tensors that the loader gives, not a name that is written into the graph."""
    waiting, done = [_node_of(name) for name in node.input[place : place + 1]], set[str]()
    while waiting:
        name = waiting.pop()
        if name in given or name not in body:  # else an argument of the function it stands in
            return True
        if name not in done:
            done.add(name)
            waiting.extend(_node_of(each) for each in body[name].input)
    return False


def _node_of(tensor: str) -> str:
    return tensor.lstrip("^").partition(":")[0]
