"""Lint of a version's warm-up file: whether its records would be replayed, or fail the load."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.message import DecodeError

from playbook.lint.rules.findings import Finding, finding

WARMUP = "tf_serving_warmup_requests"
_MAX_RECORDS = 1000
_LOGS = ("predict_log", "classify_log", "regress_log")


def read_records(path: Path) -> Iterator[bytes]:
    """The payloads of a TFRecord file; checksums are not compared.

    Raises:
        ValueError: the framing breaks off. Source: tensorflow/core/lib/io/record_reader.cc.
    """
    with path.open("rb") as file:
        while header := file.read(12):
            length = struct.unpack("<Q", header[:8])[0] if len(header) == 12 else -1
            if not 0 <= length <= path.stat().st_size:
                raise ValueError("not in TFRecord format")
            body = file.read(length + 4)
            if len(body) != length + 4:
                raise ValueError("the last record is cut")
            yield body[:length]


def signature_names(folder: Path) -> set[str] | None:
    """Names in saved_model.pb's signature_def maps; None when the file cannot be read here."""
    from playbook.tfserving.messages import MESSAGES

    try:
        model = MESSAGES["SavedModel"].FromString((folder / "saved_model.pb").read_bytes())
    except (OSError, DecodeError):
        return None
    return {name for graph in model.meta_graphs for name in graph.signature_def}


def _asked(record: bytes) -> tuple[str | None, int]:
    """The signature a warm-up record asks for, None for a kind of log without one; and its rows, 0 when unknown."""
    from playbook.tfserving.messages import MESSAGES

    log = MESSAGES["PredictionLog"].FromString(record)
    for kind in _LOGS:
        if log.HasField(kind):
            request = getattr(log, kind).request
            shapes = [tensor.tensor_shape.dim for tensor in getattr(request, "inputs", {}).values()]
            rows = max((shape[0].size for shape in shapes if shape), default=0)
            return request.model_spec.signature_name or "serving_default", rows
    return None, 0


def check_warmup(folder: Path, shown: str, max_batch_size: int | None) -> Iterator[Finding]:
    """Findings of a version's warm-up file; `max_batch_size` in rows, None where requests are not batched."""
    known, count, most = signature_names(folder), 0, 0
    asked: set[str] = set()
    try:
        for record in read_records(folder / "assets.extra" / WARMUP):
            count += 1
            name, rows = _asked(record)
            asked |= {name} if name else set()
            most = max(most, rows)
    except (ValueError, DecodeError) as problem:
        yield finding("warmup-unreadable", shown, problem=problem)
    if count > _MAX_RECORDS:
        yield finding("warmup-too-many", shown, count=f"{count:,}")
    if max_batch_size is not None and most > max_batch_size:
        yield finding("warmup-too-large", shown, rows=most, batch=max_batch_size)
    for name in sorted(asked):
        if known is not None and name not in known:
            yield finding("warmup-unknown-signature", shown, name=name, known=", ".join(sorted(known)))
