"""Where a tensor of a graph goes: the operations that it reaches unchanged, through calls, loops and branches.

Works on a MetaGraphDef and needs no TensorFlow itself. A value counts as unchanged where it is only reshaped, cast,
gathered, split or brought into another spelling.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

# Operations whose output is still the value that went in, with the positions of that value (None: any).
_SAME: dict[str, tuple[int, ...] | None] = {
    **dict.fromkeys(("Identity", "IdentityN", "Cast", "Reshape", "ExpandDims", "Squeeze", "Transpose", "Tile"), (0,)),
    **dict.fromkeys(("StridedSlice", "Slice", "Unique", "UniqueV2", "Minimum", "Maximum", "EnsureShape"), (0,)),
    **dict.fromkeys(("StringLower", "StringUpper", "StringStrip", "StaticRegexReplace", "RegexReplace"), (0,)),
    **dict.fromkeys(("StringSplit", "StringSplitV2", "UnicodeTranscode", "DecodeBase64", "GatherNd"), (0,)),
    **dict.fromkeys(("TensorListFromTensor", "TensorListGetItem", "TensorListStack", "StopGradient"), (0,)),
    **dict.fromkeys(("Pack", "ConcatV2", "Concat", "AddV2", "RaggedTensorToTensor", "RaggedTensorToVariant"), None),
    **dict.fromkeys(("Select", "SelectV2"), (1, 2)),
    **dict.fromkeys(("RaggedTensorFromVariant", "PreventGradient"), (0,)),
    "GatherV2": (0,),
    "Gather": (0,),
    "Substr": (0,),
}
_BRANCHES = ("If", "StatelessIf", "Case", "StatelessCase")  # their first input decides, the others are handed on
MOST_USES = 20_000  # steps; what a graph has beyond them is left unread


@dataclass(eq=False)
class Frame:
    """One body of the graph: its top level, or a function as called from one place."""

    nodes: Mapping[str, Any]
    arguments: Mapping[str, tuple[Frame, str]] = field(default_factory=dict)
    returned: tuple[str, ...] = ()
    consumers: dict[str, list[tuple[Any, int, str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for node in self.nodes.values():
            for position, source in enumerate(one for one in node.input if not one.startswith("^")):
                self.consumers.setdefault(_name(source), []).append((node, position, source))


@dataclass(frozen=True)
class TensorUse:
    """An operation that the tensor reaches, as which of its inputs, and what it passed on the way."""

    node: Any
    position: int
    frame: Frame
    passed: frozenset[str]


class Reach:
    """The graph of a SavedModel, read for where tensors go and come from."""

    def __init__(self, meta_graph: Any) -> None:
        self._functions = {one.signature.name: one for one in meta_graph.graph_def.library.function}
        self.top = Frame({node.name: node for node in meta_graph.graph_def.node})
        self._steps = 0

    def uses(self, name: str) -> list[TensorUse]:
        """Every use of a tensor of the top level, such as a signature's input "inputs:0"."""
        self._steps = 0
        return list(self._uses(self.top, _name(name), None, frozenset(), set()))

    def outputs_used(self, frame: Frame, node: Any, output: str) -> list[TensorUse]:
        """Every use of one output of a node, in the spelling of function bodies ("dense_values:0")."""
        self._steps = 0
        return list(self._uses(frame, node.name, output, frozenset(), set()))

    def source(self, frame: Frame, reference: str) -> tuple[Frame, Any] | None:
        """The node a tensor comes from, past calls, identities and reads of variables; None where that is unknown."""
        for _ in range(1000):
            name = _name(reference)
            if name in frame.arguments:
                frame, reference = frame.arguments[name]
                continue
            node = frame.nodes.get(name)
            if node is None or node.op not in ("Identity", "ReadVariableOp", "Cast", "Enter") or not node.input:
                return None if node is None else (frame, node)
            reference = node.input[0]
        return None

    def _uses(
        self, frame: Frame, name: str, output: str | None, passed: frozenset[str], reached: set[tuple[int, str]]
    ) -> Iterator[TensorUse]:
        reached.add((id(frame), name))
        for node, position, reference in frame.consumers.get(name, ()):
            self._steps += 1
            if self._steps > MOST_USES or (output is not None and not reference.endswith(output)):
                continue
            yield TensorUse(node, position, frame, passed)
            positions = _SAME.get(node.op, ())
            if (positions is None or position in positions) and (id(frame), node.name) not in reached:
                yield from self._uses(frame, node.name, None, passed | {node.op}, reached)
            yield from self._called(frame, node, position, passed, reached)

    def _called(
        self, frame: Frame, node: Any, position: int, passed: frozenset[str], reached: set[tuple[int, str]]
    ) -> Iterator[TensorUse]:
        """The uses inside the functions that a node calls, and after the call where the value comes back."""
        inputs = [one for one in node.input if not one.startswith("^")]
        offset = 1 if node.op in _BRANCHES else 0
        for body in self._bodies(node):
            names = [argument.name for argument in body.signature.input_arg]
            at = position - offset
            if not 0 <= at < len(names):
                continue
            handed = (
                {name: (frame, inputs[number + offset]) for number, name in enumerate(names)}
                if len(inputs) >= len(names) + offset
                else {}
            )
            returned = tuple(body.ret[one.name] for one in body.signature.output_arg)
            inner = Frame({one.name: one for one in body.node_def}, handed, returned)
            yield from self._uses(inner, names[at], None, passed, reached)
            for number, source in enumerate(returned):
                if (id(inner), _name(source)) in reached:
                    yield from self._uses(frame, node.name, f":{number}" if number else None, passed, reached)

    def _bodies(self, node: Any) -> Iterator[Any]:
        for attribute in node.attr.values():
            for function in (attribute.func, *attribute.list.func):
                if function.name in self._functions:
                    yield self._functions[function.name]


def _name(reference: str) -> str:
    return reference.lstrip("^").partition(":")[0]
