"""A moving load second by second: who was answered within the limit, and which seconds kept the promise."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd

from playbook.promise import Promise

P99_REQUESTS = 1000  # in a second, so that ten lie beyond its p99; with fewer there is none to tell

_QUERY = """
    WITH r AS (
        SELECT min(scheduled_ns) OVER () AS began_ns, (scheduled_ns - began_ns) // 1000000000 AS second,
               (done_ns - scheduled_ns) / 1e6 AS latency_ms, error IS NOT NULL AND error <> '' AS failed
        FROM read_parquet(?))
    SELECT second, min(began_ns) AS began_ns, count(*) AS offered, count(*) FILTER (failed) AS errors,
           count(*) FILTER (failed OR latency_ms > ?) AS beyond,
           CASE WHEN count(*) FILTER (NOT failed) >= ? THEN quantile_disc(latency_ms, 0.99) FILTER (NOT failed) END
               AS p99_ms,
           max(latency_ms) FILTER (NOT failed) AS slowest_ms
    FROM r GROUP BY second ORDER BY second"""


def by_second(requests: Path, promise: Promise) -> pd.DataFrame:
    """One row a second of the schedule, latencies in ms from when each request was due.

    A second is kept when at most one in a hundred of its requests was beyond the limit or failed, and no larger share
    failed than the promise allows. With fewer than a hundred requests that means: none was beyond it. `p99_ms` is null
    below 1,000 requests, where it would be hardly more than the slowest answer; that one is `slowest_ms`.

    Args:
        requests: The Parquet file of one level.
        promise: What a second must keep.

    Returns:
        Columns `second, began_ns, offered, errors, beyond, p99_ms, slowest_ms, kept`.
    """
    with duckdb.connect() as db:
        seconds = db.execute(_QUERY, [str(requests), promise.p99_limit_ms, P99_REQUESTS]).df()
    counts = zip(seconds["beyond"], seconds["errors"], seconds["offered"], strict=True)
    seconds["kept"] = [promise.kept_by_counting(int(b), int(e), int(n)) for b, e, n in counts]
    return seconds
