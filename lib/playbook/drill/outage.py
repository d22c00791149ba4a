"""From the requests of one drill to what users lost: failures by code, seconds outside the promise, the recovery."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from playbook.promise import Promise

SECOND_NS = 1_000_000_000
_QUERY = """
    SELECT scheduled_ns, done_ns,
           CASE WHEN error IN ('http', 'grpc') THEN error || '_' || status ELSE coalesce(error, '') END AS code
    FROM read_parquet(?) ORDER BY scheduled_ns"""


@dataclass(frozen=True)
class Calls:
    """The requests of one drill in the order in which they were due; times in ns on CLOCK_MONOTONIC."""

    due_ns: np.ndarray
    done_ns: np.ndarray
    code: np.ndarray  # empty for a good answer, else how it failed: reset, timeout, http_503, ...

    @classmethod
    def read(cls, requests: Path) -> Calls:
        """The rows of one level."""
        with duckdb.connect() as db:
            columns = db.execute(_QUERY, [str(requests)]).fetchnumpy()
        due_ns, done_ns = (np.asarray(columns[name], np.int64) for name in ("scheduled_ns", "done_ns"))
        return cls(due_ns, done_ns, np.asarray(columns["code"], dtype=object))

    def __len__(self) -> int:
        return len(self.due_ns)

    @property
    def failed(self) -> np.ndarray:
        """Which requests got no good answer."""
        return self.code != ""

    @property
    def latency_ms(self) -> np.ndarray:
        """From when each was due to its end."""
        return (self.done_ns - self.due_ns) / 1e6

    def between(self, from_ns: int, to_ns: int) -> Calls:
        """Those that were due in [from, to)."""
        return self.those(slice(*np.searchsorted(self.due_ns, [from_ns, to_ns]).tolist()))

    def those(self, which: np.ndarray | slice) -> Calls:
        """Some of them, in their order."""
        return Calls(self.due_ns[which], self.done_ns[which], self.code[which])


def outage(calls: Calls, began_ns: int, end_ns: int, promise: Promise) -> dict[str, Any]:
    """What users lost from `began_ns` on, when something was done to the server, until the load's end.

    A second counts as outside when more than one in a hundred of its requests was beyond the limit or failed, or a
    larger share failed than was promised. Recovered is the server when every second from then on is inside, whenever
    it begins: 0 where none was outside, null where a whole second inside was not seen any more. Requests that were on
    their way when it happened, and went wrong, are among those that it cost, and not of the seconds before.
    """
    struck = _struck(calls, began_ns, promise)
    before = calls.those((calls.due_ns < began_ns) & ~struck)
    after = calls.those(struck | ((calls.due_ns >= began_ns) & (calls.due_ns < end_ns)))
    codes, counts = np.unique(after.code[after.failed].astype(str), return_counts=True)
    good, outside = after.latency_ms[~after.failed], _outside(after, began_ns, end_ns, promise)
    return {
        "requests": len(after),
        "lost": int(after.failed.sum()),
        "lost_by_code": dict(zip(codes.tolist(), counts.tolist(), strict=True)),
        "seconds": round((end_ns - began_ns) / 1e9, 1),
        "seconds_outside": outside,
        "recovery_s": _recovery_s(after, began_ns, end_ns, promise) if outside else 0.0,
        "slowest_ms": float(good.max()) if len(good) else None,
        "calm_before": _kept(before, promise) if len(before) else None,
    }


def by_second(calls: Calls, began_ns: int, promise: Promise) -> dict[str, list[Any]]:
    """The load second by second, counted from `began_ns` (negative before), a list a column.

    Returns:
        `second`; `offered` requests due in it, in second 0 also those that went wrong on their way; of them `lost`;
        `kept`, whether the promise was; `slowest_ms`, the slowest good answer (None: there was none).
    """
    columns: dict[str, list[Any]] = {name: [] for name in ("second", "offered", "lost", "kept", "slowest_ms")}
    seconds = np.where(_struck(calls, began_ns, promise), 0, (calls.due_ns - began_ns) // SECOND_NS)
    for number in np.unique(seconds).tolist():
        part = calls.those(seconds == number)
        good = part.latency_ms[~part.failed]
        slowest = round(float(good.max()), 1) if len(good) else None
        seen = (int(number), len(part), int(part.failed.sum()), _kept(part, promise), slowest)
        for name, value in zip(columns, seen, strict=True):
            columns[name].append(value)
    return columns


def _bad(calls: Calls, promise: Promise) -> np.ndarray:
    return calls.failed | (calls.latency_ms > promise.p99_limit_ms)


def _struck(calls: Calls, began_ns: int, promise: Promise) -> np.ndarray:
    """Which were on their way when something was done to the server, and went wrong."""
    return _bad(calls, promise) & (calls.due_ns < began_ns) & (calls.done_ns >= began_ns)


def _kept(calls: Calls, promise: Promise) -> bool:
    return promise.kept_by_counting(int(_bad(calls, promise).sum()), int(calls.failed.sum()), len(calls))


def _outside(calls: Calls, began_ns: int, end_ns: int, promise: Promise) -> int:
    """Seconds from `began_ns` on that were not kept; the last one is the load's last whole second."""
    parts = (_second(calls, start, end_ns) for start in range(began_ns, end_ns, SECOND_NS))
    return sum(1 for part in parts if len(part) and not _kept(part, promise))


def _recovery_s(calls: Calls, began_ns: int, end_ns: int, promise: Promise) -> float | None:
    """Seconds to the last bad request of the last second that was not kept; None: too near to the end to tell."""
    bad_ns = calls.due_ns[_bad(calls, promise)]
    starts = (due_ns for due_ns in bad_ns[::-1].tolist() if not _kept(_second(calls, due_ns, end_ns), promise))
    last_ns = next(starts, None)
    if last_ns is None:
        return 0.0
    over_ns = int(bad_ns[bad_ns < last_ns + SECOND_NS].max())
    return max(0.0, round((over_ns - began_ns) / 1e9, 2)) if over_ns + SECOND_NS <= end_ns else None


def _second(calls: Calls, start_ns: int, end_ns: int) -> Calls:
    """A second of the load; one that would reach beyond its end begins earlier, for few requests say little."""
    start_ns = min(start_ns, end_ns - SECOND_NS)
    return calls.between(start_ns, start_ns + SECOND_NS)
