"""The summary of one level: what its rows say, in numbers with units in their names."""

from __future__ import annotations

from typing import Any

import numpy as np

from loadgen.rows import GRPC, HTTP, KINDS, RequestRows
from loadgen.verdict.evidence import percentile_interval

PERCENTILES = {"p50": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99, "p999": 0.999}
BEYOND = 10  # samples that must lie beyond a percentile for it to be given


def percentile(ordered: np.ndarray, share: float) -> float | None:
    """The `share` quantile of ascending values; None with fewer than ten values beyond it."""
    if len(ordered) * min(share, 1 - share) < BEYOND - 1e-9:
        return None
    return float(ordered[min(len(ordered) - 1, int(np.ceil(share * len(ordered))) - 1)])


def spread(values_ns: np.ndarray, unit_ns: float) -> dict[str, float | None]:
    """Mean, percentiles and maximum of `values_ns`, in units of `unit_ns`; None where there are too few."""
    ordered = np.sort(values_ns) / unit_ns
    given: dict[str, float | None] = {"mean": float(ordered.mean()) if len(ordered) else None}
    given |= {name: percentile(ordered, share) for name, share in PERCENTILES.items()}
    return given | {"max": float(ordered[-1]) if len(ordered) else None}


def errors_by_kind(rows: RequestRows) -> dict[str, int]:
    """Failed requests by kind; statuses are told apart (`http_503`, `grpc_8`)."""
    counts: dict[str, int] = {}
    kinds, statuses = rows.kind, rows.status
    failed = kinds != 0
    for kind, status in zip(kinds[failed].tolist(), statuses[failed].tolist(), strict=True):
        name = f"{KINDS[kind]}_{status}" if kind in (HTTP, GRPC) else KINDS[kind]
        counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items()))


def due_inside(rows: RequestRows, start_ns: int, end_ns: int) -> RequestRows:
    """The requests that were due in `[start_ns, end_ns)`: those whose latency is told."""
    return rows.take((rows.scheduled_ns >= start_ns) & (rows.scheduled_ns < end_ns))


def describe(rows: RequestRows, start_ns: int, duration_s: float) -> dict[str, Any]:
    """Numbers of the window `[start_ns, start_ns + duration_s)`, from all rows of a level, ramp-up included.

    Latency, errors and the offered rate are those of the requests due inside. Throughput counts the good answers that
    came inside, whenever their requests were due: so it does not depend on how long a request takes.
    """
    end_ns = start_ns + int(duration_s * 1e9)
    came_inside = (rows.kind == 0) & (rows.done_ns >= start_ns) & (rows.done_ns < end_ns)
    answered_inside = int(np.count_nonzero(came_inside))
    due_before = int(np.count_nonzero(came_inside & (rows.scheduled_ns < start_ns)))
    window = due_inside(rows, start_ns, end_ns)
    good = window.kind == 0
    on_time = window.take((window.sent_ns > 0) & ~window.queued & ~window.again)
    lateness = spread(on_time.sent_ns - on_time.scheduled_ns, 1e3)
    return {
        "start_ns": start_ns,
        "duration_s": duration_s,
        "requests": len(window),
        "errors": int(np.count_nonzero(~good)),
        "errors_by_kind": errors_by_kind(window),
        "success_rate": float(good.mean()) if len(window) else None,
        "throughput_rps": answered_inside / duration_s,
        "answered_inside": answered_inside,
        "answered_inside_due_before": due_before,
        "offered_rps": len(window) / duration_s,
        "latency_ms": _latency_ms(window.take(good)),
        "service_ms": spread((window.done_ns - window.sent_ns)[good], 1e6),
        "lateness_us": {name: lateness[name] for name in ("p50", "p99", "max")},
        "queued": int(np.count_nonzero(window.queued)),
        "resent": int(np.count_nonzero(window.again)),
        "bytes": int(window.size.sum()),
    }


def _latency_ms(good: RequestRows) -> dict[str, float | None]:
    """Spread of the time from when each request was due, with the 95 % interval of p99 where there is a p99."""
    latency_ns = good.done_ns - good.scheduled_ns
    spread_ms = spread(latency_ns, 1e6)
    low, high = None, None
    if spread_ms["p99"] is not None:
        low, high = percentile_interval(latency_ns[np.argsort(good.scheduled_ns, kind="stable")], 0.99)
    return spread_ms | {"p99_low": low / 1e6 if low else None, "p99_high": high / 1e6 if high else None}
