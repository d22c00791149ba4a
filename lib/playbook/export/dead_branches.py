"""Take branches out of a graph that a constant decides: what is left of dropout once training is over.

This module works on GraphDefs whose control flow is lowered to Switch and Merge; it needs no TensorFlow itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from playbook.tfserving.messages import MESSAGES, from_tensor_proto

BOOL = 10  # DataType DT_BOOL


def remove(graph_def: Any) -> int:
    """Remove them in place; returns how many switches were decided.

    A Switch with a constant predicate sends its data to one side; everything that needs the other side is dead, and
    a Merge left with one living input is that input. Nodes are listed inputs first only by accident, so the dead are
    found by going round until nothing changes.
    """
    nodes = {node.name: node for node in graph_def.node}
    decided = {name: side for name, node in nodes.items() if (side := _side(node, nodes)) is not None}
    dead = _dead(nodes, decided)
    for node in nodes.values():
        if node.name in dead:
            continue
        living = [source for source in node.input if not _is_dead(source, dead, decided)]
        if node.op == "Merge" and len([source for source in living if not source.startswith("^")]) == 1:
            _to_identity(node, living)
        elif node.op == "Switch" and node.name in decided:
            _to_identity(node, [node.input[0], *(source for source in living[2:] if source.startswith("^"))])
        else:
            node.input[:] = living
        node.input[:] = [_redirect(source, decided) for source in node.input]
        node.attr.pop("_class", None)  # "on the same device as" a node that may be gone
    kept = [node for node in graph_def.node if node.name not in dead]
    del graph_def.node[:]
    graph_def.node.extend(kept)
    return len(decided)


def _side(node: Any, nodes: Mapping[str, Any]) -> int | None:
    """Which output of a Switch lives, when a constant decides it."""
    if node.op not in ("Switch", "RefSwitch"):
        return None
    source = nodes.get(node.input[1].partition(":")[0])
    while source is not None and source.op == "Identity":
        source = nodes.get(source.input[0].partition(":")[0])
    if source is None or source.op != "Const" or source.attr["value"].tensor.dtype != BOOL:
        return None
    proto = MESSAGES["TensorProto"].FromString(source.attr["value"].tensor.SerializeToString())
    if not proto.tensor_content and not proto.bool_val:
        return 0  # proto3 leaves out a single false
    return int(bool(from_tensor_proto(proto).ravel()[0]))


def _dead(nodes: Mapping[str, Any], decided: Mapping[str, int]) -> set[str]:
    dead: set[str] = set()
    changed = True
    while changed:
        changed = False
        for name, node in nodes.items():
            gone = [_is_dead(source, dead, decided) for source in node.input]
            data = [lost for lost, source in zip(gone, node.input, strict=True) if not source.startswith("^")]
            if name not in dead and (bool(data) and all(data) if node.op == "Merge" else any(gone)):
                dead.add(name)
                changed = True
    return dead


def _is_dead(source: str, dead: set[str], decided: Mapping[str, int]) -> bool:
    name, _, output = source.lstrip("^").partition(":")
    if name in dead:
        return True
    return name in decided and not source.startswith("^") and int(output or 0) != decided[name]


def _redirect(source: str, decided: Mapping[str, int]) -> str:
    """An Identity has one output only."""
    name, colon, _ = source.partition(":")
    return name if colon and name in decided else source


def _to_identity(node: Any, inputs: list[str]) -> None:
    ordered = sorted(inputs, key=lambda source: source.startswith("^"))
    kind = node.attr["T"].type
    node.op = "Identity"
    node.attr.clear()
    node.attr["T"].type = kind
    node.input[:] = ordered
