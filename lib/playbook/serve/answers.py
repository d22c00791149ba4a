"""Parity: does a server answer the same numbers, texts and bytes as the model itself?"""

from __future__ import annotations

import base64
import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from playbook.errors import ParameterError, PredictFailed
from playbook.serve.alive import check_alive
from playbook.serve.client import predict_grpc, predict_rest
from playbook.tfserving import ragged
from playbook.tfserving.reference import Arrays, Reference
from playbook.tfserving.requests import TOLERANCE, without_json

if TYPE_CHECKING:
    from playbook.serve.handle import Handle

REQUEST_BYTES = 4 << 20  # of JSON in one request, about; a server parses several times that
REQUEST_S = 5.0  # a request should take no longer: the server gives up at 30 s
BUDGET_S = 10.0  # no further request is sent after this
COMPANY = 8  # rows among which one is asked to see whether that changes its answer
TIMEOUT_S = 60.0  # the first request may be a cold one
TOO_MANY_ROWS = re.compile(
    r"larger than maximum input batch size (\d+)|maximum.{0,20}batch size|batch size .{0,30}exceed"
)


@dataclass(frozen=True)
class Compared:
    """The largest absolute difference of a number, and over how many rows."""

    worst: float
    rows: int


def protocols(handle: Handle, reference: Reference) -> list[str]:
    """Over which protocols answers can be compared: REST unless a tensor's type is none that JSON carries, and gRPC.

    Raises:
        ParameterError: over none.
    """
    why = without_json(reference.inputs) or without_json(reference.outputs, "output")
    found = [name for name, is_there in (("rest", not why), ("grpc", bool(handle.grpc_target))) if is_there]
    if not found:
        raise ParameterError(f"{why} The server's gRPC address is not known: give grpc_url.")
    return found


def parity(
    handle: Handle, reference: Reference, protocol: str = "rest", rows: int = 64, rtol: float = TOLERANCE["rtol"]
) -> float:
    """Largest absolute difference between the server's answers and the model's own, over the first `rows`.

    Raises:
        PredictFailed: as `compare`.
    """
    return compare(handle, reference, protocol, rows, rtol).worst


def compare(
    handle: Handle, reference: Reference, protocol: str = "rest", rows: int = 64, rtol: float = TOLERANCE["rtol"]
) -> Compared:
    """The server's answers beside the model's own, over the first `rows` rows or as many as 10 s allow.

    Rows go in requests of at most 4 MiB and 5 s, and no larger than the server takes: where it refuses a request for
    its number of rows, they are sent again in requests of the size it names, or half as large.

    Raises:
        PredictFailed: the server refused, or an answer differs by more than `rtol` of it (and `TOLERANCE`'s absolute
            part), or a text differs. Where two identical requests are answered differently, or a row alone otherwise
            than among others, that is said.
        ServerDied: it does not answer because it has ended.
    """
    predict = predict_rest if protocol == "rest" else predict_grpc
    ask: Asker = lambda part: _named(predict(handle, part.inputs, part.signature, TIMEOUT_S), part)  # noqa: E731
    size = max(1, min(rows, int(REQUEST_BYTES / max(1.0, ragged.json_bytes(reference.inputs)))))
    waiting, began = list(reference.requests(1, rows)), time.monotonic()
    compared, worst, first = 0, 0.0, True
    while waiting and (first or time.monotonic() - began < BUDGET_S):
        part, sent = waiting.pop(0), time.monotonic()
        try:
            answers = ask(part)
        except PredictFailed as error:
            size = _smaller(error, part, handle)
            waiting = _again([part, *waiting], size)
            continue
        worst = max(worst, _judge(part, answers, ask, protocol, rtol, handle, reference))
        compared += len(part)
        if first and not reference.fixed_rows:
            first, size = False, max(1, min(size, int(REQUEST_S / max(1e-4, time.monotonic() - sent))))
            waiting = _again(waiting, size)
        first = False
    return Compared(worst, compared)


Asker = Callable[[Reference], Arrays]
ENDING_S = 0.2  # from a killed server's last connection to its end


def _again(waiting: list[Reference], size: int) -> list[Reference]:
    """The same rows in requests of another size."""
    if not waiting:
        return []
    joined = waiting[0].joined(waiting[1:])
    return list(joined.requests(size))


