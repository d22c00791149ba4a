"""Holds one level and tells what happened: workers, rows, file, checks, summary."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from loadgen.arrivals import offered
from loadgen.crew import client_cpus, run_crew
from loadgen.level import Level
from loadgen.rows import Rows
from loadgen.store import write_requests
from loadgen.summary import describe
from loadgen.validity import audit


def hold(level: Level, out_dir: Path, on_progress: Callable[[dict[str, Any]], None] | None = None) -> dict[str, Any]:
    """Hold `level`, write `out_dir/requests.parquet`, return the summary (fields: README of this package).

    `on_progress` is called about twice a second with `elapsed_s, duration_s, requests, errors, rate_rps, p99_ms`.

    Raises:
        LevelError: The level cannot be held as asked for (nothing to send, unreadable trace).
        WorkerFailed: A worker process ended without its rows.
    """
    rows, workers = run_crew(level, on_progress)
    return conclude(level, rows, workers, Path(out_dir))


def conclude(level: Level, rows: Rows, workers: list[dict[str, Any]], out_dir: Path) -> dict[str, Any]:
    """Write the rows of the window and sum them up."""
    start_ns = workers[0]["start_ns"]
    end_ns = start_ns + int(level.duration_s * 1e9)
    dead = any(w["dead"] for w in workers)
    if dead:
        end_ns = min(end_ns, max(start_ns + 1, *(w["ended_ns"] for w in workers)))
    duration_s = (end_ns - start_ns) / 1e9
    window = rows.take((rows.scheduled_ns >= start_ns) & (rows.scheduled_ns < end_ns))
    write_requests(out_dir / "requests.parquet", window, level.level)
    summary = describe(window, start_ns, duration_s, len(window))
    summary |= {
        "mean_in_flight": sum(w["in_flight_s"] / w["edge_s"] for w in workers if w["edge_s"] > 0),
        "client_cpu_share": max((w["cpu_s"] / w["edge_s"] for w in workers if w["edge_s"] > 0), default=None),
        "in_flight_cap": level.in_flight_cap(),
        "connections": level.connection_count(),
        "connections_opened": sum(w["connections_opened"] for w in workers),
        "refusals": sum(w["refusals"] for w in workers),
        "answers": {k: sum(w["answers"][k] for w in workers) for k in ("checked", "wrong", "unkept")},
        "client_cpus": client_cpus(level),
        "dead": dead,
        "level": level.to_json(),
    }
    return summary | audit(level, window, rows, summary, start_ns, offered(level))
