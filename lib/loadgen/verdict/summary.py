"""The summary of one level: what its rows say, in numbers with units in their names."""

from __future__ import annotations

from typing import Any

import numpy as np

from loadgen.rows import GRPC, HTTP, KINDS, Rows
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


def errors_by_kind(rows: Rows) -> dict[str, int]:
    """Failed requests by kind; statuses are told apart (`http_503`, `grpc_8`)."""
    found: dict[str, int] = {}
    kinds, statuses = rows.kind, rows.status
    failed = kinds != 0
    for kind, status in zip(kinds[failed].tolist(), statuses[failed].tolist(), strict=True):
        name = f"{KINDS[kind]}_{status}" if kind in (HTTP, GRPC) else KINDS[kind]
        found[name] = found.get(name, 0) + 1
    return dict(sorted(found.items()))


def describe(rows: Rows, start_ns: int, duration_s: float) -> dict[str, Any]:
    """Numbers of the window `[start_ns, start_ns + duration_s)`; `rows` hold what was due in it."""
    good = rows.kind == 0
    latency = (rows.done_ns - rows.scheduled_ns)[good]
    end_ns = start_ns + int(duration_s * 1e9)
    done_inside = good & (rows.done_ns >= start_ns) & (rows.done_ns < end_ns)
    on_time = rows.take((rows.sent_ns > 0) & ~rows.queued)
    by_time = latency[np.argsort(rows.scheduled_ns[good], kind="stable")]
    low, high = percentile_interval(by_time, 0.99)
    latency_ms = spread(latency, 1e6)
    shown = latency_ms["p99"] is not None
    lateness = spread(on_time.sent_ns - on_time.scheduled_ns, 1e3)
    return {
        "requests": len(rows),
        "errors": int(np.count_nonzero(~good)),
        "errors_by_kind": errors_by_kind(rows),
        "success_rate": float(good.mean()) if len(rows) else None,
        "throughput_rps": float(np.count_nonzero(done_inside)) / duration_s,
        "offered_rps": len(rows) / duration_s,
        "duration_s": duration_s,
        "latency_ms": latency_ms
        | {"p99_low": low / 1e6 if shown and low else None, "p99_high": high / 1e6 if shown and high else None},
        "service_ms": spread((rows.done_ns - rows.sent_ns)[good], 1e6),
        "lateness_us": {name: lateness[name] for name in ("p50", "p99", "max")},
        "queued": int(np.count_nonzero(rows.queued)),
        "bytes": int(rows.size.sum()),
    }
