"""A promise that no configuration of a server can keep: one request alone takes longer than its limit.

Batching and threads share cores between requests; neither makes one request faster than its own run of the graph. So
the batch curve of export.json says it before any server is started, and with what would help.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from playbook.promise import Promise
from playbook.records.batch_curve import request_ms

ROOM = 2.0  # a limit needs so many times the run of one request to leave room for the queue


def hopeless(exported: Mapping[str, Any], promise: Promise, rows: int, cores: int) -> str:
    """Why no configuration keeps the promise, with what would help; empty where one may.

    Several cores may share the run of one request at best evenly, so it is hopeless for certain only beyond that.

    Args:
        exported: `results` of export.json.
        promise: What is to be kept.
        rows: Of one request.
        cores: Cores of the server.
    """
    alone = request_ms(exported, rows)
    if alone is None or promise.p99_inside(alone / max(1, cores)):
        return ""
    what = "one row" if rows == 1 else f"one request of {rows} rows"
    shared = f", and {alone / cores:,.3g} ms at best were {cores} cores to share it evenly" if cores > 1 else ""
    limit, helps = promise.p99_limit_ms, remedies(exported, promise, rows, cores, alone)
    return (
        f"{what} takes {alone:,.3g} ms alone on one core (export's batch curve){shared}; the limit is {limit:g} ms. "
        f"No batching and no threads make it faster than that. What would help: {'; '.join(helps)}."
    )


def remedies(exported: Mapping[str, Any], promise: Promise, rows: int, cores: int, alone: float) -> list[str]:
    """Cores, a variant, fewer rows, a smaller model, a higher limit: each with its figure where there is one."""
    limit = promise.p99_limit_ms
    enough = -(-alone // limit)  # rounded up
    helps = [f"{enough:.0f} cores or more, and only as far as TensorFlow divides one run among them"]
    helps += [_variant(exported, limit, rows)]
    helps += [f"fewer rows in a request than {rows}"] if rows > 1 else []
    helps += ["a smaller model", f"p99_limit_ms of {_round_up(ROOM * alone / cores):g} or more"]
    return [text for text in helps if text]


def _variant(exported: Mapping[str, Any], limit_ms: float, rows: int) -> str:
    """The fastest form that export measured, where it is inside the limit."""
    timed = {
        row["name"]: row["latency_ms"][str(rows)]
        for row in exported.get("variants") or []
        if row.get("latency_ms") and str(rows) in row["latency_ms"]
    }
    name = min(timed, key=timed.__getitem__, default=None)
    if name is None or timed[name] > limit_ms:
        return ""
    return f"publish_variant {name}, which took {timed[name]:,.3g} ms in export"


def _round_up(value: float) -> float:
    """To two digits, upwards: a limit that is easy to say."""
    step = 10.0 ** (len(str(int(value))) - 2) if value >= 10 else 0.1
    return -(-value // step) * step
