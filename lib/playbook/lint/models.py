"""Lint of a model's base path: version folders, half copies, and warm-up files that would fail the load."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.message import DecodeError

from playbook.lint.batching import limit_of
from playbook.lint.rules import Finding, finding
from playbook.tfserving.messages import MESSAGES

_WARMUP = "tf_serving_warmup_requests"
_MAX_WARMUP_RECORDS = 1000
_LOGS = ("predict_log", "classify_log", "regress_log")


def is_saved_model(folder: Path) -> bool:
    """True when the folder holds a SavedModel's graph."""
    return (folder / "saved_model.pb").is_file() or (folder / "saved_model.pbtxt").is_file()


def is_base_path(folder: Path) -> bool:
    """True for a folder that a model_base_path would name: SavedModels, or numbered folders, right below."""
    children = [child for child in folder.iterdir() if child.is_dir()] if folder.is_dir() else []
    return any(is_saved_model(child) or (_is_version(child.name) and (child / "variables").is_dir())
               for child in children)  # fmt: skip


def _is_version(name: str) -> bool:
    return name.isascii() and name.isdigit()


def check_base_path(
    base: Path, shown: str, per_model_batching: bool = False, max_batch_size: int | None = None
) -> Iterator[Finding]:
    """Findings of one base path, as the server would list it; `max_batch_size` in rows, None while batching is off."""
    children = sorted(child for child in base.iterdir() if child.is_dir())
    versions = [child for child in children if _is_version(child.name)]
    for child in children:
        if is_saved_model(child) and not _is_version(child.name) and not child.name.startswith("."):
            yield finding("version-not-numeric", f"{shown}/{child.name}", name=child.name)
    if not versions:
        yield finding("no-version", shown, path=shown)
    for version in versions:
        yield from _check_version(version, f"{shown}/{version.name}", per_model_batching, max_batch_size)


def _check_version(folder: Path, shown: str, per_model_batching: bool, max_batch_size: int | None) -> Iterator[Finding]:
    problem = _missing(folder)
    if problem:
        yield finding("version-half-copied", shown, version=folder.name, problem=problem)
    if per_model_batching and not (folder / "batching_params.pbtxt").is_file():
        yield finding("per-model-file-missing", shown, version=folder.name)
    for path in folder.rglob(f"{_WARMUP}*"):
        if path.name != _WARMUP or path.parent != folder / "assets.extra":
            place = str(path.relative_to(folder))
            yield finding("warmup-misplaced", f"{shown}/{place}", path=place)
    if (folder / "assets.extra" / _WARMUP).is_file():
        own = folder / "batching_params.pbtxt"
        limit = (limit_of(own) if own.is_file() else None) if per_model_batching else max_batch_size
        yield from _check_warmup(folder, f"{shown}/assets.extra/{_WARMUP}", limit)


def _missing(folder: Path) -> str:
    if not is_saved_model(folder):
        return "saved_model.pb is missing"
    variables = folder / "variables"
    shards = sorted(variables.glob("variables.data-*-of-*"))
    if variables.is_dir() and any(variables.iterdir()):
        if not (variables / "variables.index").is_file():
            return "variables/variables.index is missing"
        expected = int(shards[0].name.rpartition("-")[2]) if shards else 1
        if len(shards) < expected:
            return f"{len(shards)} of {expected} variables.data files are there"
    return ""


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
    try:
        model = MESSAGES["SavedModel"].FromString((folder / "saved_model.pb").read_bytes())
    except (OSError, DecodeError):
        return None
    return {name for graph in model.meta_graphs for name in graph.signature_def}


def _asked(record: bytes) -> tuple[str | None, int]:
    """The signature a warm-up record asks for, None for a kind of log without one; and its rows, 0 when unknown."""
    log = MESSAGES["PredictionLog"].FromString(record)
    for kind in _LOGS:
        if log.HasField(kind):
            request = getattr(log, kind).request
            shapes = [tensor.tensor_shape.dim for tensor in getattr(request, "inputs", {}).values()]
            rows = max((shape[0].size for shape in shapes if shape), default=0)
            return request.model_spec.signature_name or "serving_default", rows
    return None, 0


def _check_warmup(folder: Path, shown: str, max_batch_size: int | None) -> Iterator[Finding]:
    known, asked, count, most = signature_names(folder), set(), 0, 0
    try:
        for record in read_records(folder / "assets.extra" / _WARMUP):
            count += 1
            name, rows = _asked(record)
            asked.add(name)
            most = max(most, rows)
    except (ValueError, DecodeError) as problem:
        yield finding("warmup-unreadable", shown, problem=problem)
    if count > _MAX_WARMUP_RECORDS:
        yield finding("warmup-too-many", shown, count=f"{count:,}")
    if max_batch_size is not None and most > max_batch_size:
        yield finding("warmup-too-large", shown, rows=most, batch=max_batch_size)
    for name in sorted(asked - {None}):
        if known is not None and name not in known:
            yield finding("warmup-unknown-signature", shown, name=name, known=", ".join(sorted(known)))
