"""The proof that preprocessing in the graph equals preprocessing in Python, and what it saves on the wire."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from playbook import markdown
from playbook.errors import ModelError
from playbook.export import preprocessing
from playbook.export.export import Staged
from playbook.serve import serve
from playbook.serve.spec import ServerSpec
from playbook.tfserving import signatures
from playbook.tfserving.reference import Arrays
from playbook.tfserving.requests import grpc_body, rest_body
from playbook.warmup import sending

ROWS = 128
TOLERANCE = 1e-6  # float32
OTHER_SIZE = (40, 52)  # pixels; not the model's own 28 × 28, so that the scaling is proved too
BARE, IMAGES, TENSORS = "pixels", "serving_default", "tensor_base64"  # signatures of the recipe digits_bytes


def parity(staged: Staged) -> list[dict[str, Any]]:
    """The same raw images through Python and the bare network, and through the graph: a row an encoding.

    Each row: `encoding`, `rows`, `max_abs_diff` of the probabilities. Empty for a model without preprocessing.

    Raises:
        ModelError: they differ by more than 1e-6.
    """
    from playbook.export.savedmodel import Loaded

    if staged.held_out.image_rows is None:
        return []
    small = staged.held_out.image_rows[:ROWS]
    large = np.rint(preprocessing.resize_bilinear(small, *OTHER_SIZE)).astype(np.uint8)
    with Loaded(staged.path) as loaded:
        rows = [_compare(loaded, name, pixels, kind) for name, pixels, kind in _cases(small, large)]
    if wrong := [row for row in rows if not row["max_abs_diff"] <= TOLERANCE]:
        raise ModelError(f"The graph's preprocessing is not Python's, within {TOLERANCE}: {wrong}. Do not publish it.")
    return rows


def wire(staged: Staged, run_dir: str | Path, server: str, requests: int) -> list[dict[str, Any]]:
    """One image a request to the served model in each encoding: `bytes` (mean) and `latency_ms` (median, one client).

    The encodings take turns, request by request. Latency is None with server `attach`, where none is started. Empty
    for a model without preprocessing, or in a form that lost the signatures to compare.
    """
    if staged.held_out.image_rows is None or not {BARE, IMAGES, TENSORS} <= {one.name for one in staged.signatures}:
        return []
    bodies = {name: [encode(number) for number in range(ROWS)] for name, encode in _encodings(staged).items()}
    latencies = (
        {name: None for name in bodies}
        if server == "attach"
        else _latencies(staged, Path(run_dir), server, bodies, requests)
    )
    floats = np.mean([len(body) for body in bodies["floats in JSON"]])
    return [
        {
            "encoding": name,
            "bytes": round(float(mean), 1),
            "times_fewer": round(float(floats / mean), 2),
            "latency_ms": latencies[name],
        }
        for name, mean in ((name, np.mean([len(body) for body in each])) for name, each in bodies.items())
    ]


def table(proof: Sequence[Mapping[str, Any]]) -> str:
    """The parity as Markdown, or the sentence that there is nothing to prove."""
    if not proof:
        return "This model takes its inputs as they are: there is no preprocessing to prove."
    lines = [(row["encoding"], row["rows"], f"{row['max_abs_diff']:.1e}") for row in proof]
    return markdown.table(["raw input", "rows", "largest difference"], lines)


def wire_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The wire figures as Markdown, or the sentence that they were not measured."""
    if not rows:
        return "Not measured: this model has one encoding only."
    lines = []
    for row in rows:
        latency = None if row["latency_ms"] is None else f"{row['latency_ms']:.2f}"
        lines.append((row["encoding"], f"{row['bytes']:,.0f}", f"{row['times_fewer']:.1f}", latency))
    return markdown.table(["a request with one image as", "bytes", "times fewer", "median latency, ms"], lines)


def _cases(small: np.ndarray, large: np.ndarray) -> list[tuple[str, np.ndarray, str]]:
    size = f"{OTHER_SIZE[0]} × {OTHER_SIZE[1]}"
    return [
        ("PNG, 28 × 28", small, "png"),
        (f"PNG, {size}", large, "png"),
        ("JPEG, 28 × 28", small, "jpeg"),
        (f"JPEG, {size}", large, "jpeg"),
        ("base64 of a tensor, 28 × 28", small, "tensor"),
        (f"base64 of a tensor, {size}", large, "tensor"),
    ]


def _compare(loaded: Any, name: str, pixels: np.ndarray, kind: str) -> dict[str, Any]:
    from playbook.export.recipes import serialized_base64

    encoded = [serialized_base64(one) if kind == "tensor" else preprocessing.encode_image(one, kind) for one in pixels]
    decoded = pixels if kind == "tensor" else np.stack([preprocessing.decode_grey(one) for one in encoded])
    graph = _ask(loaded, TENSORS if kind == "tensor" else IMAGES, _objects(encoded))
    python = _ask(loaded, BARE, preprocessing.prepare(decoded))
    return {"encoding": name, "rows": len(pixels), "max_abs_diff": float(np.abs(graph - python).max())}


def _ask(loaded: Any, name: str, rows: np.ndarray) -> np.ndarray:
    signature = signatures.pick(loaded.signatures, name)
    return loaded.run(signature, {signature.inputs[0].alias: rows})["probabilities"]


def _encodings(staged: Staged) -> dict[str, Callable[[int], bytes]]:
    """How a client may send row `number`."""
    rows, model = staged.held_out.rows, staged.base.name

    def one(name: str, number: int) -> Arrays:
        return {alias: array[number : number + 1] for alias, array in rows[name].items()}

    def text(number: int) -> bytes:
        (tensor,) = one(TENSORS, number).values()
        return orjson.dumps({"signature_name": TENSORS, "instances": [tensor[0].decode()]})

    return {
        "floats in JSON": lambda number: rest_body(one(BARE, number), BARE),
        "base64 of a tensor in JSON": text,
        "base64 of a PNG in JSON": lambda number: rest_body(one(IMAGES, number), IMAGES),
        "floats in gRPC tensor_content": lambda number: grpc_body(one(BARE, number), BARE, model),
        "PNG in gRPC": lambda number: grpc_body(one(IMAGES, number), IMAGES, model),
    }


def _latencies(
    staged: Staged, run_dir: Path, server: str, bodies: Mapping[str, Sequence[bytes]], requests: int
) -> dict[str, float]:
    cpus, _ = serve.split_cpus()
    spec = ServerSpec(staged.base.name, staged.base, server=server, cpus=cpus)
    latencies_ms: dict[str, list[float]] = {name: [] for name in bodies}
    with (
        serve.running(spec, run_dir, name="export-wire") as handle,
        sending.sender(handle, "rest") as rest,
        sending.sender(handle, "grpc") as grpc,
    ):
        for number in range(requests):
            for name, each in bodies.items():
                send = grpc if "gRPC" in name else rest
                latencies_ms[name].append(sending.timed_ms(send, each[number % ROWS]))
    return {
        name: round(float(np.median(latencies[len(latencies) // 10 :])), 4) for name, latencies in latencies_ms.items()
    }


def _objects(items: Sequence[bytes]) -> np.ndarray:
    rows = np.empty(len(items), dtype=object)
    rows[:] = items
    return rows
