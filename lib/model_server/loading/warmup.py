"""Replays assets.extra/tf_serving_warmup_requests before a version becomes AVAILABLE (saved_model_warmup_util.cc)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from model_server import eager, log, metrics, tensorflow_package
from model_server.calls import inference, multi_inference
from model_server.calls.predict import predict_on
from model_server.errors import CODE_NAMES, ServingError, invalid, unimplemented
from model_server.loading import record_file
from model_server.models.servable import Servable

tensorflow_package.install()
from tensorflow_serving.apis import prediction_log_pb2  # noqa: E402

FILE = os.path.join("assets.extra", "tf_serving_warmup_requests")
MOST_RECORDS = 1000
_WHERE = "tensorflow_serving/servables/tensorflow/saved_model_warmup_util.cc:"
_NUMBERS = {"session_run_log": 5, "predict_streamed_log": 7}


@dataclass(frozen=True)
class ReplayOptions:
    """How often each record is run, and whether its signature must have a standard method_name."""

    iterations: int = 1
    check_method_names: bool = False


def replay(alone: Servable, batched: Servable | None, options: ReplayOptions, loop: asyncio.AbstractEventLoop) -> None:
    """Run every record of the version's warm-up file, if it has one. Called in the thread that loads the version.

    Args:
        alone: The version run in the calling thread, behind requests as all of the load.
        batched: The version run in batches, if it is. A signature's first run, in which TensorFlow optimizes its graph,
            is then done alone before, so that no batch thread stands still for it while others wait for their batches.
        options: How it is replayed.
        loop: The event loop, which answers requests meanwhile.

    Raises:
        ServingError: anything wrong with the file or a request in it; the load fails.
    """
    path = os.path.join(alone.path, FILE)
    if not os.path.exists(path):
        log.info(_WHERE + "83", f"No warmup data file found at {path}")
        return
    shown = f"num_request_iterations {{ value: {options.iterations} }}"
    check = options.check_method_names
    log.info(
        _WHERE + "90",
        f"Starting to read warmup data for model at {path} with model-warmup-options {shown}",
    )
    started_ns, code, count, ready = time.monotonic_ns(), 0, 0, set()
    try:
        for count, record in enumerate(_records(path), start=1):
            if batched and (signature := _signature(record)) not in ready:
                ready.add(signature)
                with contextlib.suppress(ServingError):  # what is wrong with the record is told by the run that counts
                    eager.result_now(_run(alone, record, check))
            for _ in range(options.iterations):
                if batched:
                    eager.result_of(_run(batched, record, check), loop)
                else:
                    eager.result_now(_run(alone, record, check))
            if count > MOST_RECORDS:
                raise invalid(f"Number of warmup records exceeds the maximum ({MOST_RECORDS}) at {path}")
    except ServingError as error:
        code = error.code
        raise
    finally:
        micros = (time.monotonic_ns() - started_ns) // 1000
        metrics.model_warmup_latency.add(micros, alone.path, CODE_NAMES[code])
        metrics.model_warmup_records_read.add(alone.path, CODE_NAMES[code], by=count)
    log.info(
        _WHERE + "140",
        f"Finished reading warmup data for model at {path}. Number of warmup records read: {count}. "
        f"Elapsed time (microseconds): {micros}.",
    )


def _records(path: str):
    try:
        for data in record_file.records(path):
            try:
                yield prediction_log_pb2.PredictionLog.FromString(data)
            except DecodeError:
                raise invalid(f"Failed to parse warmup record: {data!r} from {path}") from None
    except ServingError as error:
        if error.code_name == "DATA_LOSS":
            error.message += ". Please verify your warmup data is in TFRecord format."
        raise


def _signature(record: prediction_log_pb2.PredictionLog) -> tuple:
    """What tells records apart that run different parts of the graph."""
    kind = record.WhichOneof("log_type")
    request = getattr(getattr(record, kind), "request", None) if kind else None
    return kind, getattr(getattr(request, "model_spec", None), "signature_name", None)


async def _run(servable: Servable, record: prediction_log_pb2.PredictionLog, check: bool) -> None:
    kind = record.WhichOneof("log_type")
    if kind == "predict_log":
        await predict_on(servable, record.predict_log.request, None, check, False)
    elif kind == "classify_log":
        await inference.infer_on(servable, record.classify_log.request, "Classify", None, check)
    elif kind == "regress_log":
        await inference.infer_on(servable, record.regress_log.request, "Regress", None, check)
    elif kind == "multi_inference_log":
        await multi_inference.multi_infer_on(servable, record.multi_inference_log.request, None, check)
    elif kind in _NUMBERS:
        raise unimplemented(f"Unsupported log_type for warmup: {_NUMBERS[kind]}")