def _smaller(error: PredictFailed, part: Reference, handle: Handle) -> int:
    """How many rows to send instead, where the server took offence at their number.

    Raises:
        PredictFailed: it did not, or a single row is too many; the error as it came.
        ServerDied: it has ended.
    """
    refused, rows = TOO_MANY_ROWS.search(str(error)), len(part)
    if refused is None or rows == 1 or part.fixed_rows:
        if handle.pid:
            time.sleep(ENDING_S)
            check_alive(handle)
        raise error
    named = int(refused.group(1) or 0)
    return named if 0 < named < rows else rows // 2


def _named(answers: Arrays, part: Reference) -> Arrays:
    return {next(iter(part.outputs)): answers[""]} if set(answers) == {""} else answers


def _judge(
    part: Reference, answers: Arrays, ask: Asker, protocol: str, rtol: float, handle: Handle, reference: Reference
) -> float:
    worst = 0.0
    for alias, expected in part.compared.items():
        if alias not in answers:
            raise PredictFailed(
                f"Output '{alias}' is missing in the answer over {protocol}, which holds {', '.join(answers)}. "
                f"Is {handle.rest_url} serving the model that was exported?"
            )
        difference = _difference(answers[alias], expected)
        if not _agrees(answers[alias], expected, rtol):
            why = _moody(answers, ask(part)) or _by_company(reference, ask)
            why = why or f" Is {handle.rest_url} serving the model that was exported?"
            raise PredictFailed(_words(alias, difference, protocol, rtol) + why)
        worst = max(worst, difference or 0.0)
    return worst


def _words(alias: str, difference: float | None, protocol: str, rtol: float) -> str:
    if difference is not None and math.isnan(difference):
        return f"Output '{alias}' over {protocol} holds NaN where the model's own numbers are numbers."
    if difference is None:
        return f"Output '{alias}' over {protocol} is not the text, or not of the shape, that the model itself gave."
    return (
        f"Output '{alias}' over {protocol} differs from the model's own by {difference:g}; a relative difference of "
        f"{rtol:g} was allowed."
    )


def _moody(answers: Arrays, again: Arrays) -> str:
    """What two answers to the same request say about it."""
    names = [alias for alias in answers if alias not in again or not _agrees(again[alias], answers[alias], 1e-9, 0.0)]
    if not names:
        return ""
    return (
        f" The same request sent twice gets different {', '.join(names)}: a random or stateful output cannot be "
        f"compared. Leave it out when exporting: ignore_outputs: [{', '.join(names)}]."
    )


def _by_company(reference: Reference, ask: Asker) -> str:
    """What a row alone and the same row among others say about the model; nothing where they cannot be asked."""
    if reference.fixed_rows or len(reference) < 2:
        return ""
    together = next(iter(reference.requests(COMPANY, COMPANY)))
    try:
        alone, among = ask(next(iter(together.requests(1, 1)))), ask(together)
    except PredictFailed:
        return ""
    names = [alias for alias in among if alias in alone and not _agrees(alone[alias][:1], among[alias][:1], 1e-3)]
    if not names:
        return ""
    listed = ", ".join(names)
    return (
        f" Outputs of a row depend on the rows asked with it: alone it got another {listed} than among "
        f"{len(together)}, so answers change as soon as requests share a batch. Batch normalisation in training mode "
        "does this, and a softmax or mean over the batch axis: export the model with training=False, reduce over the "
        f"other axes, or leave the output out when exporting: ignore_outputs: [{listed}]."
    )


def _difference(got: np.ndarray, expected: np.ndarray) -> float | None:
    """Largest absolute difference, NaN where only one is a number; None for texts and shapes that do not agree."""
    if expected.dtype == object or got.dtype.kind in "OSU" or got.shape != expected.shape:
        return None
    if (np.isnan(got.astype(np.float64)) != np.isnan(expected.astype(np.float64))).any():
        return math.nan
    apart = np.abs(got.astype(np.float64) - expected.astype(np.float64))
    return float(np.nanmax(apart, initial=0.0))


def _agrees(got: np.ndarray, expected: np.ndarray, rtol: float, atol: float = TOLERANCE["atol"]) -> bool:
    if got.shape != expected.shape:
        return False
    if expected.dtype.kind in "OSU" or got.dtype.kind in "OSU":
        return _texts(got) == _texts(expected)
    same = np.isclose(got.astype(np.float64), expected.astype(np.float64), rtol=rtol, atol=atol, equal_nan=True)
    return bool(same.all())


def _texts(array: np.ndarray) -> list[bytes]:
    return [_text(item) for item in array.ravel().tolist()]


def _text(item: object) -> bytes:
    if isinstance(item, dict):
        return base64.b64decode(item["b64"])
    return item if isinstance(item, bytes) else str(item).encode()
