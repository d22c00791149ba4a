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
# Every SavedModel keeps these to store and restore its variables; neither a request nor a load must reach others.
_RESTORE = {"Restore", "RestoreV2", "RestoreSlice"}
SAVER = _RESTORE | {"Save", "SaveV2", "SaveSlices", "MergeV2Checkpoints", "DistributedSave"}
# Collections of TensorFlow 1 that name what a load runs (saved_model/loader_util.cc); TensorFlow 2 has a signature.
_INIT = ("saved_model_main_op", "legacy_init_op")
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
        elif node.op in GUARDED and _reaches_out(node):
            yield f"{node.op}: {GUARDED[node.op][0]} names a file"
    yield from _foreign_vocabularies(meta_graph, library)
    yield from _saved_or_restored(meta_graph, library)


def _foreign_vocabularies(meta_graph: Any, library: Mapping[str, Iterable[Any]]) -> Iterator[str]:
    """Vocabularies from elsewhere than the model's own assets."""
    assets = {_node_of(asset.tensor_info.name) for asset in meta_graph.asset_file_def}
    names = [Path(asset.filename) for asset in meta_graph.asset_file_def]
    strays = any(name.is_absolute() or ".." in name.parts for name in names)
    for nodes in (meta_graph.graph_def.node, *library.values()):
        body = {node.name: node for node in nodes}
        for node in body.values():
            if node.op in VOCABULARY and (strays or not assets or not _takes(node, 1, assets, body)):
                yield f"{node.op}: reads a file that is not among the model's assets"


def _saved_or_restored(meta_graph: Any, library: Mapping[str, Iterable[Any]]) -> Iterator[str]:
    """Checkpoints that a request, or a load beside the model's own, reads or writes."""
    asked = [info.name for definition in meta_graph.signature_def.values() for info in definition.outputs.values()]
    for node, _ in _behind(asked, meta_graph, library):
        if node.op in SAVER:
            yield f"{node.op}: reads or writes files when a request comes"
    kept = meta_graph.collection_def
    first = [name for key in _INIT if key in kept for name in kept[key].node_list.value]
    for node, _ in _behind(first, meta_graph, library):
        if node.op in SAVER:
            yield f"{node.op}: reads or writes files when the model is loaded"
    checkpoint = {_node_of(meta_graph.saver_def.filename_tensor_name)}
    for node, body in _behind([meta_graph.saver_def.restore_op_name], meta_graph, library):
        if node.op in SAVER and not (node.op in _RESTORE and _takes(node, 0, checkpoint, body)):
            yield f"{node.op}: reads or writes other files than its variables when the model is loaded"


def _reaches_out(node: Any) -> bool:
    name, prefix = GUARDED[node.op]
    value = node.attr[name].s
    return bool(value) and value.startswith(prefix.encode()) and not value.startswith(INSIDE)


def _behind(
    names: Iterable[str], meta_graph: Any, library: Mapping[str, Iterable[Any]]
) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Every node that these need, functions included, each with the nodes of its body by name."""
    top = {node.name: node for node in meta_graph.graph_def.node}
    bodies = {name: {node.name: node for node in nodes} for name, nodes in library.items()}
    waiting, visited = [(_node_of(name), top) for name in names], set()
    while waiting:
        name, body = waiting.pop()
        if (name, id(body)) in visited or name not in body:
            continue
        visited.add((name, id(body)))
        node = body[name]
        yield node, body
        waiting.extend((_node_of(each), body) for each in node.input)
        called = [f.name for value in node.attr.values() for f in (value.func, *value.list.func) if f.name in bodies]
        waiting.extend((each, bodies[function]) for function in called for each in bodies[function])


def _takes(node: Any, place: int, given: set[str], body: Mapping[str, Any]) -> bool:
    """Whether an input is one of the tensors that the loader gives, not a name that is written into the graph."""
    waiting, visited = [_node_of(name) for name in node.input[place : place + 1]], set[str]()
    while waiting:
        name = waiting.pop()
        if name in given or name not in body:  # else an argument of the function it stands in
            return True
        if name not in visited:
            visited.add(name)
            waiting.extend(_node_of(each) for each in body[name].input)
    return False


def _node_of(tensor: str) -> str:
    return tensor.lstrip("^").partition(":")[0]
