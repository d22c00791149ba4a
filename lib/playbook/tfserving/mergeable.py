"""Whether requests of a model can share a batch, by what export.json says of its inputs and of padding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from playbook.knobs import WITH_BATCHING
from playbook.tfserving.batching import Batching

PAD = "pad_variable_length_inputs"
Space = Mapping[str, Sequence[Any]]


def unbatchable(exported: Mapping[str, Any]) -> str:
    """Why requests of this model cannot be merged into batches; empty where they can.

    The server joins requests along the first dimension of every input. Where a signature fixes it, a batch of two is
    refused by the graph and each request is run again alone, after it has waited for the batch. Requests of different
    lengths are joined only padded, each with its own first element, which a model may take for more of its input.

    Args:
        exported: `results` of export.json.
    """
    return _fixed(exported) or _unpaddable(exported.get("merging") or {})


def padded(exported: Mapping[str, Any]) -> bool:
    """Whether requests differ in length and can be merged only with `pad_variable_length_inputs`."""
    return bool(exported.get("merging")) and not unbatchable(exported)


def doubt(exported: Mapping[str, Any], batching: Batching | None) -> str:
    """What a server with this batching does to requests of this model that meet in a batch; empty where it is well.

    Args:
        exported: `results` of export.json.
        batching: Of the server; None: off.
    """
    if batching is None:
        return ""
    if why := unbatchable(exported):
        return f"Batching is on, and {why}. Set enable_batching: false."
    if padded(exported) and not batching.pad_variable_length_inputs:
        return (
            f"Batching is on without {PAD}, and requests come in {exported['merging']['shapes']} different shapes: "
            f"those that meet in one batch are answered 400. Set {PAD}: true."
        )
    return ""


def without_batching(space: Space) -> dict[str, Sequence[Any]]:
    """The space without enable_batching and every knob that only acts while it is on."""
    return {name: values for name, values in space.items() if name not in ("enable_batching", *WITH_BATCHING)}


def with_padding(space: Space) -> dict[str, Sequence[Any]]:
    """The space with padding on wherever batching is: without it, lengths that meet in a batch are all refused."""
    return {**space, PAD: [True]}


def _fixed(exported: Mapping[str, Any]) -> str:
    served = exported.get("signature")
    for signature in exported.get("signatures") or []:
        if signature["name"] != served:
            continue
        fixed = [i for i in signature["inputs"] if i["shape"] and i["shape"][0] is not None and i["shape"][0] >= 0]
        if fixed:
            shape = ", ".join("?" if size is None or size < 0 else str(size) for size in fixed[0]["shape"])
            return (
                f"the first dimension of input '{fixed[0]['alias']}' is fixed ([{shape}]), so requests cannot be merged"
            )
    return ""


def _unpaddable(seen: Mapping[str, Any]) -> str:
    if not seen:
        return ""
    lengths = f"requests come in {seen['shapes']} different shapes, which a batch joins only padded"
    if seen["refused"]:
        return f"{lengths}, and padded ones cannot be answered ({seen['refused'].rstrip('.')})"
    if seen["changed_rows"]:
        return (
            f"{lengths}, and padding with the first element changes the answers to {seen['changed_rows']} of "
            f"{seen['padded_rows']} reference rows ({', '.join(seen['outputs'])})"
        )
    return ""
