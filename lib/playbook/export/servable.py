"""Will it serve? Operations that a stock TensorFlow Serving does not know, and a model newer than its runtime.

Source: tensorflow/serving model_servers/BUILD links TensorFlow's operations, TensorFlow Text's and Decision Forests'.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playbook.tfserving import signatures

NEWEST = "2.20"  # TensorFlow Serving; its minor version is its TensorFlow's
PYTHON = ("PyFunc", "PyFuncStateless", "EagerPyFunc")
LINKED = {"TFText>": "TensorFlow Text", "SimpleML": "TensorFlow Decision Forests"}
_TEXT = (
    "CaseFoldUTF8 ConstrainedSequence FastBertNormalize FastWordpieceDetokenize FastWordpieceTokenizeWithOffsets "
    "FindSourceOffsets NormalizeUTF8 NormalizeUTF8WithOffsetsMap RegexSplitWithOffsets RougeL SentenceFragments "
    "SentencepieceDetokenizeOp SentencepieceIdToStringOp SentencepieceOp SentencepieceStringToIdOp "
    "SentencepieceTokenizeOp SentencepieceTokenizeWithOffsetsOp SentencepieceVocabSizeOp SplitMergeTokenizeWithOffsets "
    "SplitMergeFromLogitsTokenizeWithOffsets UnicodeScriptTokenizeWithOffsets WhitespaceTokenizeWithOffsets "
    "WhitespaceTokenizeWithOffsetsV2 WordpieceTokenizeWithOffsets"
)
TEXT = frozenset(_TEXT.split())


def remarks(saved_model: Path, server: str = "embedded") -> list[str]:
    """What a stock server, or the embedded one, may not run, in sentences; empty when both run all of it."""
    graph = signatures.meta_graph(saved_model)
    return [*_unknown(graph), *_newer(graph.meta_info_def.tensorflow_version, server)]


def _unknown(graph: Any) -> Iterator[str]:
    from tensorflow.python.framework import op_def_registry

    first: dict[str, str] = {}
    for node in _nodes(graph):
        first.setdefault(node.op, node.name)
    called = {one.signature.name for one in graph.graph_def.library.function}
    for name in sorted(set(first) - called):
        if name in PYTHON:
            yield f"{name} (node {first[name]!r}) calls Python: no server runs it, whatever allow_unsafe_ops says."
        elif library := _linked(name):
            yield (
                f"{name} (node {first[name]!r}) is {library}'s: TensorFlow Serving registers it, the embedded server "
                "only where that package is installed and imported."
            )
        elif op_def_registry.get(name) is None:
            yield (
                f"{name} (node {first[name]!r}) is no operation that a stock tensorflow_model_server registers: the "
                "version will not load there. Build a server with its library, or move the step out of the model."
            )


def _linked(name: str) -> str | None:
    if name in TEXT:
        return LINKED["TFText>"]
    return next((library for prefix, library in LINKED.items() if name.startswith(prefix)), None)


def _newer(version: str, server: str) -> Iterator[str]:
    """A graph may hold operations, or attributes of them, that an older runtime does not know."""
    if server in ("binary", "docker") and _minor(version) > _minor(NEWEST):
        yield (
            f"The model was written by TensorFlow {version}, and the newest TensorFlow Serving is {NEWEST}: it may use "
            "operations that server does not know. If it does not load there, export it with TensorFlow "
            f"{NEWEST}."
        )


def _minor(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())


def _nodes(graph: Any) -> Iterator[Any]:
    yield from graph.graph_def.node
    for function in graph.graph_def.library.function:
        yield from function.node_def
