"""Warm-up: the requests a server replays before it calls a version AVAILABLE. No TensorFlow.

`assets.extra/tf_serving_warmup_requests` is a TFRecord of PredictionLog. TensorFlow Serving replays it at every
load; one record it cannot read or the model refuses fails the load, so the file is checked before it is published.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from playbook import markdown
from playbook.errors import ModelError, WarmupNotApplied
from playbook.records import whole_file
from playbook.tfserving import ragged, tfrecord
from playbook.tfserving.messages import MESSAGES, to_tensor_proto
from playbook.tfserving.reference import Arrays
from playbook.tfserving.signatures import Signature

FILE = Path("assets.extra") / "tf_serving_warmup_requests"
MAX_RECORDS = 1000  # TensorFlow Serving fails the load at the 1001st
REMEDY = (
    "TensorFlow Serving fails the load of a version with such a file. Export again, "
    "or delete the file and pay the cold start (--enable_model_warmup=false)."
)


def sizes(wanted: Sequence[int], allowed_batch_sizes: Sequence[int] = (), max_batch_size: int = 0) -> list[int]:
    """Rows of the warm-up requests: those asked for and every allowed batch size, none above the server's largest.

    TensorFlow Serving refuses a request with more rows than max_batch_size, and a refused warm-up fails the load.
    """
    largest = max_batch_size or max([1000, *allowed_batch_sizes])
    return sorted({size for size in (*wanted, *allowed_batch_sizes) if 0 < size <= largest})


def logs(signature: Signature, rows: Mapping[str, np.ndarray], sizes: Sequence[int]) -> Iterator[bytes]:
    """One serialized PredictionLog a batch size, from real rows taken in turn, the rows of each alike in shape.

    Where rows differ in shape, the batch sizes go round the shapes, the most frequent first.

    Args:
        signature: Its method decides between a Predict, a Classify and a Regress log.
        rows: Alias to rows; serialized tf.Examples for Classify and Regress.
        sizes: Rows of each record.
    """
    groups = sorted(ragged.alike(rows), key=len, reverse=True)
    for number, size in enumerate(sizes):
        take = np.resize(groups[number % len(groups)], size)
        yield _log(signature, ragged.pick(rows, take)).SerializeToString()


def write(saved_model: Path, records: Sequence[bytes]) -> int:
    """Write the file into a SavedModel directory; returns the number of records.

    Raises:
        ModelError: more than TensorFlow Serving reads.
    """
    if len(records) > MAX_RECORDS:
        raise ModelError(
            f"{len(records)} warm-up records are more than the {MAX_RECORDS} TensorFlow Serving reads; it would fail "
            "the load. Give fewer batch sizes in `warmup_batch_sizes`."
        )
    whole_file.write_bytes(Path(saved_model) / FILE, tfrecord.encode(records))
    return len(records)


def read(saved_model: Path) -> list[Any]:
    """The PredictionLogs of a version directory.

    Raises:
        WarmupNotApplied: no file, a broken record, or too many; the remedy is named.
    """
    path = Path(saved_model) / FILE
    if not path.exists():
        raise WarmupNotApplied(f"{path} was expected and is not there. Run the 'export' notebook with warm-up sizes.")
    try:
        logs = [MESSAGES["PredictionLog"].FromString(data) for data in tfrecord.read(path)]
    except (tfrecord.RecordBroken, ValueError, _decode_error()) as error:
        raise WarmupNotApplied(f"{path} is corrupted: {error}. {REMEDY}") from error
    if len(logs) > MAX_RECORDS:
        raise WarmupNotApplied(f"{path} holds {len(logs)} records, TensorFlow Serving reads {MAX_RECORDS}. {REMEDY}")
    return logs


def request_of(log: Any) -> tuple[str, Arrays | list[bytes]]:
    """The signature of a log and what it feeds: arrays by alias, or serialized tf.Examples."""
    from playbook.tfserving.messages import from_tensor_proto

    for field in ("classify_log", "regress_log"):
        if log.HasField(field):
            request = getattr(log, field).request
            examples = [example.SerializeToString() for example in request.input.example_list.examples]
            return request.model_spec.signature_name or "serving_default", examples
    request = log.predict_log.request
    inputs = {alias: from_tensor_proto(proto) for alias, proto in request.inputs.items()}
    return request.model_spec.signature_name or "serving_default", inputs


def _log(signature: Signature, rows: Mapping[str, np.ndarray]) -> Any:
    log = MESSAGES["PredictionLog"]()
    if signature.method == "Predict":
        request = log.predict_log.request
        for alias, array in rows.items():
            request.inputs[alias].CopyFrom(to_tensor_proto(array))
    else:
        request = (log.classify_log if signature.method == "Classify" else log.regress_log).request
        for example in next(iter(rows.values())):
            request.input.example_list.examples.add().MergeFromString(example)
    request.model_spec.signature_name = signature.name
    return log


def _decode_error() -> type[Exception]:
    from google.protobuf.message import DecodeError

    return DecodeError


def table(logs: Sequence[Any]) -> str:
    """The logs of a warm-up file as Markdown: how many requests of how many rows for each signature."""
    sizes: dict[str, list[int]] = {}
    for log in logs:
        name, fed = request_of(log)
        sizes.setdefault(name, []).append(len(fed if isinstance(fed, list) else next(iter(fed.values()))))
    lines = [(f"`{name}`", len(rows), ", ".join(map(str, rows))) for name, rows in sizes.items()]
    return markdown.table(["signature", "requests", "rows"], lines)
