"""What one request takes, by the batch curve that export left in its record: before any server is started."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


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
