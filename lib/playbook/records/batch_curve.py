"""What one request takes: by the batch curve that export left before any server was started, or as stress timed it.

And what else export timed that every server pays: a load, a signature's first run, the bytes of a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playbook.records import record

WIRE_S_PER_MB = {"rest": 0.03, "grpc": 0.003}  # of a row as JSON: written, sent and read; as tensor content, beside it
WRITE_S_PER_MB = 0.01  # of JSON, to a file
BODIES = 256  # different requests that a load is written for, at most


def request_ms(exported: Mapping[str, Any], rows: int) -> float | None:
    """What one request of so many rows takes alone on one core, in milliseconds; None without a curve.

    Args:
        exported: `results` of export.json.
        rows: Of one request.
    """
    curve = exported.get("batch_curve") or {}
    by_size = dict(zip(curve.get("batch_sizes") or [], curve.get("latency_ms") or [], strict=False))
    if rows in by_size:
        return float(by_size[rows])
    line = curve.get("fit") or {}
    if line.get("a_ms") is None or line.get("b_ms") is None:
        return None
    return max(0.0, float(line["a_ms"]) + float(line["b_ms"]) * rows)


def first_run_s(exported: Mapping[str, Any]) -> float:
    """Seconds of a signature's first run beyond a later one, in which TensorFlow optimizes its graph; 0 unknown."""
    return float((exported.get("plan") or {}).get("first_run_s") or 0.0)


def replay_s(exported: Mapping[str, Any]) -> float:
    """Seconds that the warm-up requests of a version take at every load of it, first runs included."""
    sizes = exported.get("warmup_sizes") or []
    if not sizes:
        return 0.0
    signatures = max(1.0, (exported.get("warmup_records") or len(sizes)) / len(sizes))
    each_s = sum(request_ms(exported, size) or 0.0 for size in sizes) / 1000
    return signatures * (each_s + first_run_s(exported))


def wire_ms(exported: Mapping[str, Any], rows: float = 1, protocol: str = "rest") -> float:
    """What writing, sending and reading a request of so many rows takes beside its run, about, in milliseconds."""
    return 1e3 * WIRE_S_PER_MB.get(protocol, 0.0) * rows * (exported.get("row_bytes") or 0.0) / 1e6


def bodies_s(exported: Mapping[str, Any], count: int = BODIES) -> float:
    """Seconds in which so many different requests of a row are written for a load; there are as many as rows."""
    rows = min(count, exported.get("reference_rows") or count)
    return WRITE_S_PER_MB * rows * (exported.get("row_bytes") or 0.0) / 1e6


def asked_ms(run_dir: Path) -> float | None:
    """What one request took alone on the server, as 40_stress timed it, in milliseconds; None where it did not.

    By its level of one client, where it held that: what it timed before its levels were a few requests, the first with
    what a first one costs. The graph's own time says nothing of reading and writing: a picture as JSON took 14.7 ms,
    and its graph 0.7.
    """
    kept = record.load(run_dir, "stress")["results"] if record.has(run_dir, "stress") else {}
    alone = [one for one in kept.get("levels") or () if one.get("concurrency") == 1 and one.get("latency_mean_ms")]
    if alone:
        return float(alone[0]["latency_mean_ms"])
    return float(kept["request_ms"]) if kept.get("request_ms") else None
