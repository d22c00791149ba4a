"""What one request takes: by the batch curve that export left before any server was started, or as stress timed it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playbook.records import record


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


def replay_s(exported: Mapping[str, Any]) -> float:
    """Seconds that the warm-up requests of a version take at every load of it."""
    sizes = exported.get("warmup_sizes") or []
    signatures = max(1.0, (exported.get("warmup_records") or len(sizes)) / max(1, len(sizes)))
    return signatures * sum(request_ms(exported, size) or 0.0 for size in sizes) / 1000


def asked_ms(run_dir: Path) -> float | None:
    """What one request took alone on the server, as 40_stress timed it, in milliseconds; None where it did not.

    The graph's own time says nothing of reading and writing: a picture as JSON took 14.7 ms, and its graph 0.7.
    """
    kept = record.load(run_dir, "stress")["results"] if record.has(run_dir, "stress") else {}
    return float(kept["request_ms"]) if kept.get("request_ms") else None
