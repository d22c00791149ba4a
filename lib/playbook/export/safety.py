"""A SavedModel is a program: before anything of it is run, say which of its operations reach outside the graph.

Source: the operations registered in TensorFlow 2.21, read one by one; SECURITY.md of TensorFlow says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from playbook.errors import UnsafeModel
from playbook.tfserving import signatures

PYTHON = "runs Python"
_OUTSIDE = {
    PYTHON: "PyFunc PyFuncStateless EagerPyFunc",
    "runs native code by name": "XlaCustomCall XlaCustomCallV2",
    "opens sockets": "RpcCall RpcClient RpcServer RpcServerStart RpcServerRegister RemoteCall "
    "DataServiceDataset DataServiceDatasetV2 DataServiceDatasetV3 DataServiceDatasetV4 "
    "DebugIdentity DebugIdentityV2 DebugIdentityV3 DebugNanCount DebugNumericSummary",
    "writes files": "WriteFile DatasetToTFRecord ExperimentalDatasetToTFRecord SaveDataset SaveDatasetV2 DumpTensor "
    "SnapshotDataset SnapshotDatasetV2 CreateSummaryFileWriter CreateSummaryDbWriter",
    "reads files": "ReadFile MatchingFiles MatchingFilesDataset ExperimentalMatchingFilesDataset ImmutableConst "
    "TFRecordDataset TFRecordDatasetV2 TFRecordReader TFRecordReaderV2 RecordInput TextLineDataset TextLineReader "
    "TextLineReaderV2 WholeFileReader WholeFileReaderV2 FixedLengthRecordDataset FixedLengthRecordDatasetV2 "
    "FixedLengthRecordReader FixedLengthRecordReaderV2 CSVDataset CSVDatasetV2 ExperimentalCSVDataset LMDBDataset "
    "ExperimentalLMDBDataset LMDBReader SqlDataset ExperimentalSqlDataset LoadDataset ListSnapshotChunksDataset "
    "SnapshotDatasetReader SnapshotNestedDatasetReader SnapshotChunkDataset LoadAndRemapMatrix "
    "GenerateVocabRemapping FileSystemSetConfiguration",
}
OUTSIDE = {operation: reason for reason, names in _OUTSIDE.items() for operation in names.split()}
# Every SavedModel keeps these to store and restore its variables; a request must not reach them.
SAVER = {
    "Save",
    "SaveV2",
    "SaveSlices",
    "Restore",
    "RestoreV2",
    "RestoreSlice",
    "MergeV2Checkpoints",
    "DistributedSave",
}
# Reads a vocabulary: right for a file inside the SavedModel's assets, outside of them it reads the machine's files.
VOCABULARY = {"InitializeTableFromTextFile", "InitializeTableFromTextFileV2"}
# Only with such a value do these reach outside: a file to print to, a file of descriptors to read.
GUARDED = {
    "PrintV2": ("output_stream", "file:"),
    "DecodeProtoV2": ("descriptor_source", ""),
    "EncodeProto": ("descriptor_source", ""),
}
INSIDE = (b"local://", b"bytes://")


def check(saved_model: Path, allow_unsafe_ops: bool = False) -> list[str]:
    """The operations of a SavedModel that reach outside, each as "name: what it does"; normally none.

    Raises:
        UnsafeModel: there are some and they are not allowed; nothing was run.
        ModelError: it is not a SavedModel.
    """
    graphs = signatures.load_proto(saved_model).meta_graphs
    outside = sorted({finding for graph in graphs for finding in scan(graph)})
    if outside and not allow_unsafe_ops:
        raise UnsafeModel(
            f"{saved_model} was not run: it holds operations that reach outside the graph: {'; '.join(outside)}. "
            f"A SavedModel is a program. {_remedy(outside)}"
        )
    return outside


def _remedy(outside: Iterable[str]) -> str:
    if any(OUTSIDE.get(one.partition(":")[0]) == PYTHON for one in outside):
        return (
            "No server can run Python operations, whatever allow_unsafe_ops says: write that step in TensorFlow "
            "operations."
        )
    return "If you trust whoever made it, set allow_unsafe_ops: true."


def scan(meta_graph: Any) -> Iterator[str]:
    """What reaches outside in one MetaGraphDef."""
    library = {function.signature.name: function.node_def for function in meta_graph.graph_def.library.function}
    nodes = [*meta_graph.graph_def.node, *(node for body in library.values() for node in body)]
    for node in nodes:
        if node.op in OUTSIDE:
            yield f"{node.op}: {OUTSIDE[node.op]}"
        elif node.op in VOCABULARY and not meta_graph.asset_file_def:
            yield f"{node.op}: reads a file that is not among the model's assets"
        elif node.op in GUARDED and _reaches_out(node):
            yield f"{node.op}: {GUARDED[node.op][0]} names a file"
    for node in _reached_by_requests(meta_graph, library):
        if node.op in SAVER:
            yield f"{node.op}: reads or writes files when a request comes"


def _reaches_out(node: Any) -> bool:
    name, prefix = GUARDED[node.op]
    value = node.attr[name].s
    return bool(value) and value.startswith(prefix.encode()) and not value.startswith(INSIDE)


def _reached_by_requests(meta_graph: Any, library: Mapping[str, Iterable[Any]]) -> Iterator[Any]:
    """Every node that answering a request, or the initialisation that TensorFlow 2 keeps as a signature, may run."""
    top = {node.name: node for node in meta_graph.graph_def.node}
    waiting = [info.name for definition in meta_graph.signature_def.values() for info in definition.outputs.values()]
    visited: set[str] = set()
    while waiting:
        name = waiting.pop().lstrip("^").partition(":")[0]
        if name in visited or name not in top:
            continue
        visited.add(name)
        yield top[name]
        waiting.extend(top[name].input)
        yield from _called(top[name], library, visited)


def _called(node: Any, library: Mapping[str, Iterable[Any]], visited: set[str]) -> Iterator[Any]:
    for attribute in node.attr.values():
        for function in (attribute.func, *attribute.list.func):
            mark = f"function {function.name}"
            if function.name and mark not in visited:
                visited.add(mark)
                for inner in library.get(function.name, ()):
                    yield inner
                    yield from _called(inner, library, visited)
